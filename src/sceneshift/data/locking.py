"""Locks, so that two that change a database follow each other."""

from __future__ import annotations

import contextlib
import fcntl
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.core.databases import Database

_INTERVAL_S = 0.2
# Any number that no other user of the server's advisory locks has taken.
_KEY = 0x7363656E
_SYSTEMS = frozenset({"postgres", "postgresql"})


@contextlib.contextmanager
def hold_lock(path: Path) -> Iterator[int]:
    """Hold the lock that is the file, alone among all programs; wait for it.

    The system frees it with the program, however that ends, and with all to which it
    gave the descriptor that is yielded. The file stays: removing it would let two hold
    it, each a file of its own.
    """
    with path.open("ab") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield file.fileno()


@contextlib.contextmanager
def hold_server_lock(database: Database, root: Path) -> Iterator[None]:
    """Hold a lock of the server too, where it has such: other machines use it.

    It belongs to a session of its own, not to a transaction: Alembic's may end between
    two revisions. Waiting is by asking again, for a statement that waits would hold up
    whoever creates an index concurrently.

    Args:
        database: The database.
        root: What a relative path of a file is relative to.

    Raises:
        SceneshiftError: The database cannot be reached.
    """
    if database.system not in _SYSTEMS:
        yield
        return
    from sqlalchemy import text  # noqa: PLC0415 - 300 ms

    from sceneshift.data.engine import open_connection, open_engine  # noqa: PLC0415

    engine = open_engine(database.url, root, is_autocommit=True)
    asking = text("SELECT pg_try_advisory_lock(:key)")
    with open_connection(engine) as connection:
        while not connection.scalar(asking, {"key": _KEY}):
            time.sleep(_INTERVAL_S)
        yield
