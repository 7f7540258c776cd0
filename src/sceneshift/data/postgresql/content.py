"""What is in a PostgreSQL database: whose it says it is, and how many rows."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from sceneshift.data.marker import VIEW, Marker, list_statements, name_query, read_row
from sceneshift.data.postgresql.server import StatementError, quote_name, quote_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sceneshift.data.postgresql.session import Session

_OWN = "sceneshift"  # the schema of the marker where `public` may not be used
_BIG = 64 * 1024 * 1024  # bytes, from which on counting is felt
# Partitions count in their table, and what an extension brings is nobody's data.
_TABLES = """\
SELECT n.nspname, c.relname,
    CASE WHEN c.relkind = 'r' AND c.reltuples > 0
        AND pg_relation_size(c.oid) > {big} THEN c.reltuples::bigint END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid
        AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
ORDER BY n.nspname <> 'public', n.nspname, c.relname
"""
_OWNED = "AND pg_has_role(c.relowner, 'USAGE')"
_DERIVED = """\
SELECT n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated ORDER BY c.oid
"""
_MARKED = """\
SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = {name} AND c.relkind = 'v' AND n.nspname !~ '^pg_'
ORDER BY n.nspname <> 'public', n.nspname
"""
# Both ages in one statement: they count from the moment in which it began.
_LATER = """\
WHERE age(xmin) < (
    SELECT max(age(xmin)) FROM pg_class WHERE relname = {name} AND relkind = 'v')
"""
_MAY_USE_PUBLIC = """\
SELECT 1 FROM pg_namespace
WHERE nspname = 'public' AND has_schema_privilege(oid, 'CREATE')
"""
# The language is there in each, and is of the server's version.
_EXTENSIONS = """\
SELECT e.extname, coalesce(a.default_version, '')
FROM pg_extension e LEFT JOIN pg_available_extensions a ON a.name = e.extname
WHERE e.extname <> 'plpgsql'
"""
_VERSIONS = """\
SELECT name, default_version FROM pg_available_extensions WHERE name IN (NAMES)
"""


def read_marker(session: Session) -> Marker | None:
    """Return whose the database says it is; None where it says nothing.

    Raises:
        StatementError: It cannot be read.
    """
    for (schema,) in session.ask(_MARKED, name=VIEW):
        rows = session.ask(name_query(quote_name(schema)))
        return read_row(rows[0] if rows else None)
    return None


def write_marker(session: Session, marker: Marker | None) -> None:
    """Have the database say whose it is, in the place of what it says.

    Args:
        session: A connection to the database.
        marker: Whose it is; None has it say nothing.

    Raises:
        StatementError: It cannot be written.
    """
    places = [quote_name(schema) for (schema,) in session.ask(_MARKED, name=VIEW)]
    gone = [f"DROP VIEW {place}.{VIEW}" for place in places]
    if marker is None:
        if gone:
            session.run(*gone)
        return
    schema = "public"
    if not session.ask(_MAY_USE_PUBLIC):
        schema = _OWN
        gone.append(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        gone.append(f"GRANT USAGE ON SCHEMA {schema} TO PUBLIC")
    _, made = list_statements(marker, schema)
    session.run(
        *gone,
        made,
        # Whoever works with it may be another than who made it.
        f"GRANT SELECT ON {schema}.{VIEW} TO PUBLIC",
    )


def read_extensions(session: Session) -> dict[str, str]:
    """Return the extensions in a database, each with the version that a new one gets.

    That need not be its own: a migration may ask for an older one each time.

    Raises:
        StatementError: They cannot be read.
    """
    return {str(name): str(version) for name, version in session.ask(_EXTENSIONS)}


def are_current(session: Session, extensions: Mapping[str, str]) -> bool:
    """Tell whether a server would still install the same versions of extensions.

    Nothing is asked where there are none: the server would read all of their files.

    Args:
        session: In any database of the server.
        extensions: What `read_extensions` has said.

    Raises:
        StatementError: That cannot be read.
    """
    if not extensions:
        return True
    names = ", ".join(map(quote_text, extensions))
    return dict(session.ask(_VERSIONS.replace("NAMES", names))) == dict(extensions)


def has_later_rows(session: Session, *, is_own: bool = False) -> bool:
    """Tell whether a row is newer than what the database says of whose it is.

    That is written into a copy before anybody else can write to it. A row that was
    changed counts as a new one, and one that was removed does not.

    Args:
        session: A connection to the database.
        is_own: Whether tables of other users are left out.

    Raises:
        StatementError: It cannot be read.
    """
    tables = [
        f"{quote_name(schema)}.{quote_name(name)}"
        for schema, name, _ in session.ask(_name_tables(is_own), big=sys.maxsize)
    ]
    return session.ask(_MARKED, name=VIEW) == [] or any(
        session.ask(f"SELECT 1 FROM {table} {_LATER} LIMIT 1", name=VIEW)  # noqa: S608
        for table in [*map(_escape, tables), "pg_largeobject_metadata"]
    )


def _escape(name: str) -> str:
    """Keep braces from being taken for the place of a value."""
    return name.replace("{", "{{").replace("}", "}}")


def _name_tables(is_own: bool) -> str:  # noqa: FBT001 - of two queries
    return _TABLES.replace("ORDER BY", f"{_OWNED} ORDER BY") if is_own else _TABLES


def count_rows(
    session: Session, *, but: str, is_exact: bool = False, is_own: bool = False
) -> dict[str, int]:
    """Return the number of rows by table; of big ones, what the server takes it for.

    Args:
        session: A connection to the database.
        but: A table that does not count.
        is_exact: Whether those of big ones are counted too, however long that takes.
        is_own: Whether tables of other users are left out.

    Raises:
        StatementError: It cannot be read.
    """
    most = sys.maxsize if is_exact else _BIG
    tables = session.ask(_name_tables(is_own), big=most)
    tables = [each for each in tables if each[1] != but]
    unknown = [(schema, name) for schema, name, guess in tables if guess is None]
    counted = dict(zip(unknown, _count(session, unknown), strict=True))
    return {
        name if schema == "public" else f"{schema}.{name}": counted.get(
            (schema, name), guess
        )
        for schema, name, guess in tables
    }


def remove_rows(session: Session, *, but: str) -> None:
    """Remove all rows; numbers begin anew, and what is derived is derived again.

    Args:
        session: A connection to the database, which nobody else is in.
        but: The table whose rows stay.

    Raises:
        StatementError: The server refused it.
    """
    tables = [
        f"{quote_name(schema)}.{quote_name(name)}"
        for schema, name, _ in session.ask(_TABLES, big=_BIG)
        if name != but
    ]
    views = [
        f"REFRESH MATERIALIZED VIEW {quote_name(schema)}.{quote_name(name)}"
        for schema, name in session.ask(_DERIVED)
    ]
    with contextlib.suppress(StatementError):  # of a superuser alone
        session.run("SET session_replication_role = replica")  # no trigger refuses it
    emptied = [f"TRUNCATE {', '.join(tables)} RESTART IDENTITY"] if tables else []
    if emptied or views:
        session.run(*emptied, *views)


def _count(session: Session, tables: Iterable[tuple[str, str]]) -> Iterable[int]:
    counts = [
        f"(SELECT count(*) FROM {quote_name(schema)}.{quote_name(name)})"  # noqa: S608
        for schema, name in tables
    ]
    for start in range(0, len(counts), 500):  # a row has 1,600 columns at most
        yield from session.ask(f"SELECT {', '.join(counts[start : start + 500])}")[0]
