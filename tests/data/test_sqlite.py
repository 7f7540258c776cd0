"""States of a SQLite file."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from resetting import Shop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.system import find_system
from sceneshift.data.target import load_targets

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("chores_warm")


def test_the_log_of_a_crashed_program_is_not_played_over_the_new_state(
    tmp_path: Path,
) -> None:
    """It would have the old rows be there again; nor is what is in it lost."""
    shop = Shop(tmp_path / "shop", "a")
    shop.reset()
    crashed = tmp_path / "crashed.db"
    with contextlib.closing(sqlite3.connect(crashed)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE a AS SELECT 9 AS id")
        connection.commit()
        for ending in ("", "-wal"):
            shutil.copyfile(f"{crashed}{ending}", f"{shop.file}{ending}")
    shop.reset()
    assert shop.run("SELECT id FROM a") == [(1,)]
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(9,)]


def test_a_table_of_versions_that_was_left_behind_says_nothing(tmp_path: Path) -> None:
    """As by `drop_all()` of the models: a migration would find nothing to do."""
    shop = Shop(tmp_path, "a", "b")
    shop.reset()
    shop.run("DROP TABLE a")
    shop.run("DROP TABLE b")
    assert shop.run("SELECT version_num FROM alembic_version") == [("r2",)]
    shop.reset()
    assert shop.tables() == ["a", "b"]


def test_what_was_built_is_looked_at_before_it_is_kept(tmp_path: Path) -> None:
    """A disk may have written something else than it was given."""
    shop = Shop(tmp_path)
    (target,) = load_targets(tmp_path, shop.environ)
    system = find_system(target)
    draft = system.begin(None)
    path = draft.find_file(tmp_path)
    assert path is not None
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, text)")
        rows = [(number, "x" * 90) for number in range(400)]
        connection.executemany("INSERT INTO a VALUES (?, ?)", rows)
        connection.commit()
    data = bytearray(path.read_bytes())
    data[-4096:] = bytes(4096)
    path.write_bytes(data)
    with pytest.raises(SceneshiftError, match="what was built is damaged: "):
        system.keep(draft, "0" * 20)
    assert not system.has_snapshot("0" * 20)
