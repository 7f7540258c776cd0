"""Copying the tables of a database of MariaDB or MySQL into another one.

Each is made as the server says it is, and filled by the server: nothing goes through
this program. A copy of what others are working with is taken while nobody may write,
for transactions do not see the tables of one instant otherwise.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, NamedTuple

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import name_few, quote
from sceneshift.data.mysql.names import OWN
from sceneshift.data.mysql.session import (
    MISSING_TABLE,
    StatementError,
    open_session,
    quote_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.data.mysql.session import Place, Session

_TABLES = """\
SELECT table_name, table_type FROM information_schema.tables
WHERE table_schema = {name} AND table_type NOT IN ('VIEW', 'SYSTEM VIEW')
ORDER BY table_name
"""
_COLUMNS = """\
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = {name}
    AND extra NOT REGEXP '(VIRTUAL|STORED|PERSISTENT) GENERATED'
ORDER BY table_name, ordinal_position
"""
# What is in the other one already was checked there.
_UNCHECKED = (
    "SET foreign_key_checks = 0, unique_checks = 0 "
    "/*M!100201 , check_constraint_checks = 0 */"
)
# Others may have their rows elsewhere: what is written to a copy is written there.
_OTHERS = """\
SELECT table_name, engine FROM information_schema.tables
WHERE table_schema = {name} AND engine NOT IN ('Aria', 'ARCHIVE', 'BLACKHOLE', 'CSV',
    'InnoDB', 'MEMORY', 'MyISAM', 'ROCKSDB', 'SEQUENCE')
ORDER BY table_name
"""
_SEQUENCE, _VERSIONED = "SEQUENCE", "SYSTEM VERSIONED"
_COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
_FEW = 3
_ATTEMPTS = 3


class Table(NamedTuple):
    """A table of a database.

    Attributes:
        name: Its name.
        kind: What the server says that it is: `BASE TABLE`.
    """

    name: str
    kind: str


def list_tables(session: Session, database: str) -> list[Table]:
    """Return the tables of a database, but for ours.

    Raises:
        StatementError: The server refused it.
    """
    rows = session.ask(_TABLES, name=database)
    found = [Table(str(name), str(kind)) for name, kind in rows]
    return [each for each in found if each.name not in OWN]


def copy_tables(
    place: Place, origin: str, name: str, *, is_in_use: bool = False
) -> None:
    """Copy all tables of a database.

    Args:
        place: On the server.
        origin: The database.
        name: The other one, which has none of them.
        is_in_use: Whether others may be writing to the database: they wait.

    Raises:
        StatementError: The server refused it.
        SceneshiftError: There are tables of which no copy can be made.
    """
    with open_session(place, name) as session:
        session.run(_UNCHECKED)
        for _ in range(_ATTEMPTS):
            if _copy(session, origin, name, is_in_use=is_in_use):
                return
            made = list_tables(session, name)
            session.run(*(f"DROP TABLE {quote_name(each.name)}" for each in made))
    raise SceneshiftError(
        f"the tables of {quote(origin)} are being changed all the time",
        hint="who migrates it? do it again after that",
    )


def _copy(session: Session, origin: str, name: str, *, is_in_use: bool) -> bool:
    """Copy all tables; tell whether they are those that are there by then."""
    tables = list_tables(session, origin)
    check_engines(session, origin)
    if is_in_use:
        _check(tables)
    try:
        made = _read_statements(session, origin, tables)
        session.run(*made)
        if is_in_use and tables:
            session.run(f"LOCK TABLES {_list_locks(origin, name, tables)}")
    except StatementError as error:
        if is_in_use and error.code == MISSING_TABLE:
            return False
        raise
    try:
        if is_in_use and not _are_same(session, origin, tables, made):
            return False
        columns: dict[str, list[str]] = {}
        for table, column in session.ask(_COLUMNS, name=origin):
            columns.setdefault(str(table), []).append(quote_name(str(column)))
        for each in tables:
            _fill(session, origin, each, columns[each.name])
    finally:
        if is_in_use:
            with contextlib.suppress(SceneshiftError):
                session.run("UNLOCK TABLES")
    return True


def _are_same(
    session: Session, origin: str, tables: Sequence[Table], made: Sequence[str]
) -> bool:
    """Tell whether tables that are locked by now are those that were made."""
    if list_tables(session, origin) != tables:
        return False
    now = _read_statements(session, origin, tables)
    return [*map(_drop_counter, now)] == [*map(_drop_counter, made)]


def _drop_counter(statement: str) -> str:
    return _COUNTER.sub("", statement)


def check_engines(session: Session, database: str) -> None:
    """Make sure that all tables of a database have their rows in themselves.

    Raises:
        SceneshiftError: One may have them on another server, or in other tables.
    """
    found = session.ask(_OTHERS, name=database)
    names = [f"{quote(str(name))} of {engine}" for name, engine in found]
    if names:
        raise SceneshiftError(
            f"no state is kept with {name_few(names, _FEW)}: what is written to a copy "
            "may be written to what it stands for",
            hint="have such tables in a database of their own",
        )


def _check(tables: Sequence[Table]) -> None:
    names = [quote(each.name) for each in tables if each.kind == _VERSIONED]
    if names:
        raise SceneshiftError(
            f"no copy has the history of {name_few(names, _FEW)}, which the server "
            "keeps by itself",
            hint="take a backup by mariadb-backup, and let Alembic do it by itself",
        )


def _list_locks(origin: str, name: str, tables: Sequence[Table]) -> str:
    return ", ".join(
        f"{quote_name(origin)}.{quote_name(each.name)} READ, "
        f"{quote_name(name)}.{quote_name(each.name)} WRITE"
        for each in tables
    )


def _read_statements(
    session: Session, origin: str, tables: Sequence[Table]
) -> list[str]:
    """Return what makes each of the tables."""
    statements = []
    for each in tables:
        kind = "SEQUENCE" if each.kind == _SEQUENCE else "TABLE"
        source = f"{quote_name(origin)}.{quote_name(each.name)}"
        ((_, statement, *_),) = session.ask(f"SHOW CREATE {kind} {source}")
        statements.append(str(statement))
    return statements


def _fill(session: Session, origin: str, table: Table, columns: Sequence[str]) -> None:
    own = quote_name(table.name)
    source = f"{quote_name(origin)}.{own}"
    if table.kind == _SEQUENCE:
        ((number,),) = session.ask(f"SELECT next_not_cached_value FROM {source}")  # noqa: S608
        session.run(f"DO SETVAL({own}, {number}, 0)")
        return
    names = ", ".join(columns)
    session.run(f"INSERT INTO {own} ({names}) SELECT {names} FROM {source}")  # noqa: S608
