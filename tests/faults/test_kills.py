"""`kill -9` at every step of whatever changes a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from killing import kill_at_each
from resetting import MysqlShop, ServerShop, Shop
from support import wait_until
from trials import ACTS, Trial

if TYPE_CHECKING:
    from pathlib import Path

    import mariadb
    from postgresql import Server

pytestmark = pytest.mark.usefixtures("chores_warm")

# How many changes each command makes at least: of a file, and on a server.
LEAST = {
    "reset": (15, 9),
    "build": (25, 20),
    "fill": (20, 18),
    "restore": (15, 9),
    "undo": (10, 1),
    "redo": (10, 1),
    "drop": (20, 14),
    "migrate": (20, 2),
    "seed": (20, 3),
}


def test_the_cases_are_many() -> None:
    """Two hundred at least; each of the others makes sure of its part."""
    assert LEAST.keys() == ACTS.keys()
    assert sum(map(sum, LEAST.values())) >= 200


@pytest.mark.parametrize("act", LEAST)
def test_a_kill_leaves_the_old_or_the_new(memory_path: Path, act: str) -> None:
    """Of a file, whole; the next command goes on from there, and sweeps."""
    trial = Trial(Shop(memory_path), act)
    seen = kill_at_each(trial.run, trial.check, memory_path)
    assert {*seen} == {True, False}
    assert seen[-1]
    assert len(seen) >= LEAST[act][0]
    state = memory_path / ".sceneshift/data"
    assert list(state.glob("*/drafts/*")) == []
    assert list(state.glob("*/snapshots/.*")) == []


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("act", LEAST)
def test_a_kill_leaves_the_old_or_the_new_on_a_server(
    tmp_path: Path, server: Server, act: str
) -> None:
    """The same of a database of PostgreSQL."""
    shop = ServerShop(tmp_path, server=server)
    trial = Trial(shop, act)
    seen = kill_at_each(trial.run, trial.check, tmp_path)
    assert {*seen} == {True, False}
    assert seen[-1]
    assert len(seen) >= LEAST[act][1]
    assert shop.beside("bn") == []
    wait_until(lambda: not shop.beside("x"))
    written = list(tmp_path.glob(".sceneshift/data/*/snapshots/*.json"))
    assert len(shop.beside("s")) == len(written)


@pytest.mark.needs("mariadb")
def test_a_kill_leaves_the_old_or_the_new_on_mariadb(
    tmp_path: Path, mysql: mariadb.Server
) -> None:
    """A reset of one of MariaDB; `test_mysql` has its other steps, and acts."""
    shop = MysqlShop(tmp_path, server=mysql)
    trial = Trial(shop, "reset")
    seen = kill_at_each(trial.run, trial.check, tmp_path)
    assert {*seen} == {True, False}
    assert seen[-1]
    assert len(seen) >= 25
    assert "draft" not in shop.beside()
