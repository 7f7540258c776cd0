"""A file of SQLite with those that it keeps beside it (sqlite.org/tempfiles.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

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


def remove(path: Path) -> None:
    """Remove a database and what is beside it, as far as it is there.

    Raises:
        OSError: One cannot be removed.
    """
    for each in (path, *list_sidecars(path)):
        each.unlink(missing_ok=True)
