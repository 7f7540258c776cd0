from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resetting import Shop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.sqlite.system import SqliteSystem
from sceneshift.data.system import find_system
from sceneshift.data.target import load_targets
from sceneshift.data.undo import UndoLog, place_state

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.data.marker import Marker


class Failing(SqliteSystem):
    """A system that can put nothing in place."""

    def place(self, snapshot: str, marker: Marker, former: str) -> None:
        """Fail."""
        said = f"{snapshot} as {marker}, and {former} kept: the disk is full"
        raise SceneshiftError(said, hint="df -h")


def test_a_change_that_fails_leaves_both_ways_open(tmp_path: Path) -> None:
    """What was taken back can still be made again, until something else is done."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    shop.insert("a", 2)
    last = shop.reset().snapshot.id
    shop.undo()
    (target,) = load_targets(shop.root, shop.environ)
    with pytest.raises(SceneshiftError, match="the disk is full"):
        place_state(target, Failing(target), "reset", "reset", last)
    shop.undo(is_redo=True)
    assert shop.run("SELECT id FROM a") == [(1,)]
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.reset()
    with pytest.raises(SceneshiftError, match="can be made again"):
        shop.undo(is_redo=True)


def test_what_cannot_be_written_down_is_told(tmp_path: Path) -> None:
    """As a full disk: with where it is, and not as a fault of the program."""
    log = UndoLog(tmp_path / "full")
    with pytest.raises(SceneshiftError, match="it cannot be written down") as caught:
        log.begin("reset", "reset", environment="development", before="")
    assert caught.value.hint == (
        f"is there room, and is it yours? df -h {tmp_path / 'full'}"
    )


def test_a_system_without_states_is_told_for_any_act(tmp_path: Path) -> None:
    """It may have been a reset, an undo or a list."""
    shop = Shop(tmp_path, "a")
    toml = tmp_path / "pyproject.toml"
    toml.write_text(
        toml.read_text().replace("sqlite:///shop.db", "oracle://me@db/shop")
    )
    (target,) = load_targets(shop.root, shop.environ)
    with pytest.raises(SceneshiftError) as caught:
        find_system(target)
    assert caught.value.message == (
        "no states are kept of `default`: it is a database of `oracle`"
    )
