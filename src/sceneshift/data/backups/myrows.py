"""A database of MariaDB or MySQL by its driver, where no program of its vendor is.

It is kept as statements, one a line, of which the first ones make the tables: in
contrast to what is copied by PostgreSQL's COPY, no migration is needed to put it back.
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import msgspec

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.secrets import mask_secrets
from sceneshift.data.backups.archive import open_chunks
from sceneshift.data.mysql.code import load_code, read_code
from sceneshift.data.mysql.copying import list_tables
from sceneshift.data.mysql.names import CODE
from sceneshift.data.mysql.session import (
    find_arguments,
    open_session,
    quote_name,
    quote_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pymysql import Connection

    from sceneshift.data.mysql.code import Code
    from sceneshift.data.mysql.copying import Table
    from sceneshift.data.mysql.session import Place, Session

_MOST = 512 * 1024  # characters of a statement, less than any server takes
_BEGIN = (
    "SET SESSION time_zone = '+00:00', net_write_timeout = 600",
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT",
)
_COLUMNS = """\
SELECT column_name FROM information_schema.columns
WHERE table_schema = {name} AND table_name = {table}
    AND extra NOT REGEXP '(VIRTUAL|STORED|PERSISTENT) GENERATED'
ORDER BY ordinal_position
"""
_SEQUENCE = "SEQUENCE"


def can_read(place: Place) -> bool:
    """Tell whether the driver is there that the rows are read by."""
    return find_arguments(place.url) is not None and find_spec("pymysql") is not None


class Reader:
    """A connection that sees one moment, and has values as the server writes them."""

    def __init__(self, connection: Connection[Any], place: Place, name: str) -> None:
        self._connection = connection
        self._place = place
        self._name = name

    def read(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a table."""
        what = ", ".join(map(quote_name, columns))
        place = f"{quote_name(self._name)}.{quote_name(table)}"
        cursor = self._connection.cursor()
        try:
            cursor.execute(f"SELECT {what} FROM {place}")  # noqa: S608
            yield from iter(cursor.fetchone, None)
        finally:
            if cursor._result is not None:  # noqa: SLF001 - or it would read all of it
                cursor._result.unbuffered_active = False  # noqa: SLF001
            cursor.close()

    def dump(self, counts: dict[str, int], *, is_live: bool) -> Iterator[bytes]:
        """Yield the statements that make the database.

        Args:
            counts: The rows of each table are written into it.
            is_live: Whether it is in place: one that is not has its code as text.

        Raises:
            SceneshiftError: It cannot be read.
        """
        name = self._name
        with open_session(self._place, name) as session:
            for each in list_tables(session, name):
                yield from map(_write, self.list_statements(session, each, counts))
            load = read_code(self._place, name) if is_live else load_code(session, name)
        yield from map(_write, _list_code(load))

    def list_statements(
        self,
        session: Session,
        table: Table,
        counts: dict[str, int],
        *,
        most: int = _MOST,
    ) -> Iterator[str]:
        """Yield the statements that make a table with its rows.

        Args:
            session: On the server.
            table: The table, or a sequence.
            counts: Its rows are written into it.
            most: Characters after which a statement has no more rows.

        Raises:
            StatementError: It cannot be read.
        """
        kind = _SEQUENCE if table.kind == _SEQUENCE else "TABLE"
        own = quote_name(table.name)
        ((_, statement, *_),) = session.ask(f"SHOW CREATE {kind} {own}")
        yield str(statement)
        if kind == _SEQUENCE:
            ((number,),) = session.ask(f"SELECT next_not_cached_value FROM {own}")  # noqa: S608
            yield f"DO SETVAL({own}, {number}, 0)"
            return
        columns = _list_columns(session, self._name, table)
        counts[table.name] = 0
        rows = _count(self.read(table.name, columns), counts, table.name)
        yield from _list_inserts(table.name, columns, rows, most)


@contextmanager
def reading(place: Place, name: str) -> Iterator[Reader]:
    """Yield what reads a database as it is at one moment.

    Args:
        place: On its server.
        name: The database.

    Raises:
        SceneshiftError: It cannot be read.
    """
    import pymysql  # noqa: PLC0415 - 100 ms

    arguments: Mapping[str, Any] = find_arguments(place.url) or {}
    try:
        connection = pymysql.connect(
            **arguments,
            database=name,
            charset="utf8mb4",
            conv=pymysql.converters.encoders,  # and no decoders
            cursorclass=pymysql.cursors.SSCursor,
        )
        try:
            with connection.cursor() as cursor:
                for each in _BEGIN:
                    cursor.execute(each)
            yield Reader(connection, place, name)
        finally:
            connection._force_close()  # noqa: SLF001 - what it has not read may be long
    except (pymysql.Error, OSError) as error:
        said = str(error.args[-1] if error.args else error) or type(error).__name__
        raise SceneshiftError(
            f"the server says: {mask_secrets(said)}", hint="look at the server's log"
        ) from error


def load_statements(place: Place, name: str, chunks: Iterable[bytes]) -> None:
    """Run the statements of a dump in a database.

    Raises:
        SceneshiftError: They are damaged, or the server refused one.
    """
    with open_session(place, name) as session, open_chunks(chunks) as file:
        session.run(
            "SET foreign_key_checks = 0, unique_checks = 0 "
            "/*M!100201 , check_constraint_checks = 0 */"
        )
        for line in file:
            session.run(msgspec.json.decode(line, type=str))


def have_same_rows(place: Place, one: str, other: str) -> bool:
    """Tell whether two databases that nobody writes to have the same in all tables.

    Raises:
        SceneshiftError: They cannot be read.
    """
    with (
        open_session(place, "") as session,
        reading(place, one) as mine,
        reading(place, other) as theirs,
    ):
        tables = list_tables(session, one)
        if tables != list_tables(session, other):
            return False
        for each in tables:
            if each.kind == _SEQUENCE:
                continue
            columns = _list_columns(session, one, each)
            if columns != _list_columns(session, other, each):
                return False
            pairs = zip_longest(
                mine.read(each.name, columns), theirs.read(each.name, columns)
            )
            if any(left != right for left, right in pairs):
                return False
    return True


def _list_columns(session: Session, name: str, table: Table) -> list[str]:
    """Return the columns that have values of their own, those that are hidden too."""
    found = session.ask(_COLUMNS, name=name, table=table.name)
    return [str(column) for (column,) in found]


def _count(
    rows: Iterable[tuple[Any, ...]], counts: dict[str, int], table: str
) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        counts[table] += 1
        yield row


def _list_inserts(
    table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]], most: int
) -> Iterator[str]:
    names = ", ".join(map(quote_name, columns))
    start = f"INSERT INTO {quote_name(table)} ({names}) VALUES "  # noqa: S608
    parts: list[str] = []
    size = 0
    for row in rows:
        parts.append(f"({', '.join(map(_describe, row))})")
        size += len(parts[-1])
        if size > most:
            yield start + ", ".join(parts)
            parts, size = [], 0
    if parts:
        yield start + ", ".join(parts)


def _describe(value: str | bytes | None) -> str:
    if value is None:
        return "NULL"
    return f"x'{value.hex()}'" if isinstance(value, bytes) else quote_text(value)


def _list_code(codes: Sequence[Code]) -> Iterator[str]:
    """Yield what makes the table that a state has its code in, see `mysql.code`."""
    yield (
        f"CREATE TABLE {CODE} (number INT PRIMARY KEY, code LONGTEXT) "
        "CHARACTER SET utf8mb4"
    )
    for number, each in enumerate(codes):
        text = quote_text(msgspec.json.encode(each).decode())
        yield f"INSERT INTO {CODE} VALUES ({number}, {text})"  # noqa: S608


def _write(statement: str) -> bytes:
    return msgspec.json.encode(statement) + b"\n"
