"""What is in a database of MariaDB or MySQL: whose it says it is, and how many rows."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from sceneshift.data.marker import VIEW, Marker, list_statements, name_query, read_row
from sceneshift.data.mysql.code import read_code
from sceneshift.data.mysql.copying import check_engines, list_tables
from sceneshift.data.mysql.session import (
    MISSING_DATABASE,
    MISSING_TABLE,
    StatementError,
    open_session,
    quote_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sceneshift.data.mysql.session import Place, Session

_BIG = 64 * 1024 * 1024  # bytes, from which on counting is felt
_UNKNOWN = frozenset({MISSING_DATABASE, MISSING_TABLE})
_GUESSES = """\
SELECT table_name, table_rows FROM information_schema.tables
WHERE table_schema = {name} AND data_length > {big} AND table_rows > 0
"""
_ANYTHING = """\
SELECT 1 FROM information_schema.tables WHERE table_schema = {name}
UNION ALL SELECT 1 FROM information_schema.routines WHERE routine_schema = {name}
UNION ALL SELECT 1 FROM information_schema.events WHERE event_schema = {name}
LIMIT 1
"""
_COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
_LINE = re.compile(
    r"\s+(?P<what>PRIMARY KEY|(?:UNIQUE |FULLTEXT |SPATIAL )?(?:KEY|INDEX)"
    r"|CONSTRAINT|PERIOD|CHECK)?\s*(?P<name>`(?:[^`]|``)*`)?(?P<rest>.*?),?$"
)


def read_marker(session: Session, database: str) -> Marker | None:
    """Return whose a database says it is; None where it says nothing, or is not there.

    Raises:
        StatementError: It cannot be read.
    """
    try:
        rows = session.ask(name_query(quote_name(database)))
    except StatementError as error:
        if error.code in _UNKNOWN:
            return None
        raise
    return read_row(rows[0] if rows else None)


def write_marker(session: Session, database: str, marker: Marker | None) -> None:
    """Have a database say whose it is, in the place of what it says.

    Args:
        session: On its server.
        database: The database.
        marker: Whose it is; None has it say nothing.

    Raises:
        StatementError: It cannot be written.
    """
    place = quote_name(database)
    if marker is None:
        session.run(f"DROP VIEW IF EXISTS {place}.{VIEW}")
        return
    _, made = list_statements(marker, place)
    # Whoever works with it may be another than who made it.
    head = "CREATE OR REPLACE SQL SECURITY INVOKER VIEW"
    session.run(made.replace("CREATE VIEW", head, 1))


def is_empty(session: Session, database: str) -> bool:
    """Tell whether there is nothing at all in a database.

    Raises:
        StatementError: It cannot be read.
    """
    return not session.ask(_ANYTHING, name=database)


def count_rows(
    session: Session, database: str, *, but: str, is_exact: bool = False
) -> dict[str, int]:
    """Return the number of rows by table; of big ones, what the server takes it for.

    Args:
        session: On the server.
        database: The database.
        but: A table that does not count.
        is_exact: Whether those of big ones are counted too, however long that takes.

    Raises:
        StatementError: It cannot be read.
    """
    tables = list_tables(session, database)
    names = [each.name for each in tables if each.kind != "SEQUENCE"]
    big = sys.maxsize if is_exact else _BIG
    guesses = {
        str(name): int(count)
        for name, count in session.ask(_GUESSES, name=database, big=big)
    }
    return {
        name: guesses.get(name) or _count(session, database, name)
        for name in names
        if name != but
    }


def _count(session: Session, database: str, name: str) -> int:
    place = f"{quote_name(database)}.{quote_name(name)}"
    return int(session.ask(f"SELECT count(*) FROM {place}")[0][0])  # noqa: S608


def remove_rows(session: Session, database: str, *, but: str) -> None:
    """Remove all rows; numbers begin anew.

    Args:
        session: On the server.
        database: The database, which nobody else is in.
        but: The table whose rows stay.

    Raises:
        StatementError: The server refused it.
        SceneshiftError: A table may have its rows elsewhere; nothing was removed.
    """
    check_engines(session, database)
    session.run("SET foreign_key_checks = 0")
    for each in list_tables(session, database):
        place = f"{quote_name(database)}.{quote_name(each.name)}"
        if each.kind == "SEQUENCE":
            session.run(f"ALTER SEQUENCE {place} RESTART")
        elif each.name != but:
            session.run(f"TRUNCATE TABLE {place}")
    session.run("SET foreign_key_checks = 1")


def read_schema(place: Place, database: str) -> Mapping[str, str]:
    """Return columns, constraints, indexes, views and so on, each in the same words.

    Args:
        place: On the server.
        database: The database.

    Raises:
        SceneshiftError: It cannot be read.
    """
    found: dict[str, str] = {}
    with open_session(place, database) as session:
        for each in list_tables(session, database):
            kind = "SEQUENCE" if each.kind == "SEQUENCE" else "TABLE"
            ((_, text, *_),) = session.ask(
                f"SHOW CREATE {kind} {quote_name(each.name)}"
            )
            found |= dict(_take_apart(each.name, str(text)))
    for code in read_code(place, database):
        found[f"{code.kind.lower()} {code.name}"] = code.statement
    return found


def _take_apart(table: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield what a table consists of, by name: the server has it in lines."""
    lines = text.splitlines()
    for each in lines[1:-1]:
        line = _LINE.match(each)
        if line is None:
            continue
        what, name = line["what"], (line["name"] or "")[1:-1]
        if what is None:
            yield f"column {table}.{name}", line["rest"].strip()
        elif what in {"CONSTRAINT", "CHECK", "PERIOD"}:
            yield f"constraint {table}.{name}", line["rest"].strip()
        else:
            key = name or "primary"
            yield f"index {table}.{key}", f"{what}{line['rest']}".strip()
    yield f"table {table}", _COUNTER.sub("", lines[-1])
