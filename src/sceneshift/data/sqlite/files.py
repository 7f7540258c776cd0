"""A file of SQLite with those that it keeps beside it (sqlite.org/tempfiles.html)."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING
from urllib.parse import quote as quote_url

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCKED_S = 0.5

SIDECARS = ("-wal", "-shm", "-journal")


def list_sidecars(path: Path) -> list[Path]:
    """Return the files that may be beside a database."""
    return [path.with_name(path.name + ending) for ending in SIDECARS]


def is_there(path: Path) -> bool:
    """Tell whether there is a file.

    Raises:
        OSError: That cannot be told: a folder above it is closed to us.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Open a file that is not to be written to; None where there is none.

    The log beside a file that is in use is read too.

    Raises:
        SceneshiftError: It cannot be read.
    """
    # Not `immutable`: that would pass over the log. Nor `mode=ro`: that cannot take
    # back what a program has left that was killed while it wrote, and leaves files
    # beside one with a log.
    address = f"file:{quote_url(str(path))}?mode=rw"
    try:
        if not is_there(path):
            yield None
            return
        opened = sqlite3.connect(address, uri=True, timeout=_LOCKED_S)
        with contextlib.closing(opened) as connection:
            connection.execute("PRAGMA query_only = ON")
            yield connection
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SceneshiftError(
            f"{quote(path.name)} cannot be read: {reason}",
            hint=f"is it a database, and yours? ls -l {path}",
        ) from error


def wait_for_no_disk(connection: sqlite3.Connection) -> None:
    """Have nothing of a file forced to the disk: it is of no use after a crash."""
    connection.execute("PRAGMA journal_mode = MEMORY")
    connection.execute("PRAGMA synchronous = OFF")


def remove(path: Path) -> None:
    """Remove a database and what is beside it, as far as it is there.

    Raises:
        OSError: One cannot be removed.
    """
    for each in (path, *list_sidecars(path)):
        each.unlink(missing_ok=True)
