"""Asking PostgreSQL by its driver alone: SQLAlchemy takes half a second to import."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode

from sceneshift.core.secrets import mask_secrets
from sceneshift.data.postgresql.server import StatementError
from sceneshift.data.seeding.child.address import ONLY_ASYNCPG, SSL_MODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from psycopg import Connection

_SYSTEMS = frozenset({"postgres", "postgresql"})
_DRIVERS = frozenset({"", "asyncpg", "psycopg", "psycopg_async"})
# What libpq and SQLAlchemy take in a URL, each for the same.
_OPTIONS = frozenset({"application_name", "connect_timeout", "host", "sslmode"})
# What SQLAlchemy takes in a name or password, and libpq does not.
_ODD = re.compile(r"/.*@|%(?![0-9A-Fa-f]{2})")
_CONNECT_S = 5


def find_address(url: str) -> str | None:
    """Return a URL as libpq takes it; None where only SQLAlchemy can tell.

    Args:
        url: The database, as an application names it.
    """
    scheme, _, rest = url.partition("://")
    system, _, driver = scheme.partition("+")
    place, _, query = rest.partition("?")
    if system not in _SYSTEMS or driver not in _DRIVERS or "@" in query:
        return None
    options = parse_qsl(query)
    if driver == "asyncpg":
        options = list(_translate(options))
    names = [name for name, _ in options]
    is_plain = _OPTIONS.issuperset(names) and len(set(names)) == len(names)
    if not is_plain or _ODD.search(place) or ":" in dict(options).get("host", ""):
        return None
    options.append(("connect_timeout", str(_CONNECT_S)))  # the first one counts
    return f"postgresql://{place}?{urlencode(dict(reversed(options)), quote_via=quote)}"


def _translate(options: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield libpq's arguments for asyncpg's."""
    for name, text in options:
        if name == "ssl":
            yield "sslmode", SSL_MODES.get(text.lower(), text)
        elif name not in ONLY_ASYNCPG:
            yield name, text


@contextmanager
def connect(address: str) -> Iterator[Connection]:
    """Yield a connection whose statements stand for themselves.

    Args:
        address: What `find_address` returned.

    Raises:
        ImportError: The driver is not installed.
        StatementError: The database cannot be reached, or refused a statement.
    """
    import psycopg  # noqa: PLC0415 - 120 ms

    try:
        with psycopg.connect(address, autocommit=True) as connection:
            yield connection
    except psycopg.Error as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise StatementError(
            f"postgresql says: {mask_secrets(lines[0])}",
            hint="is its server up, and the URL right? inv env.show",
            code=error.sqlstate,
        ) from error


def read_column(
    address: str, table: str, schema: str | None, column: str
) -> list[str] | None:
    """Return all that stands in a column; None where the table is not there.

    Args:
        address: What `find_address` returned.
        table: The table.
        schema: Its schema; None where it is found without.
        column: The column.

    Raises:
        ImportError: The driver is not installed.
        StatementError: The database cannot be read.
    """
    from psycopg import sql  # noqa: PLC0415 - as below

    names = [table] if schema is None else [schema, table]
    place = sql.Identifier(*names)
    look = sql.SQL("SELECT to_regclass({})").format(place.as_string())
    read = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(column), place)
    with connect(address) as connection:
        if connection.execute(look).fetchone() == (None,):
            return None
        return [str(row[0]) for row in connection.execute(read)]
