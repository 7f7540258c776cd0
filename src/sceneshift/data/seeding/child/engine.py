"""The connection that all of a run goes through, in one transaction."""

from __future__ import annotations

import re
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from sceneshift.data.seeding.child.address import list_drivers, read_url
from sceneshift.data.seeding.child.checks import begin_counting, explain_references
from sceneshift.data.seeding.child.failure import SeedError, explain
from sceneshift.data.seeding.child.sql import find_end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import RootTransaction

    from sceneshift.data.seeding.child.request import Request

_BUSY_MS = 10_000
_OLDEST_SQLITE = (3, 33)  # UPDATE FROM
# Of a file that nobody has yet, and that is thrown away where this fails.
_DRAFT = (
    "PRAGMA journal_mode = MEMORY",
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -65536",
)


_MARK = "sceneshift.seeding"
_SAVEPOINT = "sceneshift_seeding"
_MYSQL = frozenset({"mariadb", "mysql"})
_ENDED = "a seed has ended the transaction that all of it is: by a statement of its own"
_REFUSAL = "a seed may not commit or roll back: all of it is one transaction"
_ENDS = re.compile(
    r"\s*(?:abort|begin|commit|end|rollback(?!\s+to\b)|start)\b", re.IGNORECASE
)


class CommitError(SeedError):
    """A seed would end the transaction that it is part of."""


@contextmanager
def open_transaction(request: Request) -> Iterator[Connection]:
    """Yield a connection in a transaction, which is committed at the end.

    Raises:
        SeedError: There is no driver, or a seed ended the transaction by itself.
    """
    engine = _make_engine(request)
    is_over = False

    def refuse(_connection: Connection) -> None:
        if not is_over:
            raise CommitError(_REFUSAL)

    if engine.dialect.name == "sqlite":
        _tame_sqlite(engine, is_draft=request.is_draft)
    with engine.connect() as connection:
        transaction = connection.begin()
        event.listen(connection, "commit", refuse)
        event.listen(connection, "before_cursor_execute", _refuse_statement)
        _prepare(connection)
        yield connection  # without a commit, closing rolls back
        if not transaction.is_active:
            raise CommitError(_ENDED)
        check_open(connection)
        is_over = True
        _commit(connection, transaction)


def check_open(connection: Connection) -> None:
    """Make sure that it is still the transaction that was begun here.

    Raises:
        CommitError: A seed has ended it.
    """
    if not _is_open(connection):
        raise CommitError(_ENDED)


def _refuse_statement(
    connection: Connection,
    _cursor: Any,
    statement: str,
    _parameters: Any,
    _context: Any,
    _many: bool,  # noqa: FBT001
) -> None:
    if _ENDS.match(statement):
        raise CommitError(_REFUSAL)
    if connection.dialect.name in _MYSQL and (word := find_end(statement.lstrip())):
        raise CommitError(f"`{word}` in a seed would end its transaction")


def _commit(connection: Connection, transaction: RootTransaction) -> None:
    driver: Any = connection.connection.driver_connection
    try:
        transaction.commit()
    except IntegrityError as error:
        if connection.dialect.name != "sqlite":
            raise SeedError(explain(error)) from error
        # SQLite looks at the references now, and is still in the transaction.
        raise SeedError(explain_references(driver)) from error


def _make_engine(request: Request) -> Engine:
    url = _read_url(request)
    names = list_drivers(url)
    problem: ImportError | None = None
    for name in names:
        try:
            return create_engine(url.set(drivername=name), poolclass=NullPool)
        except ImportError as error:
            problem = problem or error
    driver = names[0].partition("+")[2] or names[0]
    raise SeedError(
        f"the driver `{driver}` of the database is not installed", component=driver
    ) from problem


def _read_url(request: Request) -> URL:
    if request.file is not None:
        return URL.create("sqlite", database=request.file)
    try:
        return read_url(request.url, request.root)
    except (ArgumentError, ValueError):  # ValueError: the port
        raise SeedError("the URL of the database cannot be read") from None


def _tame_sqlite(engine: Engine, *, is_draft: bool) -> None:
    """Take transactions from sqlite3's hands, so that all is in one."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise SeedError(
            f"SQLite {sqlite3.sqlite_version} is too old for seeds, which need 3.33"
        )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        connection.execute("PRAGMA foreign_keys = ON")
        for each in _DRAFT if is_draft else ():
            connection.execute(each)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare(connection: Connection) -> None:
    """Have references checked at the end, as far as the system can do that."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")
        connection.exec_driver_sql(f"SET LOCAL {_MARK} = 'open'")
        # What a file says means the same at each server.
        connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
        connection.exec_driver_sql("SET LOCAL DateStyle = 'ISO, YMD'")
    elif connection.dialect.name in _MYSQL:
        connection.exec_driver_sql("SET time_zone = '+00:00'")
        begin_counting(connection)
        connection.exec_driver_sql(f"SAVEPOINT {_SAVEPOINT}")


def _is_open(connection: Connection) -> bool:
    """Tell whether it is still the transaction that was begun here.

    What drivers are told directly, past SQLAlchemy, could have ended it.
    """
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        return bool(driver.in_transaction)
    if connection.dialect.name == "postgresql":  # a setting ends with it
        look = f"SELECT current_setting('{_MARK}', true)"
        return connection.exec_driver_sql(look).scalar() == "open"
    if connection.dialect.name in _MYSQL:  # many statements end it without a word
        try:
            connection.exec_driver_sql(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return False
        connection.exec_driver_sql(f"SAVEPOINT {_SAVEPOINT}")
    return True
