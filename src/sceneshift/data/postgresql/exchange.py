"""Changing the names of PostgreSQL databases while clients work with them.

One session renames, in one transaction; the server lets it wait up to 5 s for others to
leave, and nobody new gets in meanwhile. So another session ends them when the first one
has the lock: before that, a pool would be back at once, and be ended again.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import name_few, quote
from sceneshift.data.postgresql.server import StatementError
from sceneshift.data.postgresql.session import open_maintenance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sceneshift.data.postgresql.session import Place, Session

_INTERVAL_S = 0.02
_LEAVING_S = 1.0
_FEW = 3
_IN_USE = "55006"
_LOCKED = "55P03"
# What belongs to another session, and what the server ends by itself.
# A user who may not see what a session is sees whose it is.
_IS_ONE = """\
CASE WHEN a.backend_type IS NULL THEN a.usesysid IS NOT NULL
    ELSE a.backend_type NOT IN ('autovacuum worker', 'parallel worker') END"""
_LOOK = """\
SELECT coalesce(nullif(a.application_name, ''), a.backend_type, 'a session'), a.pid,
    coalesce(a.usename, ''), coalesce(a.client_addr::text, '')
FROM pg_stat_activity a WHERE a.datname = {name} AND ONE ORDER BY a.pid
""".replace("ONE", _IS_ONE)
# One that may not be ended would be an error, and the others stay then.
_END = """\
SELECT pg_terminate_backend(a.pid)
FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.datname = {name} AND ONE AND EXISTS (
    SELECT 1 FROM pg_locks l WHERE l.pid = {holder} AND l.objid = a.datid
        AND l.classid = 'pg_database'::regclass AND l.granted
        AND l.mode = 'AccessExclusiveLock') AND (
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
    OR (NOT r.rolsuper AND (pg_has_role(r.oid, 'MEMBER')
        OR pg_has_role('pg_signal_backend', 'MEMBER'))))
""".replace("ONE", _IS_ONE)
_PREPARED = (
    "SELECT gid FROM pg_prepared_xacts WHERE database = {name} ORDER BY prepared"
)


def exchange(
    session: Session, place: Place, statements: Sequence[str], *, names: Sequence[str]
) -> None:
    """Run statements that need databases for themselves, as one transaction.

    Args:
        session: In none of them.
        place: The database that people know.
        statements: All are run, or none.
        names: The databases that others have to leave.

    Raises:
        BusyError: Somebody would not leave; all is as it was.
        StatementError: The server refused a statement; all is as it was.
    """
    for name in names:
        _check_prepared(session, name)
    try:
        with _ending(place, names, session.ask("SELECT pg_backend_pid()")[0][0]):
            session.run(*statements)
    except StatementError as error:
        if error.code not in {_IN_USE, _LOCKED}:
            raise
        raise _explain(session, names, error) from error


def wait_until_left(session: Session, name: str) -> None:
    """Wait until a session of our own, which is closed, is gone on the server."""
    deadline = time.monotonic() + _LEAVING_S
    while session.ask(_LOOK, name=name) and time.monotonic() < deadline:
        time.sleep(_INTERVAL_S / 10)


def _check_prepared(session: Session, name: str) -> None:
    found = [str(gid) for (gid,) in session.ask(_PREPARED, name=name)]
    if found:
        raise SceneshiftError(
            f"{quote(name)} has prepared transactions, which hold on to it: "
            f"{name_few(found, _FEW)}",
            hint=f"end them in it: ROLLBACK PREPARED '{found[0]}'",
        )


@contextlib.contextmanager
def _ending(place: Place, names: Sequence[str], holder: int) -> Iterator[None]:
    """End the sessions in databases, each when the holder has its database's lock."""
    over = threading.Event()
    with open_maintenance(place) as session:

        def end() -> None:
            while not over.wait(_INTERVAL_S):
                for name in names:
                    # One may have ended meanwhile, or may do what this user may not.
                    with contextlib.suppress(SceneshiftError):
                        session.ask(_END, name=name, holder=holder)

        thread = threading.Thread(target=end, name="ending", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _explain(
    session: Session, names: Sequence[str], error: StatementError
) -> SceneshiftError:
    found = [
        (f"{who} (pid {pid}, {'@'.join(filter(None, (user, where)))})", pid)
        for name in names
        for who, pid, user, where in session.ask(_LOOK, name=name)
    ]
    if not found:
        return SceneshiftError(
            f"{quote(names[0])} is being worked on by the server: {error.message}",
            hint="is it being copied? try again",
        )
    said = name_few([text for text, _ in found], _FEW)
    return SceneshiftError(
        f"{quote(names[0])} has sessions that this user cannot end: {said}",
        hint="have whoever may do it end them: "
        f"SELECT pg_terminate_backend({found[0][1]})",
    )
