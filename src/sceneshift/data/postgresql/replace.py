"""What is in a PostgreSQL database, replaced in one transaction of it.

For users who may make no other database, or give this one another name. Nobody else
writes from the moment in which what is there is dumped; then it is dropped, another
dump is loaded, and all of that is committed. Who reads waits for the second half.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.postgresql import content as pgcontent
from sceneshift.data.postgresql import own as pgown
from sceneshift.data.postgresql import schema as pgschema
from sceneshift.data.postgresql.dumps import reading
from sceneshift.data.postgresql.server import StatementError
from sceneshift.data.postgresql.session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sceneshift.data.marker import Marker
    from sceneshift.data.postgresql.script import Part
    from sceneshift.data.postgresql.session import Place, Session

_INTERVAL_S = 0.4  # twice that is less than `deadlock_timeout`
_MANY = 100
_HELD = frozenset({"40P01", "55P03"})  # a deadlock, or a lock that was waited for
_FULL, _REFUSED, _NEEDED = "53200", "42501", "2BP01"
_LEVEL = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"  # what comes is to be seen
# As a script sets them, for this transaction alone.
_SETTINGS = (
    "SET LOCAL client_encoding = 'UTF8'",
    "SET LOCAL standard_conforming_strings = on",
    "SET LOCAL check_function_bodies = false",
    "SET LOCAL xmloption = content",
    "SET LOCAL client_min_messages = warning",
    "SET LOCAL row_security = off",
    "SET LOCAL search_path = ''",
)
# Two looks at the same one: who ends by himself meanwhile is let.
_BLOCKING = "SELECT unnest(pg_blocking_pids({holder}))"
_END = """\
SELECT pg_terminate_backend(a.pid)
FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.pid = {pid} AND ((SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
    OR (NOT r.rolsuper AND (pg_has_role(r.oid, 'MEMBER')
        OR pg_has_role('pg_signal_backend', 'MEMBER'))))
"""


class Coming(Struct, frozen=True, kw_only=True):
    """A dump that is loaded.

    Attributes:
        data: The dump.
        major: The server's major version.
        has_owners: Whether it is of this very database: what belongs to whom is kept.
    """

    data: Iterable[bytes]
    major: int
    has_owners: bool = False


def replace_content(
    place: Place,
    coming: Coming,
    marker: Marker,
    keep: Callable[[Session], None],
) -> None:
    """Put a dump in the place of all that is a user's own in a database.

    Args:
        place: The database.
        coming: The dump.
        marker: What the database is to say of itself.
        keep: Keeps what is there; nobody else writes then.

    Raises:
        BusyError: Somebody would not let go of a table, or has made one while what is
            there was kept; all is as it was.
        SceneshiftError: It cannot be dropped or loaded; all is as it was.
    """
    with open_session(place) as session:
        ((holder,),) = session.ask("SELECT pg_backend_pid()")
        try:
            with _ending_others(place, holder), session.transaction():
                session.run(_LEVEL)
                pgown.lock_own(session)
                drops, before = pgown.list_drops(session), _look(session)
                keep(session)
                if (pgown.list_drops(session), _look(session)) != (drops, before):
                    raise _changed(place, "a table, a type or the like")
                others, parts = pgown.list_others(session), pgown.list_parts(session)
                _run_all(session, [*_SETTINGS, *drops])
                pgown.check_others(session, others, parts)
                load(session, place, coming)
                pgcontent.write_marker(session, marker)
        except StatementError as error:
            raise _explain(place, error) from error


def _look(session: Session) -> object:
    """Return what is another where what no lock keeps from it was changed."""
    return dict(pgschema.read_schema(session)), pgown.list_large(session)


def fill(place: Place, coming: Coming) -> None:
    """Load a dump into a database that is empty.

    Raises:
        StatementError: The server refused a part.
        SceneshiftError: The dump cannot be read.
    """
    with open_session(place) as session, session.transaction():
        _run_all(session, [*_SETTINGS])
        load(session, place, coming)


def load(session: Session, place: Place, coming: Coming) -> None:
    """Run the parts of a dump, but for those that are there or are not this user's.

    It is a transaction in which that is done, set as scripts have it.

    Raises:
        StatementError: The server refused one.
        SceneshiftError: The dump cannot be read.
    """
    kept = pgown.list_kept(session)
    roles = pgown.list_roles(session)
    waiting: list[str] = []
    with reading(
        place, coming.major, coming.data, has_owners=coming.has_owners
    ) as parts:
        for part in parts:
            if not part.kind or (part.owner and part.owner not in roles):
                continue
            if part.rows is not None:
                _run_all(session, waiting)
                session.copy(part.text, part.rows)
            elif part.subject not in kept:
                waiting.append(part.text)
            elif part.kind == "ACL":
                _run_all(session, waiting)
                _try(session, part)
        _run_all(session, waiting)


def _run_all(session: Session, statements: list[str]) -> None:
    """Run statements, of which none is left then; many at once.

    A server that is far away answers in 20 ms, and there may be thousands.
    """
    for start in range(0, len(statements), _MANY):
        session.run(";\n".join(statements[start : start + _MANY]))
    statements.clear()


def _try(session: Session, part: Part) -> None:
    """Grant what may be: what stays may be another's."""
    session.run("SAVEPOINT granting")
    try:
        session.run(part.text)
    except StatementError as error:
        if error.code != _REFUSED:
            raise
        session.run("ROLLBACK TO SAVEPOINT granting")
    session.run("RELEASE SAVEPOINT granting")


@contextlib.contextmanager
def _ending_others(place: Place, holder: int) -> Iterator[None]:
    """End sessions that keep ours waiting, where this user may.

    One that reads in a transaction that it does not end, for instance. Where it then
    wants to write, each would wait for the other.
    """
    over = threading.Event()
    with open_session(place) as session:

        def end() -> None:
            seen: set[int] = set()
            while not over.wait(_INTERVAL_S):
                with contextlib.suppress(SceneshiftError):
                    found = {pid for (pid,) in session.ask(_BLOCKING, holder=holder)}
                    for pid in found & seen:
                        session.ask(_END, pid=pid)
                    seen = found

        thread = threading.Thread(target=end, name="ending", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _changed(place: Place, what: str) -> BusyError:
    return BusyError(
        f"{quote(place.name)} is as it was, for somebody was changing what there is in "
        f"it: {what}",
        hint="do it once more when that is done",
    )


def _explain(place: Place, error: StatementError) -> SceneshiftError:
    title = quote(place.name)
    if error.code in _HELD:
        return BusyError(
            f"sessions hold on to tables of {title}, and may not be ended: "
            f"{error.message}",
            hint="end them as whoever may, or stop what has them: inv dev.stop",
        )
    if error.code == _NEEDED:
        return _changed(place, error.message)
    if error.code == _FULL:
        return SceneshiftError(
            f"{title} has more tables than its server locks at once: {error.message}",
            hint="raise max_locks_per_transaction, or have this user make databases: "
            "ALTER ROLE … CREATEDB",
        )
    if error.code == _REFUSED:
        return SceneshiftError(
            f"{title} cannot be made anew by its user alone: {error.message}",
            hint="have whoever may do it see to that before: CREATE EXTENSION, for "
            "instance",
        )
    return SceneshiftError(
        f"{title} is as it was: {error.message}", hint=error.hint or ""
    )
