"""Statements for a PostgreSQL server, by its driver alone.

SQLAlchemy takes half a second to import. It is asked only where the driver is another,
or the address is one that libpq might take for something else.
"""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from msgspec import Struct

from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.data.postgresql.address import find_address
from sceneshift.data.postgresql.server import StatementError, quote_text
from sceneshift.data.sqltext import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import URL

    from sceneshift.data.engineline import EngineLine
    from sceneshift.data.postgresql.driverline import DriverLine

MAINTENANCE = ("postgres", "template1")  # nobody works in them
# What a database or a user may be set to, and would end in the middle of things.
_SETTINGS = """\
SET statement_timeout = 0;
SET lock_timeout = '10s';
SET idle_in_transaction_session_timeout = 0;
SET default_transaction_read_only = off;
SELECT set_config('idle_session_timeout', '0', false)
WHERE current_setting('server_version_num')::int >= 140000
"""


class Place(Struct, frozen=True, kw_only=True):
    """A database on a server, and by it the server.

    Attributes:
        url: Its address, as an application names it.
        root: The project's folder.
    """

    url: str
    root: Path

    @property
    def name(self) -> str:
        """The database's name; empty where the address has none."""
        _, _, rest = self.url.partition("://")
        place, _, query = rest.partition("?")
        asked = dict(parse_qsl(query)).get("dbname")
        return asked or unquote(place.partition("/")[2])


class Session:
    """A connection whose statements stand for themselves."""

    def __init__(
        self,
        execute: Callable[[str], list[tuple[Any, ...]]],
        copy: Callable[[str, Iterable[bytes]], None],
    ) -> None:
        self._execute = execute
        self._copy = copy
        self._is_in_transaction = False

    def ask(self, query: str, **values: str | int) -> list[tuple[Any, ...]]:
        """Return the rows of a query; `{name}` stands for a value.

        Raises:
            StatementError: The server refused it.
        """
        return self._execute(fill(query, values, quote_text))

    def run(self, *statements: str) -> None:
        """Run a statement by itself, or several as one transaction.

        Raises:
            StatementError: The server refused one, and all are as if never run.
        """
        if len(statements) == 1 or self._is_in_transaction:
            for each in statements:
                self._execute(each)
            return
        try:
            self._execute("; ".join(["BEGIN", *statements, "COMMIT"]))
        except BaseException:
            with contextlib.suppress(SceneshiftError):
                self._execute("ROLLBACK")
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Have all statements in it be one transaction.

        Raises:
            StatementError: It cannot be committed, and all are as if never run.
        """
        self._execute("BEGIN")
        self._is_in_transaction = True
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            with contextlib.suppress(SceneshiftError):
                self._execute("ROLLBACK")
            raise
        finally:
            self._is_in_transaction = False

    def copy(self, query: str, chunks: Iterable[bytes]) -> None:
        """Load rows by a statement COPY … FROM stdin.

        Raises:
            ComponentError: The driver cannot.
            StatementError: The server refused it.
        """
        self._copy(query, chunks)


@contextmanager
def open_session(place: Place, name: str | None = None) -> Iterator[Session]:
    """Yield a connection to a database, or to another one of its server.

    Raises:
        ComponentError: No driver is installed.
        SceneshiftError: It cannot be reached.
    """
    with _open(place, place.name if name is None else name) as session:
        session.ask(_SETTINGS)
        yield session


@contextmanager
def open_maintenance(place: Place) -> Iterator[Session]:
    """Yield a connection to the server, in none of the databases that are worked on.

    Raises:
        ComponentError: No driver is installed.
        SceneshiftError: It cannot be reached.
    """
    with contextlib.ExitStack() as stack:
        for name in MAINTENANCE:
            try:
                session = stack.enter_context(open_session(place, name))
            except SceneshiftError as error:
                # It may not be there, or not be open to this user.
                if name == MAINTENANCE[-1] or f'"{name}"' not in error.message:
                    raise
            else:
                break
        yield session


@contextmanager
def open_locking(place: Place) -> Iterator[Session]:
    """Yield a connection for a lock of the server: to no database that is worked on.

    Where the user may be in no other, it is to this one.

    Raises:
        ComponentError: No driver is installed.
        SceneshiftError: It cannot be reached.
    """
    with contextlib.ExitStack() as stack:
        try:
            session = stack.enter_context(open_maintenance(place))
        except SceneshiftError as error:
            # Else the server itself cannot be reached.
            if not any(name in error.message for name in MAINTENANCE):
                raise
            session = stack.enter_context(open_session(place))
        yield session


def _open(place: Place, name: str) -> AbstractContextManager[Session]:
    address = find_address(place.url)
    if address is not None:
        with contextlib.suppress(ImportError):
            from sceneshift.data.postgresql.driverline import (  # noqa: PLC0415 - 120 ms
                open_driver_line,
            )

            return _open_by_driver(open_driver_line(address, name))
    return _open_by_engine(place, name)


@contextmanager
def _open_by_driver(opening: AbstractContextManager[DriverLine]) -> Iterator[Session]:
    with opening as line:
        yield Session(line.execute, line.copy)


@contextmanager
def _open_by_engine(place: Place, name: str) -> Iterator[Session]:
    from sceneshift.data.engineline import open_engine_line  # noqa: PLC0415 - seldom

    with open_engine_line(place.url, place.root, name, _explain) as line:
        yield Session(line.execute, partial(_copy, line))


def _copy(line: EngineLine, query: str, chunks: Iterable[bytes]) -> None:
    """Load rows by a connection of SQLAlchemy's, where its driver can."""
    cursor = line.connection.connection.cursor()
    if not hasattr(cursor, "copy"):
        raise ComponentError(
            f"the driver `{line.url.drivername}` cannot load what was dumped",
            component="psycopg[binary]",
            hint="name psycopg in the URL: postgresql+psycopg://…",
        )
    try:
        with cursor.copy(query) as copying:
            for chunk in chunks:
                copying.write(chunk)
    except line.connection.dialect.loaded_dbapi.Error as error:
        raise _explain(error, line.url) from error


def _explain(error: BaseException, url: URL) -> StatementError:
    from sceneshift.data.engine import describe_error  # noqa: PLC0415 - seldom

    return StatementError(
        f"postgresql says: {describe_error(error, url)}",
        hint="look at the server's log",
        code=getattr(error, "sqlstate", getattr(error, "pgcode", None)),
    )
