"""Statements for a server of MariaDB or MySQL, by PyMySQL alone where that will do.

SQLAlchemy takes 300 ms to import. It is asked only where the driver is another, or the
address has an option that PyMySQL has in other words.
"""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.secrets import MASK, mask_secrets
from sceneshift.data.sqltext import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import URL

    from sceneshift.data.engineline import EngineLine
    from sceneshift.data.mysql.driverline import DriverLine

SYSTEMS = frozenset({"mariadb", "mysql"})
# What PyMySQL stands for; mysqldb and the others read option files and sockets.
_DRIVERS = frozenset({"aiomysql", "asyncmy", "pymysql"})
_OPTIONS = frozenset({"charset", "connect_timeout", "unix_socket"})
_PORT = 3306
LOCK_WAIT_S = 10
MISSING_DATABASE, MISSING_TABLE = 1049, 1146
WAITED = frozenset({1205, 1213})  # in vain, or two for each other
# What a server may be set to, and would end in the middle of things; and that the
# server takes what a table has, whatever the application's own mode is.
_NAMES = "SET NAMES utf8mb4"
_SETTINGS = (
    "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', "
    "lock_wait_timeout = {wait_s}, innodb_lock_wait_timeout = {wait_s}, "
    "wait_timeout = 86400, net_read_timeout = 600, net_write_timeout = 600, "
    "time_zone = '+00:00', autocommit = 1 "
    "/*M!100101 , max_statement_time = 0 */ /*!50708 , max_execution_time = 0 */"
)


class StatementError(SceneshiftError):
    """A server refused a statement.

    Attributes:
        code: Its number; None where that is not known.
    """

    def __init__(self, message: str, *, hint: str, code: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code

    @property
    def is_passing(self) -> bool:
        """Whether another attempt may do it: it was waited for, or the server lost."""
        return self.code is None or self.code in WAITED or 2000 <= self.code < 3000


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
        return unquote(self._split()[1])

    def rename(self, name: str) -> str:
        """Return the address of another database of the server; empty for none."""
        server, _, query = self._split()
        return f"{server}/{quote(name, safe='')}{query}"

    def _split(self) -> tuple[str, str, str]:
        """Return what stands before the name, the name, and what stands behind."""
        scheme, _, rest = self.url.partition("://")
        place, mark, query = rest.partition("?")
        # A password may have a slash in it, as it stands.
        who, at, where = place.rpartition("@")
        server, _, name = where.partition("/")
        return f"{scheme}://{who}{at}{server}", name, f"{mark}{query}"


class Session:
    """A connection whose statements stand for themselves."""

    def __init__(self, execute: Callable[[str], list[tuple[Any, ...]]]) -> None:
        self._execute = execute

    def ask(self, query: str, **values: str | int) -> list[tuple[Any, ...]]:
        """Return the rows of a query; `{name}` stands for a value.

        Raises:
            StatementError: The server refused it.
        """
        return self._execute(fill(query, values, quote_text))

    def run(self, *statements: str) -> None:
        """Run statements, one after another: what the first ones did stays.

        Raises:
            StatementError: The server refused one.
        """
        for each in statements:
            self._execute(each)


@contextmanager
def open_session(place: Place, name: str | None = None) -> Iterator[Session]:
    """Yield a connection to a database, to another one of its server, or to none.

    Args:
        place: The database.
        name: The other one; empty for none, None for the database itself.

    Raises:
        ComponentError: No driver is installed.
        SceneshiftError: It cannot be reached.
    """
    with _open_line(place, place.name if name is None else name) as line:
        session = Session(line.execute)
        session.run(_NAMES, _SETTINGS.format(wait_s=LOCK_WAIT_S))
        yield session


def find_arguments(url: str) -> Mapping[str, Any] | None:
    """Return what PyMySQL connects with; None where only SQLAlchemy can tell.

    Args:
        url: The database, as an application names it.
    """
    scheme, _, rest = url.partition("://")
    system, _, driver = scheme.partition("+")
    is_ours = driver in _DRIVERS or (not driver and find_spec("MySQLdb") is None)
    options = dict(parse_qsl(rest.partition("?")[2], keep_blank_values=True))
    if system not in SYSTEMS or not is_ours or not _OPTIONS.issuperset(options):
        return None
    before = rest.partition("?")[0]
    who, at, where = before.rpartition("@")
    if "@" in who:  # one may mean another host than the other
        return None
    try:
        parts = urlsplit(f"//{where}")
        host, port = parts.hostname or "localhost", parts.port or _PORT
    except ValueError:
        return None
    user, _, password = who.partition(":")
    found: dict[str, Any] = {"host": host, "port": port}
    if at:
        found |= {"user": unquote(user), "password": unquote(password)}
    if "unix_socket" in options:
        found["unix_socket"] = options["unix_socket"]
    return found


def _open_line(
    place: Place, name: str
) -> AbstractContextManager[DriverLine | EngineLine]:
    arguments = find_arguments(place.url)
    if arguments is not None:
        with contextlib.suppress(ImportError):
            from sceneshift.data.mysql.driverline import (  # noqa: PLC0415 - 100 ms
                open_driver_line,
            )

            password = str(arguments.get("password", ""))
            return open_driver_line(
                arguments, name, partial(_explain, password=password)
            )
    from sceneshift.data.engineline import open_engine_line  # noqa: PLC0415 - seldom

    return open_engine_line(place.url, place.root, name, _explain_by_url)


def _explain_by_url(error: BaseException, url: URL) -> StatementError:
    return _explain(error, password=str(url.password or ""))


def _read_error(error: BaseException) -> tuple[int | None, str]:
    """Return the number and the words of what a driver raised."""
    arguments = error.args
    if len(arguments) > 1 and isinstance(arguments[0], int):
        return arguments[0], str(arguments[1])
    number = getattr(error, "errno", None)
    return number, str(getattr(error, "msg", None) or error) or type(error).__name__


def _explain(error: BaseException, *, password: str) -> StatementError:
    code, said = _read_error(error)
    text = mask_secrets(said.splitlines()[0] if said else "nothing")
    text = text.replace(password, MASK) if password else text
    return StatementError(
        f"the server says: {text}", hint="look at the server's log", code=code
    )


def quote_name(name: str) -> str:
    """Return a name as SQL has it."""
    return "`" + name.replace("`", "``") + "`"


def quote_text(text: str) -> str:
    """Return a text as SQL has it, in a session of ours: backslashes escape."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
