"""A PostgreSQL server, as whoever makes and drops databases sees it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sceneshift.core.blake2 import blake2b
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.engine import (
    describe_error,
    open_connection,
    open_engine,
    parse_url,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import URL, Connection
    from sqlalchemy.exc import SQLAlchemyError

_MAINTENANCE = "postgres"  # nobody works in it
_PORT = 5432
_FORCE_FROM = 13
# Drivers that take what libpq takes, or are replaced by one that does.
_LIBPQ = frozenset({"", "asyncpg", "psycopg", "psycopg2", "psycopg_async"})
_UNICODE = {"client_encoding": "utf8"}


class StatementError(SceneshiftError):
    """A server refused a statement.

    Attributes:
        code: Its SQLSTATE; None where that is not known.
    """

    def __init__(self, message: str, *, hint: str, code: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class Server:
    """A connection to a server, in none of the databases that are worked on.

    Attributes:
        url: What it was opened with.
    """

    def __init__(self, connection: Connection, url: URL) -> None:
        self._connection = connection
        self.url = url

    @property
    def major(self) -> int:
        """The server's major version."""
        return int(self.ask("SHOW server_version_num")[0][0]) // 10_000

    def ask(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query; `:name` stands for a value.

        Raises:
            StatementError: The server refused it.
        """
        from sqlalchemy import exc, text  # noqa: PLC0415 - 300 ms

        try:
            if values:
                found = self._connection.execute(text(query), values)
            else:  # a colon in it is one
                found = self._connection.exec_driver_sql(
                    query, execution_options={"no_parameters": True}
                )
            return [tuple(row) for row in found]
        except exc.SQLAlchemyError as error:
            raise self._translate(error) from error

    def run(self, statement: str) -> None:
        """Run a statement by itself.

        Raises:
            StatementError: The server refused it.
        """
        from sqlalchemy import exc  # noqa: PLC0415 - as above

        try:
            self._connection.exec_driver_sql(
                statement, execution_options={"no_parameters": True}
            )
        except exc.SQLAlchemyError as error:
            raise self._translate(error) from error

    def _translate(self, error: SQLAlchemyError) -> StatementError:
        # None of the driver's, where the connection was lost before.
        said = describe_error(getattr(error, "orig", None) or error, self.url)
        return StatementError(said, hint="look at the server's log")

    def lift_limits(self) -> None:
        """Have nothing cut off that takes its time: copying, and waiting for that."""
        self.ask(
            "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN "
            "('idle_session_timeout', 'lock_timeout', 'statement_timeout')"
        )

    # -- databases

    def lock(self, name: str) -> None:
        """Be the only one that makes or drops a database, as long as this is open.

        It is of the server and not of this machine: what a killed client has begun is
        gone on with there, and nobody else begins before that is over.
        """
        self.ask("SELECT pg_advisory_lock(:key)", key=make_key(name))

    def list_names(self, start: str) -> list[str]:
        """Return the databases whose names begin with a text."""
        rows = self.ask(
            "SELECT datname FROM pg_database WHERE starts_with(datname, :start)",
            start=start,
        )
        return [name for (name,) in rows]

    def count_sessions(self, name: str) -> int:
        """Return how many clients are connected to a database."""
        # Of what others run, a user who is not privileged sees the names alone.
        rows = self.ask(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = :name "
            "AND usesysid IS NOT NULL "
            "AND coalesce(backend_type, 'client backend') = 'client backend'",
            name=name,
        )
        return int(rows[0][0])

    def is_superuser(self) -> bool:
        """Tell whether this user may do everything."""
        query = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        return bool(self.ask(query)[0][0])

    def drop(self, name: str, *, is_forced: bool = False) -> None:
        """Drop a database, where there is one."""
        end = " WITH (FORCE)" if is_forced and self.major >= _FORCE_FROM else ""
        self.run(f"DROP DATABASE IF EXISTS {quote_name(name)}{end}")


@contextmanager
def open_server(url: str, root: Path) -> Iterator[Server]:
    """Yield a connection to the server that an address leads to.

    Raises:
        SceneshiftError: It cannot be reached, or no driver is installed.
    """
    asked = _speak_unicode(parse_url(url, root))
    names = [_MAINTENANCE, asked.database or ""]
    for name in names:
        engine = open_engine(asked.set(database=name), root, is_autocommit=True)
        try:
            with open_connection(engine) as connection:
                pass
        except SceneshiftError as error:
            # It may not be there, or not be open to this user.
            if name == names[-1] or f'"{name}"' not in error.message:
                raise
            continue
        with open_connection(engine) as connection:
            server = Server(connection, engine.url)
            server.lift_limits()
            yield server
        return


def _speak_unicode(url: URL) -> URL:
    """Have libpq give text: of a database in SQL_ASCII, psycopg makes bytes."""
    driver = url.drivername.partition("+")[2]
    return url.update_query_dict(_UNICODE) if driver in _LIBPQ else url


def name_server(url: URL) -> str:
    """Return host and port of a server; the user and the password are not told."""
    given = {**url.query}
    host = given.get("host", url.host or "")
    port = given.get("port", url.port or _PORT)
    return f"{host if isinstance(host, str) else ','.join(host)}:{port}"


def make_key(name: str) -> int:
    """Return the number of the lock that whoever changes a database holds."""
    digest = blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def quote_name(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Return a text as SQL has it, whatever `standard_conforming_strings` says."""
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return f" E{quoted}" if "\\" in text else quoted
