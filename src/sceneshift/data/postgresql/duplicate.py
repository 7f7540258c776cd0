"""A copy of a PostgreSQL database that others may be working with.

The server itself copies one that nobody is in, at five times the speed of a dump. Where
there are clients, it is dumped and restored: that needs none of them to leave, and sees
all tables at one instant.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.guards import list_foreign_hosts
from sceneshift.data.postgresql.copying import dump
from sceneshift.data.postgresql.rights import check_rights
from sceneshift.data.postgresql.server import StatementError, open_server, quote_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sceneshift.data.postgresql.session import Place, Session
    from sceneshift.data.target import Target

_MOST = 2 * 1024**3  # bytes: half a minute, and a disk has room for one more of these
_LEAVING_S = 0.3
_INTERVAL_S = 0.01
_CLIENTS = """\
SELECT count(*) FROM pg_stat_activity WHERE datname = {name} AND usesysid IS NOT NULL
    AND coalesce(backend_type, 'client backend') = 'client backend'
"""


def find_obstacle(
    target: Target, session: Session, found: Mapping[str, Any]
) -> str | None:
    """Return why a copy of a database could not be put back; None where it could.

    Args:
        target: The database.
        session: In the database for maintenance.
        found: What `find_database` says of it.

    Raises:
        StatementError: The server refused a question.
    """
    try:
        check_rights(session, target, found["datname"], found)
    except StatementError:
        raise
    except SceneshiftError as error:
        return f"{error.message} ({error.hint})"
    return find_hindrance(target, session, found)


def find_hindrance(
    target: Target, session: Session, found: Mapping[str, Any]
) -> str | None:
    """Return why no copy of a database is to be kept, whoever may make one.

    Args:
        target: The database.
        session: On its server.
        found: What `find_database` says of it.

    Raises:
        StatementError: The server refused a question.
    """
    if target.project.environment.protected:
        return f"{quote(target.environment)} is protected"
    hosts = list_foreign_hosts(target)
    if hosts:
        return f"it is on {', '.join(hosts)}"
    ((size,),) = session.ask("SELECT pg_database_size({name})", name=found["datname"])
    return f"it has {size / 1024**3:.1f} GB" if size > _MOST else None


def duplicate(
    session: Session, place: Place, found: Mapping[str, Any], name: str
) -> None:
    """Make a database that has what another has, its settings excepted.

    Args:
        session: In the database for maintenance.
        place: The database.
        found: What `find_database` says of it.
        name: The copy's name, which is plain.

    Raises:
        ComponentError: There are clients, and pg_dump is not installed.
        SceneshiftError: It cannot be made.
    """
    if _is_left(session, place.name):
        origin = quote_name(place.name)
        try:
            session.run(f"CREATE DATABASE {quote_name(name)} TEMPLATE {origin}")
        except StatementError:  # somebody came, or it has an old locale
            pass
        else:
            return
    with open_server(place.url, place.root) as server:
        dump(server, found, name)


def _is_left(session: Session, name: str) -> bool:
    """Tell whether nobody is in a database; what we have closed needs a moment."""
    deadline = time.monotonic() + _LEAVING_S
    while session.ask(_CLIENTS, name=name) != [(0,)]:
        if time.monotonic() > deadline:
            return False
        time.sleep(_INTERVAL_S)
    return True
