"""Changing a PostgreSQL database where it is, with a copy of what it was beside it.

A migration takes its locks and commits as ever: nobody has to leave, and what others
write meanwhile is in the database afterwards. Changing a copy that is then put in place
would lose that. The copy has what was there when it was made; undoing puts it in place,
and keeps what was there until then.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.postgresql.chores import drop
from sceneshift.data.postgresql.content import read_marker, write_marker
from sceneshift.data.postgresql.duplicate import duplicate, find_obstacle
from sceneshift.data.postgresql.exchange import exchange, wait_until_left
from sceneshift.data.postgresql.names import Kind
from sceneshift.data.postgresql.schema import read_schema
from sceneshift.data.postgresql.server import quote_name
from sceneshift.data.postgresql.session import open_session
from sceneshift.data.postgresql.settings import find_database, list_options
from sceneshift.data.undo import UnkeptError
from sceneshift.data.versions import read_usual_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from sceneshift.core.databases import Database
    from sceneshift.data.marker import Marker
    from sceneshift.data.postgresql.beside import Beside
    from sceneshift.data.postgresql.session import Place, Session
    from sceneshift.data.target import Target


def change_in_place(
    target: Target,
    beside: Beside,
    change: Callable[[Database], None],
    marker: Marker,
    former: str,
) -> None:
    """Have a database changed, and keep a copy of what it was.

    It says what it will be before it is changed: wherever that is cut off, the copy is
    what undoing leads to.

    Args:
        target: The database.
        beside: What is beside it.
        change: See `System.change`.
        marker: See there.
        former: See there.

    Raises:
        UnkeptError: No copy can be kept; nothing was done.
        SceneshiftError: What `change` raises, or the server refused something.
    """
    _keep(target, beside, former)
    change_kept(target, beside.place, change, marker)


def change_kept(
    target: Target,
    place: Place,
    change: Callable[[Database], None],
    marker: Marker,
    settle: Callable[[], None] = lambda: None,
) -> None:
    """Have a database changed of which a copy is kept.

    Args:
        target: The database.
        place: Where it is.
        change: See `System.change`.
        marker: See there.
        settle: Is called when the database says what it will be.

    Raises:
        UnkeptError: It cannot say what it will be; nothing was done.
        SceneshiftError: What `change` raises, or the server refused something.
    """
    try:
        with open_session(place) as session:
            present = read_marker(session)
            write_marker(session, marker)
    except SceneshiftError as error:  # another user may have written it
        raise UnkeptError(f"its mark cannot be written: {error.message}") from error
    settle()
    before = _take_stamp(target, place)
    try:
        change(target.database)
    except BaseException as error:
        is_same = False
        with contextlib.suppress(SceneshiftError):
            is_same = _take_stamp(target, place) == before
            if is_same:
                with open_session(place) as session:
                    write_marker(session, present)
        if is_same or not isinstance(error, SceneshiftError):
            raise
        raise SceneshiftError(
            f"{error.message}; a part of it is done",
            hint=f"take that back: inv data.undo; {error.hint}",
        ) from error


def _keep(target: Target, beside: Beside, former: str) -> None:
    """Keep a copy of what is there."""
    with open_session(beside.place) as session:
        present = read_marker(session)
    with beside.asking() as session:
        found = find_database(session.ask, beside.place.name)
        assert found is not None
        obstacle = find_obstacle(target, session, found)
        if obstacle is not None:
            raise UnkeptError(obstacle)
        draft = beside.names.draw(Kind.DRAFT)
        try:
            duplicate(session, beside.place, found, draft)
            _give_name(session, beside, found, draft, former, present)
        except BaseException as error:
            with contextlib.suppress(SceneshiftError):
                drop(session, draft)
            if not isinstance(error, SceneshiftError):
                raise
            raise UnkeptError(f"{error.message} ({error.hint})") from error


def _give_name(  # noqa: PLR0913, PLR0917 - of one copy
    session: Session,
    beside: Beside,
    found: Mapping[str, Any],
    draft: str,
    former: str,
    present: Marker | None,
) -> None:
    """Have a copy be a former state, which lets nobody in."""
    kept = beside.names.former(former)
    beside.settle(session, draft, [*list_options(session.ask, found)])
    wait_until_left(session, draft)
    statements = [
        f"ALTER DATABASE {quote_name(draft)} ALLOW_CONNECTIONS false",
        f"ALTER DATABASE {quote_name(draft)} RENAME TO {quote_name(kept)}",
        beside.note(kept, Kind.FORMER, marker=present, comment=found["comment"]),
    ]
    exchange(session, beside.place, statements, names=[draft])


def _take_stamp(target: Target, place: Place) -> object:
    """Return what is another where a part of a migration has been committed."""
    with open_session(place) as session:
        schema = read_schema(session)
    return schema, read_usual_versions(target)
