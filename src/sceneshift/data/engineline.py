"""Statements that stand for themselves, by SQLAlchemy: whatever the driver is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sceneshift.data.engine import open_connection, open_engine, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import URL, Connection

    from sceneshift.core.errors import SceneshiftError

    Explain = Callable[[BaseException, URL], SceneshiftError]


class EngineLine:
    """A connection that SQLAlchemy has opened.

    Args:
        connection: The same.
        url: What it was opened with.
        explain: Returns the error for people of what a driver raised.

    Attributes:
        connection: See there.
        url: See there.
    """

    def __init__(self, connection: Connection, url: URL, explain: Explain) -> None:
        self.connection = connection
        self.url = url
        self._explain = explain

    def execute(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, none where it has none.

        Raises:
            SceneshiftError: The server refused it, as `explain` says.
        """
        from sqlalchemy import exc  # noqa: PLC0415 - 300 ms

        options = {"no_parameters": True}
        try:
            found = self.connection.exec_driver_sql(query, execution_options=options)
            return [tuple(row) for row in found] if found.returns_rows else []
        except exc.DBAPIError as error:
            raise self._explain(error.orig or error, self.url) from error


@contextmanager
def open_engine_line(
    url: str, root: Path, name: str, explain: Explain
) -> Iterator[EngineLine]:
    """Yield a connection to a database of a server.

    Args:
        url: A database of it, as an application names it.
        root: The project's folder.
        name: The database that is meant.
        explain: See `EngineLine`.

    Raises:
        ComponentError: No driver is installed.
        SceneshiftError: It cannot be reached.
    """
    chosen = parse_url(url, root).set(database=name)
    engine = open_engine(chosen, root, is_autocommit=True)
    with open_connection(engine) as connection:
        yield EngineLine(connection, chosen, explain)
