"""Statements that stand for themselves, by psycopg, which takes 120 ms to import."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import psycopg

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.secrets import mask_secrets
from sceneshift.data.postgresql.server import StatementError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_APPLICATION = "sceneshift"


class DriverLine:
    """A connection that psycopg has opened."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def execute(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, none where it has none.

        Raises:
            StatementError: The server refused it.
        """
        try:
            cursor = self._connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise _translate(error) from error

    def copy(self, query: str, chunks: Iterable[bytes]) -> None:
        """Load rows by a statement COPY … FROM stdin.

        Raises:
            StatementError: The server refused it.
        """
        try:
            with self._connection.cursor().copy(query.encode()) as copying:
                for chunk in chunks:
                    copying.write(chunk)
        except psycopg.Error as error:
            raise _translate(error) from error


@contextlib.contextmanager
def open_driver_line(address: str, name: str) -> Iterator[DriverLine]:
    """Yield a connection to a database of a server.

    Args:
        address: A database of it, as libpq takes it.
        name: The database that is meant.

    Raises:
        SceneshiftError: It cannot be reached.
    """
    try:
        connection = psycopg.connect(
            address,
            dbname=name,
            autocommit=True,
            fallback_application_name=_APPLICATION,
            # Of a database in SQL_ASCII, psycopg would make bytes.
            client_encoding="utf8",
        )
    except psycopg.Error as error:
        raise SceneshiftError(
            _translate(error).message,
            hint="is its server up, and the URL right? inv env.show",
        ) from error
    # Not its own context: that would wait for what a lost server does not say.
    with contextlib.closing(connection):
        yield DriverLine(connection)


def _translate(error: psycopg.Error) -> StatementError:
    lines = str(error).splitlines() or [type(error).__name__]
    return StatementError(
        f"postgresql says: {mask_secrets(lines[0])}",
        hint="look at the server's log",
        code=error.sqlstate,
    )
