from __future__ import annotations

import contextlib
import inspect
import signal
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.data.sqlite.aside import change_aside
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODES = pytest.mark.parametrize("mode", ["delete", "wal"])
SMALL, LARGE = 3, 3000  # rows of a kilobyte: less than a step of the copy, and many


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection of a program that does not wait."""
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as connection:
        yield connection


def make(path: Path, *, mode: str = "delete", rows: int = SMALL) -> None:
    """Make a file with rows."""
    with opened(path) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE old (text)")
        row = ("x" * 1000,)
        connection.executemany("INSERT INTO old VALUES (?)", [row] * rows)
        connection.commit()


def look(path: Path) -> tuple[object, ...]:
    """Return the way of writing, the tables, and the rows of the first."""
    with opened(path) as connection:
        (state,) = connection.execute("PRAGMA integrity_check").fetchone()
        assert state == "ok"
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        names = connection.execute("SELECT name FROM sqlite_master ORDER BY 1")
        tables = [name for (name,) in names]
        (count,) = connection.execute("SELECT count(*) FROM old").fetchone()
        return mode, tables, count


def change(draft: Path) -> None:
    """Change the copy, in a way of writing of its own."""
    with opened(draft) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE new AS SELECT * FROM old")
        connection.commit()


def apply(path: Path, how: Callable[[Path], None] = change) -> None:
    """Change a file aside."""
    draft = path.with_name("draft.db")
    change_aside(path, draft, lambda: how(draft), wait_s=0.5)


@MODES
@pytest.mark.parametrize("rows", [SMALL, LARGE])
def test_a_file_is_changed_and_stays_as_it_was_otherwise(
    tmp_path: Path, mode: str, rows: int
) -> None:
    """Its way of writing is its own, and nothing is left beside it."""
    path = tmp_path / "a.db"
    make(path, mode=mode, rows=rows)
    inode = path.stat().st_ino
    with opened(path) as user:
        assert user.execute("SELECT count(*) FROM old").fetchone() == (rows,)
        apply(path)
        assert user.execute("SELECT count(*) FROM new").fetchone() == (rows,)
    assert look(path) == (mode, ["new", "old"], rows)
    assert path.stat().st_ino == inode
    assert [each.name for each in tmp_path.iterdir()] == ["a.db"]


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    """With its folder."""
    path = tmp_path / "var" / "a.db"

    def create(draft: Path) -> None:
        assert draft.stat().st_mode & 0o777 == 0o600
        make(draft)

    apply(path, create)
    assert look(path) == ("delete", ["old"], SMALL)


@MODES
def test_pages_of_another_size_are_fitted(tmp_path: Path, mode: str) -> None:
    """A file with a log takes no other."""
    path = tmp_path / "a.db"
    with opened(path) as connection:
        connection.execute("PRAGMA page_size = 1024")
    make(path, mode=mode)

    def resize(draft: Path) -> None:
        with opened(draft) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA page_size = 8192")
            connection.execute("VACUUM")
        change(draft)

    apply(path, resize)
    assert look(path) == (mode, ["new", "old"], SMALL)


@MODES
def test_what_fails_has_changed_nothing(tmp_path: Path, mode: str) -> None:
    """The error is passed on."""
    path = tmp_path / "a.db"
    make(path, mode=mode)

    def stumble(draft: Path) -> None:
        change(draft)
        raise SceneshiftError("no", hint="yes")

    with pytest.raises(SceneshiftError, match=r"^no$"):
        apply(path, stumble)
    assert look(path) == (mode, ["old"], SMALL)
    assert [each.name for each in tmp_path.iterdir()] == ["a.db"]


@MODES
def test_nobody_writes_meanwhile(tmp_path: Path, mode: str) -> None:
    """It would be lost; but everybody reads."""
    path = tmp_path / "a.db"
    make(path, mode=mode)

    def interfere(draft: Path) -> None:
        with opened(path) as other:
            assert other.execute("SELECT count(*) FROM old").fetchone() == (SMALL,)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("DELETE FROM old")
        change(draft)

    apply(path, interfere)
    assert look(path) == (mode, ["new", "old"], SMALL)


@MODES
def test_who_writes_all_the_time_loses_nothing(tmp_path: Path, mode: str) -> None:
    """What comes between the lock and the writing back makes it begin anew."""
    path = tmp_path / "a.db"
    make(path, mode=mode, rows=LARGE)
    written, stop = [0], threading.Event()

    def write() -> None:
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
            while not stop.is_set():
                connection.execute("INSERT INTO old VALUES ('y')")
                connection.commit()
                written[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: written[0])
    with contextlib.suppress(BusyError):
        change_aside(path, tmp_path / "d", lambda: change(tmp_path / "d"), wait_s=1)
    stop.set()
    writer.join()
    assert look(path)[2] == LARGE + written[0]


def write_between(path: Path, times: int) -> Callable[[Path], None]:
    """Return a change in which others write, as they may where the lock is let go."""
    left = [times]

    def meet(draft: Path) -> None:
        change(draft)
        if left[0]:
            left[0] -= 1
            frames = (each.frame.f_locals for each in inspect.stack())
            live = next(each["live"] for each in frames if "live" in each)
            live._writer.execute("ROLLBACK")
            with opened(path) as other:
                other.execute("INSERT INTO old VALUES ('z')")
                other.commit()
            live._writer.execute("BEGIN IMMEDIATE")

    return meet


@MODES
@pytest.mark.parametrize("rows", [SMALL, LARGE])
def test_what_is_written_between_is_kept(tmp_path: Path, mode: str, rows: int) -> None:
    """The second time it is in the copy."""
    path = tmp_path / "a.db"
    make(path, mode=mode, rows=rows)
    apply(path, write_between(path, 1))
    assert look(path) == (mode, ["new", "old"], rows + 1)


@MODES
def test_at_the_third_time_it_gives_up(tmp_path: Path, mode: str) -> None:
    """With nothing changed, and nothing lost."""
    path = tmp_path / "a.db"
    make(path, mode=mode)
    with pytest.raises(BusyError, match="again and again"):
        apply(path, write_between(path, 3))
    assert look(path) == (mode, ["old"], SMALL + 3)


@MODES
def test_a_file_that_is_being_written_to_is_waited_for(
    tmp_path: Path, mode: str
) -> None:
    """Not for ever."""
    path = tmp_path / "a.db"
    make(path, mode=mode)
    with opened(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError, match="is being written to"):
            apply(path)
        other.execute("ROLLBACK")
        apply(path)


def test_a_reader_that_stays_keeps_a_file_without_a_log_as_it_is(
    tmp_path: Path,
) -> None:
    """Nobody could write to it, and we cannot either."""
    path = tmp_path / "a.db"
    make(path)
    with opened(path) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM old").fetchone()
        with pytest.raises(BusyError, match="is being read"):
            apply(path)
    assert look(path) == ("delete", ["old"], SMALL)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"x" * 200, "file is not a database"), (None, "Is a directory")],
)
def test_what_is_no_database_is_left_alone(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    """And named."""
    path = tmp_path / "a.db"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(SceneshiftError, match=message):
        apply(path)
    assert path.is_dir() or path.read_bytes() == content


# From within the folder: those above it are closed to others than its owner.
WITHOUT_RIGHTS = """
import os
from pathlib import Path
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.sqlite.aside import change_aside
if os.geteuid() == 0:
    os.setuid(65534)
try:
    change_aside(Path("data/a.db"), Path("drafts/d.db"), lambda: print("changed"))
except SceneshiftError as error:
    print(error.message)
"""


@pytest.mark.parametrize(("file", "folder"), [(0o444, 0o777), (0o666, 0o555)])
def test_what_cannot_be_written_is_said_before_it_is_changed(
    tmp_path: Path, file: int, folder: int
) -> None:
    """Not after a migration that may take long."""
    for each in ("project/data", "project/drafts"):
        (tmp_path / each).mkdir(parents=True)
    (tmp_path / "project").chmod(0o755)
    (tmp_path / "project/drafts").chmod(0o777)
    make(tmp_path / "project/data/a.db")
    (tmp_path / "project/data/a.db").chmod(file)
    (tmp_path / "project/data").chmod(folder)
    argv = [sys.executable, "-c", WITHOUT_RIGHTS]
    said = subprocess.check_output(argv, cwd=tmp_path / "project", text=True)
    assert "it is not writable" in said
    assert "changed" not in said
    (tmp_path / "project/data").chmod(0o755)


# Kills itself at the n-th line of the modules that it runs; prints a word if there are
# not so many.
KILLED = """
import os, signal, sqlite3, sys
from pathlib import Path
from sceneshift.data.sqlite import aside as aside
from sceneshift.data.sqlite import files as sqlitefiles

path, draft, left = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

def change():
    connection = sqlite3.connect(draft)
    connection.execute("CREATE TABLE new AS SELECT * FROM old")
    connection.commit()
    connection.close()

def trace(frame, event, argument):
    global left
    if frame.f_code.co_filename not in (aside.__file__, sqlitefiles.__file__):
        return None
    if event == "line":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return trace

sys.settrace(trace)
aside.change_aside(path, draft, change)
sys.settrace(None)
print("done")
"""


@pytest.mark.parametrize(("mode", "rows"), [("delete", 200), ("wal", SMALL)])
@pytest.mark.timeout(600)
def test_a_kill_at_any_line_leaves_the_old_or_the_new(
    tmp_path: Path, mode: str, rows: int
) -> None:
    """Whole, and free for the next, which sweeps what was left."""
    seen, number, said = [], 0, ""
    while not said:
        number += 1
        path, draft = tmp_path / f"{number}.db", tmp_path / "draft.db"
        make(path, mode=mode, rows=rows)
        words = [sys.executable, "-c", KILLED, str(path), str(draft), str(number)]
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
        said = ended.stdout
        assert said or ended.returncode == -signal.SIGKILL, ended.stderr
        found = look(path)
        seen.append("new" in found[1])  # type: ignore[operator]
        assert found == (mode, ["new", "old"] if seen[-1] else ["old"], rows)
        if not seen[-1] and number % 10 == 0:
            apply(path)
            assert look(path) == (mode, ["new", "old"], rows)
    assert seen == sorted(seen)
    assert seen.index(True) > 20


# From the end of the change on, no file may grow, as on a disk that is full.
FULL = """
import resource, sqlite3, sys
from pathlib import Path
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.sqlite.aside import change_aside

path, draft = Path(sys.argv[1]), Path(sys.argv[2])

def change():
    connection = sqlite3.connect(draft)
    connection.execute("CREATE TABLE new AS SELECT * FROM old")
    connection.commit()
    connection.close()
    size = path.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

try:
    change_aside(path, draft, change)
except SceneshiftError as error:
    print(error.message)
"""


@MODES
def test_a_full_disk_changes_nothing(tmp_path: Path, mode: str) -> None:
    """What was written of it is taken back."""
    path = tmp_path / "a.db"
    make(path, mode=mode, rows=200)
    words = [sys.executable, "-c", FULL, str(path), str(tmp_path / "draft.db")]
    said = subprocess.check_output(words, text=True)
    assert said.startswith("`a.db` is as it was, for this went wrong: ")
    assert look(path) == (mode, ["old"], 200)
    assert [each.name for each in tmp_path.iterdir()] == ["a.db"]
