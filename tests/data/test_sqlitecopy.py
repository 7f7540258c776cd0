"""Copies of SQLite files that are in use."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.sqlite.copying import copy_sqlite

if TYPE_CHECKING:
    from pathlib import Path


def make(path: Path, rows: int = 1000, mode: str = "wal") -> sqlite3.Connection:
    """Return a connection to a new database with rows."""
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute(f"PRAGMA journal_mode={mode}")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, twin INTEGER)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", [(n, n) for n in range(rows)])
    connection.commit()
    return connection


def count(path: Path) -> int:
    """Return how many rows there are, after a check of all."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (found,) = connection.execute(
            "SELECT count(*) FROM t WHERE id = twin"
        ).fetchone()
        (every,) = connection.execute("SELECT count(*) FROM t").fetchone()
    assert found == every
    return int(every)


def names(folder: Path) -> list[str]:
    """Return what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_what_is_in_use_is_copied_whole(tmp_path: Path, mode: str) -> None:
    """With what is in the WAL alone, while others read and write."""
    origin, target = tmp_path / "dev.db", tmp_path / "new" / "copy.db"
    done = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(origin, timeout=30)) as connection:
            number = 1000
            while not done.is_set():
                with connection:
                    connection.execute("INSERT INTO t VALUES (?, 0)", (number,))
                    connection.execute("UPDATE t SET twin = id WHERE twin = 0")
                number += 1

    with closing(make(origin, mode=mode)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchone()
        reader.rollback()
        thread = threading.Thread(target=write)
        thread.start()
        try:
            copy_sqlite(origin, target)
        finally:
            done.set()
            thread.join()
        assert count(target) >= 1000
        assert count(origin) >= count(target)
    assert names(target.parent) == ["copy.db"]


def test_the_copy_has_the_rights_of_the_original(tmp_path: Path) -> None:
    """Nobody reads in it what he could not read there."""
    make(tmp_path / "dev.db").close()
    (tmp_path / "dev.db").chmod(0o640)
    copy_sqlite(tmp_path / "dev.db", tmp_path / "copy.db")
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o640


def test_a_file_system_without_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is given by other means there, and an odd error is told."""
    make(tmp_path / "dev.db", rows=5).close()

    def refuse(_old: Path, _new: Path) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(os, "link", refuse)
    reason = errno.EPERM
    copy_sqlite(tmp_path / "dev.db", tmp_path / "copy.db")
    assert count(tmp_path / "copy.db") == 5
    reason = errno.EIO
    with pytest.raises(SceneshiftError, match="input/output error"):
        copy_sqlite(tmp_path / "dev.db", tmp_path / "more.db")
    assert names(tmp_path) == ["copy.db", "dev.db"]


def test_what_is_there_stays(tmp_path: Path) -> None:
    """Somebody may have made it in the meantime."""
    make(tmp_path / "dev.db").close()
    (tmp_path / "copy.db").write_text("mine")
    (tmp_path / "copy.db-wal").write_text("mine too")
    copy_sqlite(tmp_path / "dev.db", tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"
    assert names(tmp_path) == ["copy.db", "copy.db-wal", "dev.db"]


def test_the_log_of_a_removed_database_is_not_played_into_the_copy(
    tmp_path: Path,
) -> None:
    """SQLite would take it for that of the new file."""
    origin, target = tmp_path / "dev.db", tmp_path / "copy.db"
    make(origin, rows=3).close()
    with closing(make(target, rows=500)) as former:
        target.unlink()
        assert (tmp_path / "copy.db-wal").stat().st_size > 0
        copy_sqlite(origin, target)
        assert count(target) == 3
        assert former.execute("SELECT count(*) FROM t").fetchone() == (500,)


def test_what_is_no_database_is_not_copied(tmp_path: Path) -> None:
    """It is told, and nothing is left."""
    (tmp_path / "dev.db").write_text("no database " * 500)
    with pytest.raises(SceneshiftError, match=r"dev\.db cannot be copied"):
        copy_sqlite(tmp_path / "dev.db", tmp_path / "copy.db")
    assert names(tmp_path) == ["dev.db"]


def test_what_stays_locked_is_given_up(tmp_path: Path) -> None:
    """A lock is not waited for without end."""
    with closing(make(tmp_path / "dev.db", mode="delete")) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SceneshiftError, match=r"it is locked for 0\.1 s"):
            copy_sqlite(tmp_path / "dev.db", tmp_path / "copy.db", busy_s=0.1)
        writer.rollback()
    assert names(tmp_path) == ["dev.db"]


def test_where_nothing_can_be_written_that_is_said(tmp_path: Path) -> None:
    """With what is in the way."""
    make(tmp_path / "dev.db").close()
    (tmp_path / "file").touch()
    with pytest.raises(SceneshiftError, match="file"):
        copy_sqlite(tmp_path / "dev.db", tmp_path / "file" / "copy.db")


def test_only_its_own_drafts_are_swept(tmp_path: Path) -> None:
    """Those of a longer name may be in the making for another worktree."""
    make(tmp_path / "dev.db", rows=5).close()
    ours = {".new-0a1b2c3d-d[e]v", ".new-0a1b2c3d-d[e]v-wal", ".new-9a1b2c3d-d[e]v"}
    others = {f".new-0a1b2c3d-{name}" for name in ("d[e]v2", "my-d[e]v", "dev", "d")}
    for name in ours | others:
        (tmp_path / name).touch()
    copy_sqlite(tmp_path / "dev.db", tmp_path / "d[e]v")
    assert set(names(tmp_path)) == {*others, "dev.db", "d[e]v"}


# Stops at the nth of the calls that change something, and waits to be killed.
STOPPED = """
import os, signal, sys
from pathlib import Path
from sceneshift.data.sqlite import copying as sqlitecopy
left = int(sys.argv[3])
def count(name, where=os):
    real = getattr(where, name)
    def call(*args, **more):
        global left
        left -= 1
        if left < 0:
            print("stopped", flush=True)
            signal.pause()
        return real(*args, **more)
    setattr(where, name, call)
for name in ("open", "close", "fsync", "link", "unlink", "chmod"):
    count(name)
count("back_up", sqlitecopy)
sqlitecopy.copy_sqlite(Path(sys.argv[1]), Path(sys.argv[2]))
print("done", flush=True)
"""


def test_a_copy_that_is_killed_at_any_point_is_whole_or_not_there(
    tmp_path: Path,
) -> None:
    """And what it has left is gone after the next one."""
    origin, target = tmp_path / "dev.db", tmp_path / "copies" / "copy.db"
    make(origin, rows=10).close()
    said = b""
    for number in range(100):
        words = [sys.executable, "-c", STOPPED, str(origin), str(target), str(number)]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            said = process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        if target.exists():
            assert count(target) == 10
            target.unlink()
        if said == b"done\n":
            break
    assert said == b"done\n"
    assert number > 5
    copy_sqlite(origin, target)
    assert names(target.parent) == ["copy.db"]
