"""Making a database of MariaDB or MySQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.mysql.content import write_marker
from sceneshift.data.mysql.lock import holding_lock
from sceneshift.data.mysql.names import LONGEST
from sceneshift.data.mysql.session import (
    Place,
    StatementError,
    open_session,
    quote_name,
)

if TYPE_CHECKING:
    from sceneshift.data.marker import Marker
    from sceneshift.data.mysql.session import Session
    from sceneshift.data.target import Target

_DENIED = 1044
_LOOK = "SELECT 1 FROM information_schema.schemata WHERE schema_name = {name}"


def is_made(target: Target) -> bool:
    """Tell whether a database is there.

    Raises:
        SceneshiftError: That cannot be told.
    """
    place = _find_place(target)
    with open_session(place, "") as session:
        return _is_there(session, place)


def make(target: Target, marker: Marker) -> bool:
    """Make a database unless it is there; tell whether it was not.

    Args:
        target: The database.
        marker: What it is to say of itself.

    Raises:
        SceneshiftError: It cannot be made.
    """
    place = _find_place(target)
    with open_session(place, "") as session, holding_lock(session, place.name):
        if _is_there(session, place):
            return False
        try:
            session.run(
                f"CREATE DATABASE {quote_name(place.name)} CHARACTER SET utf8mb4"
            )
        except StatementError as error:
            hint = "look at the server's log"
            if error.code == _DENIED:
                hint = f"may its user? GRANT ALL ON {quote_name(place.name)}.* TO …"
            raise SceneshiftError(
                f"{quote(place.name)} cannot be made: {error.message}", hint=hint
            ) from error
        write_marker(session, place.name, marker)
    return True


def _is_there(session: Session, place: Place) -> bool:
    return bool(session.ask(_LOOK, name=place.name))


def _find_place(target: Target) -> Place:
    place = Place(url=target.database.url, root=target.root)
    size = len(place.name)
    if not 0 < size <= LONGEST:
        raise SceneshiftError(
            f"{quote(place.name)} can be no database's name: it has {size} characters",
            hint=f"give {target.database.variable} one of 1 to {LONGEST}",
        )
    return place
