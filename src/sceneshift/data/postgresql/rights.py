"""Which PostgreSQL databases may be changed, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.wording import quote
from sceneshift.data.postgresql.confined import forget_right
from sceneshift.data.postgresql.names import LONGEST
from sceneshift.data.postgresql.server import quote_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.core.databases import Database
    from sceneshift.data.postgresql.session import Session
    from sceneshift.data.target import Target

# What servers and their operators keep for themselves.
_RESERVED = frozenset(
    {
        "azure_maintenance",
        "azure_sys",
        "cloudsqladmin",
        "postgres",
        "rdsadmin",
        "template0",
        "template1",
    }
)
_RIGHTS = """\
SELECT current_user, rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user
"""


def check_name(name: str, database: Database) -> None:
    """Refuse what is no project's.

    Args:
        name: The name on the server.
        database: The database.

    Raises:
        UsageError: It is the server's own, or no database can be called so.
    """
    if not name:
        raise UsageError(
            f"the URL of {quote(database.name)} names no database",
            hint=f"add its name to {database.variable}: postgresql://host/name",
        )
    size = len(name.encode())
    if size > LONGEST:
        raise UsageError(
            f"{quote(name)} can be no database's name: it has {size} bytes",
            hint=f"give {database.variable} one of 1 to {LONGEST}",
        )
    if name in _RESERVED:
        raise UsageError(
            f"{quote(name)} belongs to the server, and is no project's",
            hint=f"name another one in {database.variable}",
        )


def check_rights(
    session: Session, target: Target, name: str, found: Mapping[str, Any] | None
) -> None:
    """Make sure that the user may give databases other names.

    Args:
        session: The user's.
        target: The database.
        name: What it is called on the server.
        found: What `find_database` says of it.

    Raises:
        SceneshiftError: The user may make none, or it is another's.
    """
    ((user, may_create),) = session.ask(_RIGHTS)
    title = quote(name)
    if not may_create:
        forget_right(target)
        raise SceneshiftError(
            f"{title} cannot be changed: the user {quote(user)} may not make databases",
            hint=f"let a superuser allow it: ALTER ROLE {quote_name(user)} CREATEDB",
        )
    if found is not None and not found["mine"]:
        owner = found["owner"]
        raise SceneshiftError(
            f"{title} cannot be changed by the user {quote(user)}: it belongs to "
            f"{quote(owner)}",
            hint=f"make that user a member: GRANT {quote_name(owner)} TO "
            f"{quote_name(user)}",
        )
