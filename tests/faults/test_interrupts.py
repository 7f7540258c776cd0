"""Ctrl-C at every step of whatever changes a database."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NoReturn

import pytest

from killing import kill_at_each
from resetting import ServerShop, Shop
from trials import Trial

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server

pytestmark = pytest.mark.usefixtures("chores_warm")


def interrupt() -> NoReturn:
    """Do what Python does at a Ctrl-C."""
    raise KeyboardInterrupt


def run(trial: Trial) -> None:
    """Run a command that may be interrupted."""
    with contextlib.suppress(KeyboardInterrupt):
        trial.run()


@pytest.mark.parametrize("act", ["reset", "undo", "drop"])
def test_it_leaves_the_old_or_the_new(memory_path: Path, act: str) -> None:
    """Of a file, whole; the next command goes on from there."""
    trial = Trial(Shop(memory_path), act)
    seen = kill_at_each(lambda: run(trial), trial.check, memory_path, interrupt)
    assert {*seen} == {True, False}
    assert seen[-1]
    assert len(seen) >= 10
    assert list(memory_path.glob(".sceneshift/data/*/drafts/*")) == []


@pytest.mark.needs("postgresql")
def test_it_leaves_the_old_or_the_new_on_a_server(
    tmp_path: Path, server: Server
) -> None:
    """A database of PostgreSQL."""
    shop = ServerShop(tmp_path, server=server)
    trial = Trial(shop, "reset")
    seen = kill_at_each(lambda: run(trial), trial.check, tmp_path, interrupt)
    assert {*seen} == {True, False}
    assert seen[-1]
    assert len(seen) >= 8
    assert shop.beside("bn") == []
