"""Locks, so that two that change a database follow each other."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from sceneshift.core.databases import Database
    from sceneshift.data.postgresql.session import Session

_INTERVAL_S = 0.1
_PATIENCE_S = 2.0  # of people who see nothing happen
_HOLDERS = """\
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND ((classid::bigint << 32) | objid::bigint) = {key}
"""
# Who may not enter the database for maintenance holds a lock of the same number in the
# database itself. Its locks are seen from all others; looked at when ours is there, one
# of two that come at once sees the other.
_TRY = """\
SELECT is_got, is_got AND EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND ((classid::bigint << 32) | objid::bigint) = {key}
        AND database <> (SELECT oid FROM pg_database WHERE datname = current_database())
) FROM (SELECT pg_try_advisory_lock({key}) AS is_got OFFSET 0) t
"""
_LEAVE = "SELECT pg_advisory_unlock({key})"
# What this program's threads hold: each with the server's session for it.
_HELD: set[tuple[int, str, int]] = set()
_SYSTEMS = frozenset({"postgres", "postgresql"})


@contextlib.contextmanager
def hold_lock(path: Path, *, patience_s: float = _PATIENCE_S) -> Iterator[int]:
    """Hold the lock that is the file, alone among all programs; wait for it.

    Whoever holds it may be asking somebody something: after a while it is told who
    that is. The system frees it with the program, however that ends, and with all to
    which it gave the descriptor that is yielded. The file stays: removing it would let
    two hold it, each a file of its own.

    Args:
        path: The file.
        patience_s: How long it is waited for in silence.
    """
    with path.open("a+b") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with _telling(file, patience_s):
                fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        with contextlib.suppress(OSError):  # of a full disk: it is for people alone
            _sign(file)
        yield file.fileno()


def _sign(file: IO[bytes]) -> None:
    """Write down who holds a lock."""
    words = [Path(sys.argv[0]).name, *sys.argv[1:2]]
    file.truncate(0)
    file.write(os.fsencode(f"{os.getpid()} {' '.join(words)}"))
    file.flush()


@contextlib.contextmanager
def _telling(file: IO[bytes], patience_s: float) -> Iterator[None]:
    """Tell after a while who holds a lock, until this is left."""
    timer = threading.Timer(patience_s, lambda: _tell(_find_holder(file)))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _find_holder(file: IO[bytes]) -> str:
    """Return who holds a lock, in brackets; empty where that is not known."""
    from sceneshift.core.processes import find_process  # noqa: PLC0415 - seldom

    file.seek(0)
    pid, _, command = os.fsdecode(file.read()).partition(" ")
    is_there = pid.isdecimal() and find_process(int(pid)) is not None
    return f" ({command}, pid {pid})" if is_there else ""


def _tell(holder: str) -> None:
    from sceneshift.core.console import StreamConsole  # noqa: PLC0415 - seldom

    StreamConsole().note(f"waiting for another command that is at work here{holder}")


@contextlib.contextmanager
def hold_server_lock(database: Database, root: Path) -> Iterator[None]:
    """Hold a lock of the server too, where it has such: other machines use it.

    It belongs to a session of its own, not to a transaction: Alembic's may end between
    two revisions. And to one in another database, for locks are a database's own, and
    this one may get another name. Where the user may be in no other, it is that one.

    Args:
        database: The database.
        root: What a relative path of a file is relative to.

    Raises:
        SceneshiftError: The database cannot be reached.
    """
    if database.system in {"mariadb", "mysql"}:
        from sceneshift.data.mysql.lock import hold_mysql_lock  # noqa: PLC0415 - as below

        with hold_mysql_lock(database.url, root):
            yield
        return
    if database.system not in _SYSTEMS:
        yield
        return
    from sceneshift.data.postgresql.session import (  # noqa: PLC0415 - of one system
        Place,
        open_locking,
    )

    place = Place(url=database.url, root=root)
    with open_locking(place) as session, holding_server_lock(session, place.name):
        yield


@contextlib.contextmanager
def holding_server_lock(
    session: Session, name: str, *, patience_s: float = _PATIENCE_S
) -> Iterator[None]:
    """Hold the lock of a database by a session, which is closed after it; wait for it.

    Waiting is by asking again, for a statement that waits would hold up whoever creates
    an index concurrently. Two addresses of one database do not wait for each other.

    Args:
        session: In the database for maintenance, or in the database.
        name: The database.
        patience_s: See `hold_lock`.

    Raises:
        StatementError: The server is gone.
    """
    from sceneshift.data.postgresql.server import make_key  # noqa: PLC0415 - of one system

    key, thread = make_key(name), threading.get_ident()
    silent_until = time.monotonic() + patience_s
    ((own,),) = session.ask("SELECT pg_backend_pid()")
    while (found := session.ask(_TRY, key=key)) != [(True, False)]:
        if found == [(True, True)]:
            session.ask(_LEAVE, key=key)
        holders = {(thread, name, pid) for (pid,) in session.ask(_HOLDERS, key=key)}
        if holders & _HELD:
            yield
            return
        if holders and time.monotonic() >= silent_until:
            pids = " and ".join(str(pid) for _, _, pid in sorted(holders))
            _tell(f", maybe from another machine (pid {pids} of the server)")
            silent_until = float("inf")
        time.sleep(_INTERVAL_S * (0.5 + os.urandom(1)[0] / 255))  # not in step
    _HELD.add((thread, name, own))
    try:
        yield
    finally:
        _HELD.discard((thread, name, own))
