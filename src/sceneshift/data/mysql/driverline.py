"""Statements that stand for themselves, by PyMySQL, which takes 100 ms to import."""

from __future__ import annotations

import contextlib
import ssl
from functools import cache
from typing import TYPE_CHECKING, Any

import pymysql

from sceneshift.core.errors import SceneshiftError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Explain = Callable[[Exception], SceneshiftError]

_CONNECT_S = 5


class DriverLine:
    """A connection that PyMySQL has opened.

    Args:
        connection: The same.
        explain: Returns the error for people of what the driver raised.
    """

    def __init__(self, connection: Connection, explain: Explain) -> None:
        self._connection = connection
        self._explain = explain

    def execute(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, none where it has none.

        Raises:
            SceneshiftError: The server refused it, as `explain` says.
        """
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(query)
                return [*cursor.fetchall()] if cursor.description else []
        except (pymysql.Error, OSError) as error:
            raise self._explain(error) from error


class Connection(pymysql.connections.Connection):  # type: ignore[misc]
    """One that reads no certificates, 60 ms, which it would not look at."""

    def _create_ssl_ctx(self, sslp: object) -> object:
        return super()._create_ssl_ctx(sslp) if sslp else _make_context()


@contextlib.contextmanager
def open_driver_line(
    arguments: Mapping[str, Any], name: str, explain: Explain
) -> Iterator[DriverLine]:
    """Yield a connection to a database of a server.

    Args:
        arguments: What PyMySQL connects with.
        name: The database that is meant; empty for none.
        explain: See `DriverLine`.

    Raises:
        SceneshiftError: It cannot be reached.
    """
    try:
        connection = Connection(
            **arguments,
            database=name or None,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=_CONNECT_S,
            program_name="sceneshift",
        )
    # What it raises of an address is no error of its own.
    except (pymysql.Error, OSError, RuntimeError, UnicodeError) as error:
        raise SceneshiftError(
            explain(error).message,
            hint="is its server up, and the URL right? inv env.show",
        ) from error
    try:
        yield DriverLine(connection, explain)
    finally:
        with contextlib.suppress(pymysql.Error):  # it was lost before
            connection.close()


@cache
def _make_context() -> object:
    """Return what encrypts a connection, where a server can, as clients do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
