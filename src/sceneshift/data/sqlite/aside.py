"""Changing a file of SQLite as a whole or not at all.

SQLite can take a change of the schema back, but Python's library commits it at once,
and Alembic then cannot: a migration that fails half-way leaves half of it. So it is
applied to a copy, which is written back in one transaction. The file is never replaced:
whoever has it open would go on with the old one, and a log beside it be taken for the
new one's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from typing import TYPE_CHECKING, Self
from urllib.parse import quote as quote_url

from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.sqlite.files import remove, wait_for_no_disk
from sceneshift.data.sqlite.pausing import Pausing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_WAIT_S = 10.0
_ATTEMPTS = 3
_HEADER = 100  # bytes, the counter of changes among them (sqlite.org/fileformat.html)
_FEW_PAGES = 64  # less than any cache: the first step must not reach the disk
# What fits into it reaches the file at the end alone: the journal is forced to the disk
# once, and others wait for less long.
_CACHE_KIB = 65_536
_FREE = "sceneshift_free"
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def _grow(copy: sqlite3.Connection) -> None:
    """Give a copy of one page a free one: there has to be a first step, and another.

    One that gives its free pages up at once has more than one where it has tables.
    """
    (count,) = copy.execute("PRAGMA page_count").fetchone()
    if count == 1:
        copy.execute(f"CREATE TABLE {_FREE} (x)")
        copy.execute(f"DROP TABLE {_FREE}")


class _ChangedError(Exception):
    """Somebody has written between the copy and the writing back."""


def change_aside(
    path: Path,
    draft: Path,
    change: Callable[[], None],
    *,
    pausing: Pausing | None = None,
    wait_s: float = _WAIT_S,
) -> None:
    """Change a copy of a file, and write it back where that went well.

    Nobody else can write meanwhile, as with any long transaction; reading goes on.

    Args:
        path: The file; it is made where it is missing.
        draft: Where the copy is to be. It is gone afterwards.
        change: Changes the copy. What it raises is passed on, the file as it was.
        pausing: Has those paused who use the file, where it is waited for too long;
            None asks a stack in the file's folder.
        wait_s: Seconds to wait for those who are writing to the file.

    Raises:
        BusyError: It was being written to all the time.
        SceneshiftError: It is no database, or the disk is full.
    """
    pausing = pausing or Pausing(path.parent, path)
    try:
        for _ in range(_ATTEMPTS):
            with _Live(path, pausing, wait_s) as live, _making(draft):
                live.copy_to(draft)
                change()
                with contextlib.suppress(_ChangedError):
                    live.take(draft)
                    return
    except (OSError, sqlite3.Error) as error:
        raise _explain(path, draft, error, pausing) from error
    raise BusyError(
        f"{quote(path.name)} was written to again and again, and is as it was",
        hint="stop what writes to it: inv dev.stop",
    )


def _explain(
    path: Path, draft: Path, error: Exception, pausing: Pausing
) -> SceneshiftError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the finer reason
    if code in _BUSY:
        return pausing.explain(for_readers=False)
    return SceneshiftError(
        f"{quote(path.name)} is as it was, for this went wrong: {error}",
        hint=f"is it a database, yours, and is there room? ls -la {path.parent}; "
        f"df -h {path.parent} {draft.parent}",
    )


def _check_rights(path: Path) -> None:
    """Make sure that a file can be written: SQLite says that only in the end."""
    real = path.resolve()
    for each in (real, real.parent):  # SQLite makes a file beside it
        if not os.access(each, os.W_OK):
            raise PermissionError(errno.EACCES, "it is not writable", str(each))


@contextlib.contextmanager
def _making(draft: Path) -> Iterator[None]:
    """Make a file that nobody else can read; remove it in the end."""
    remove(draft)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield
    finally:
        remove(draft)


class _Live:
    """A file that is kept from being written to.

    There are two connections: the one that holds the lock can neither be copied from
    nor, before it lets the lock go, be written into by the copy. What others write in
    that moment is noticed: `take` then has the lock again, and has changed nothing.
    """

    def __init__(self, path: Path, pausing: Pausing, wait_s: float) -> None:
        self._path = path
        self._pausing = pausing
        self._wait_s = wait_s
        self._stack = contextlib.ExitStack()
        self._before: object = None

    def __enter__(self) -> Self:
        with self._stack:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # First and closed last: closing any descriptor of a file drops the locks
            # that the process has on it (fcntl(2)).
            self._file = os.open(self._path, os.O_RDONLY | os.O_CREAT, 0o666)
            self._stack.callback(os.close, self._file)
            _check_rights(self._path)
            self._writer = self._connect("rw")
            self._reader = self._connect("ro")
            with self._pausing.waiting(for_readers=False):
                self._writer.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
                (mode,) = self._writer.execute("PRAGMA journal_mode").fetchone()
                self._has_log = mode == "wal"
                self._writer.execute("BEGIN IMMEDIATE")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _connect(self, mode: str) -> sqlite3.Connection:
        address = f"file:{quote_url(str(self._path))}?mode={mode}"
        connection = sqlite3.connect(
            address, uri=True, timeout=self._wait_s, isolation_level=None
        )
        self._stack.callback(connection.close)
        return connection

    def copy_to(self, draft: Path) -> None:
        """Copy the file as it is now."""
        with contextlib.closing(sqlite3.connect(draft)) as copy:
            wait_for_no_disk(copy)
            self._reader.backup(copy)
        self._before = self._look()

    def take(self, draft: Path) -> None:
        """Write the copy back, in one transaction.

        Raises:
            _ChangedError: The file is no more what was copied.
        """
        opened = sqlite3.connect(draft, isolation_level=None)
        with contextlib.closing(opened) as copy:
            self._fit(copy)
            _grow(copy)
            (count,) = copy.execute("PRAGMA page_count").fetchone()
            pages = _FEW_PAGES if count > _FEW_PAGES else 1
            waiting = self._pausing.waiting(for_readers=not self._has_log)
            with waiting as self._has_waited:
                self._writer.execute("ROLLBACK")  # from here on others may write
                copy.backup(self._writer, pages=pages, progress=self._check)

    def _fit(self, copy: sqlite3.Connection) -> None:
        """Give the copy the size of the file's pages: a file with a log insists on it.

        And no log of its own, so that the file keeps its way of writing.
        """
        copy.execute("PRAGMA journal_mode = DELETE")
        (size,) = self._reader.execute("PRAGMA page_size").fetchone()
        (other,) = copy.execute("PRAGMA page_size").fetchone()
        if size != other:
            copy.execute(f"PRAGMA page_size = {size}")
            copy.execute("VACUUM")

    def _check(self, state: int, _remaining: int, _total: int) -> None:
        """Look at the first step, when nothing is on the disk yet.

        The lock is there from then on, and kept to the end.
        """
        if state in _BUSY:
            # It has been waited for.
            raise self._pausing.explain(for_readers=not self._has_log)
        self._has_waited()
        if state == sqlite3.SQLITE_DONE:
            return  # of one page alone: it is written by now
        is_good = state == sqlite3.SQLITE_OK
        if is_good and self._before is not None:
            if self._look() != self._before:
                raise _ChangedError
            self._before = None

    def _look(self) -> object:
        """Return what is another after each write by somebody else.

        With a log, that is a number that SQLite has for it. Without one, only the
        writer may read at the end: the file's own header.
        """
        if self._has_log:
            return self._reader.execute("PRAGMA data_version").fetchone()
        return os.pread(self._file, _HEADER, 0)
