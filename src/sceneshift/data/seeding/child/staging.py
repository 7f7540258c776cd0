"""Rows that wait in a temporary table: PostgreSQL and SQLite."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from sqlalchemy import types

from sceneshift.data.seeding.child.failure import DoubleError, explain, is_of_database
from sceneshift.data.seeding.child.references import find_checks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Column, Connection

    from sceneshift.data.seeding.child.loading import Shape
    from sceneshift.data.seeding.child.tables import Target

_NUMBERS = itertools.count(1)
_AT_ONCE = 3  # chunks, at most: a COPY for each takes half as long again


class Sqlite:
    """How SQLite takes rows: by `executemany`, in the one transaction.

    Args:
        connection: The run's.
    """

    looks_at_once = False
    same = "{0} IS {1}"
    # A collation would take `a` for `A`.
    other = "{0} COLLATE BINARY IS NOT {1}"
    order = "rowid"
    overriding = ""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def put(
        self,
        target: Target,
        columns: Sequence[str],
        rows: Iterator[list[Any]],
        *,
        is_whole: bool,
    ) -> None:
        """Put rows into a table, without looking."""
        if is_whole:
            self.fill(self.name(target), columns, rows)
            return
        # Whoever makes them may ask the database, which a COPY would hinder.
        count = 1
        while several := list(itertools.islice(rows, count)):
            self.fill(self.name(target), columns, iter(several))
            several.clear()  # before there are the next ones
            count = min(2 * count, _AT_ONCE)

    def fill(
        self, table: str, columns: Sequence[str], rows: Iterator[list[Any]]
    ) -> None:
        """Put rows into a table, by its name as SQL has it."""
        names, marks = self.quote_all(columns), ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608
        driver: Any = self.connection.connection.driver_connection
        for chunk in rows:
            driver.executemany(statement, chunk)

    def stage(self, target: Target, shape: Shape, withheld: frozenset[str]) -> Waiting:
        """Make a temporary table."""
        del withheld  # it is told again when all are there
        return Waiting(self, target, shape)

    def name(self, target: Target) -> str:
        """Return the table's name as SQL has it."""
        return self.connection.dialect.identifier_preparer.format_table(target.table)

    def quote(self, name: str) -> str:
        """Return a name as SQL has it."""
        return f'"{name.replace(chr(34), chr(34) * 2)}"'

    def quote_all(self, names: Iterable[str]) -> str:
        """Return names, with commas between them."""
        return ", ".join(map(self.quote, names))

    def ask(self, query: str) -> list[Any]:
        """Return the rows of a query as it stands."""
        cursor: Any = self.connection.connection.cursor()
        try:
            cursor.execute(query)
            found: list[Any] = cursor.fetchall()
        finally:
            cursor.close()
        return found

    def run(self, statement: str) -> int:
        """Run a statement as it stands; return how many rows it concerned."""
        cursor: Any = self.connection.connection.cursor()
        try:
            cursor.execute(statement)
            count: int = cursor.rowcount
        finally:
            cursor.close()
        return count

    def compare(self, column: Column[Any]) -> str:
        """Return what tells whether a value of a column is another."""
        del column
        return self.other

    def match(self, column: Column[Any]) -> str:
        """Return what tells whether a part of the key is the same."""
        del column
        return self.same

    def analyze(self, table: str) -> None:
        """Tell the system how much there is."""

    def name_double(self, error: Exception, table: str, key: Sequence[str]) -> str:
        """Return the key that two rows have, as `(email)=(a@b.c)`."""
        del error
        names = self.quote_all(key)
        look = f"SELECT {names} FROM {table} GROUP BY {names} HAVING count(*) > 1"  # noqa: S608
        driver: Any = self.connection.connection.driver_connection
        values = driver.execute(f"{look} LIMIT 1").fetchone()
        return f"({', '.join(key)})=({', '.join(map(str, values))})"


class Postgresql(Sqlite):
    """How PostgreSQL takes rows: by COPY."""

    looks_at_once = True
    other = "{0} IS DISTINCT FROM {1}"
    order = "ctid"
    # What has its own numbers otherwise refuses those of the rows.
    overriding = " OVERRIDING SYSTEM VALUE"

    def __init__(self, connection: Connection, *, is_draft: bool = False) -> None:
        super().__init__(connection)
        self._is_draft = is_draft
        self._is_unchecked = False

    def put(
        self,
        target: Target,
        columns: Sequence[str],
        rows: Iterator[list[Any]],
        *,
        is_whole: bool,
    ) -> None:
        """Put rows into a table, and look at their references where that is faster."""
        table = self.name(target)
        checks = find_checks(self.connection, table) if self._is_draft else []
        self._is_unchecked = bool(checks)
        try:
            super().put(target, columns, rows, is_whole=is_whole)
        finally:
            self._is_unchecked = False
        for each in checks:
            for (place,) in self.ask(each.query):
                # The server looks again at a row that is touched, and says it all.
                touch = f"UPDATE ONLY {table} SET {each.name} = {each.name}"  # noqa: S608
                self.run(f"{touch} WHERE ctid = '{place}'")

    def fill(
        self, table: str, columns: Sequence[str], rows: Iterator[list[Any]]
    ) -> None:
        """Put rows into a table, by its name as SQL has it."""
        driver: Any = self.connection.connection.driver_connection
        statement = f"COPY {table} ({self.quote_all(columns)}) FROM STDIN"
        # Where that fails, it is taken back with the rest of the transaction.
        if self._is_unchecked:
            self.run("SET LOCAL session_replication_role = replica")
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            write = copy.write_row
            for chunk in rows:
                for row in chunk:
                    write(row)
        if self._is_unchecked:
            self.run("SET LOCAL session_replication_role = origin")

    def compare(self, column: Column[Any]) -> str:
        """Return what tells whether a value of a column is another."""
        # Of these, PostgreSQL cannot say whether two are equal.
        is_plain_json = isinstance(column.type, types.JSON) and not _is_binary(column)
        if is_plain_json or isinstance(column.type, types.NullType):
            return "{0}::text IS DISTINCT FROM {1}::text"
        return self.other

    def match(self, column: Column[Any]) -> str:
        """Return what tells whether a part of the key is the same."""
        # An index, or a hash, helps `=` alone.
        return "{0} IS NOT DISTINCT FROM {1}" if column.nullable else "{0} = {1}"

    def analyze(self, table: str) -> None:
        """Tell the system how much there is."""
        self.run(f"ANALYZE {table}")

    def name_double(self, error: Exception, table: str, key: Sequence[str]) -> str:
        """Return the key that two rows have, as `(email)=(a@b.c)`."""
        del table  # the transaction has failed: only the error can tell
        detail = explain(error).partition("Key ")[2].removesuffix(" is duplicated.")
        return detail or ", ".join(key)


def _is_given(column: Column[Any]) -> bool:
    """Tell whether the system alone gives a column its numbers, once and for all."""
    return column.identity is not None and bool(column.identity.always)


def _is_binary(column: Column[Any]) -> bool:
    return type(column.type).__name__.upper() == "JSONB"


class Waiting:
    """A temporary table with rows of one shape.

    Args:
        backend: The system.
        target: The table that they are for.
        shape: What they have.
    """

    def __init__(self, backend: Sqlite, target: Target, shape: Shape) -> None:
        self.shape = shape
        self._backend = backend
        self._target = target
        self._name = backend.quote(f"sceneshift_seed_rows_{next(_NUMBERS)}")
        self._columns = (*shape.columns, *shape.defaults)
        self._count = 0
        backend.run(
            f"CREATE TEMPORARY TABLE {self._name} AS SELECT "  # noqa: S608
            f"{backend.quote_all(self._columns)} FROM {backend.name(target)} WHERE 1=0"
        )

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        """Take more rows."""
        self._backend.fill(self._name, self._columns, iter([rows]))
        self._count += len(rows)

    def close(self) -> int:
        """Return how many there are; they must all have different keys."""
        key = self._backend.quote_all(self.shape.key)
        index = self._backend.quote(f"{self._name[1:-1]}_key")
        try:
            self._backend.run(f"CREATE UNIQUE INDEX {index} ON {self._name} ({key})")
        except Exception as error:
            if not is_of_database(error):
                raise
            raise DoubleError(
                f"two rows of `{self._target.label}` have the same key: "
                f"{self._backend.name_double(error, self._name, self.shape.key)}",
                self.shape.key,
            ) from error
        self._backend.analyze(self._name)
        return self._count

    def insert(self, withheld: frozenset[str]) -> int:
        """Insert those that are new; return how many."""
        backend = self._backend
        columns = [name for name in self._columns if name not in withheld]
        source = ", ".join(f"s.{backend.quote(name)}" for name in columns)
        return backend.run(
            f"INSERT INTO {backend.name(self._target)} "  # noqa: S608
            f"({backend.quote_all(columns)}){backend.overriding} "
            f"SELECT {source} FROM {self._name} AS s WHERE NOT EXISTS "
            f"(SELECT 1 FROM {backend.name(self._target)} AS t WHERE {self._match()}) "
            f"ORDER BY s.{backend.order}"
        )

    def update(self) -> int:
        """Update those that are other; return how many."""
        backend = self._backend
        columns = self._target.table.columns
        rest = [
            name
            for name in self.shape.columns
            if name not in self.shape.key and not _is_given(columns[name])
        ]
        if not rest:
            return 0
        values = ", ".join(
            f"{backend.quote(name)} = s.{backend.quote(name)}" for name in rest
        )
        differences = " OR ".join(
            self._pair(backend.compare(columns[name]), name) for name in rest
        )
        return backend.run(
            f"UPDATE {backend.name(self._target)} AS t SET {values} "  # noqa: S608
            f"FROM {self._name} AS s WHERE {self._match()} AND ({differences})"
        )

    def drop(self) -> None:
        """Forget all of them; after an error the transaction does."""
        try:
            self._backend.run(f"DROP TABLE {self._name}")
        except Exception as error:
            if not is_of_database(error):
                raise

    def _match(self) -> str:
        columns = self._target.table.columns
        return " AND ".join(
            self._pair(self._backend.match(columns[name]), name)
            for name in self.shape.key
        )

    def _pair(self, form: str, name: str) -> str:
        quoted = self._backend.quote(name)
        return form.format(f"t.{quoted}", f"s.{quoted}")
