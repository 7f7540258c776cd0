"""A synchronous engine for the URL of an environment's database."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sceneshift.core.errors import ComponentError, ConfigError, SceneshiftError
from sceneshift.core.secrets import MASK, mask_secrets
from sceneshift.core.wording import quote
from sceneshift.data.seeding.child.address import list_drivers, read_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import URL, Connection, Engine

_CONNECT_S = 5.0
_PACKAGES = {
    "mariadbconnector": "mariadb",
    "mysqlconnector": "mysql-connector-python",
    "mysqldb": "pymysql",  # mysqlclient needs a compiler
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
}
# The argument of each driver that limits how long it tries to connect, in seconds.
_TIMEOUTS = {
    "mariadbconnector": "connect_timeout",
    "mysqlconnector": "connection_timeout",
    "mysqldb": "connect_timeout",
    "oracledb": "tcp_connect_timeout",
    "pg8000": "timeout",
    "psycopg": "connect_timeout",
    "psycopg2": "connect_timeout",
    "pymysql": "connect_timeout",
    "pyodbc": "timeout",
    "pysqlite": "timeout",
}


def open_engine(
    url: URL | str,
    root: Path,
    *,
    is_autocommit: bool = False,
    connect_s: float = _CONNECT_S,
) -> Engine:
    """Return an engine, which connects anew each time and keeps nothing open.

    Args:
        url: The database, as an application names it.
        root: What a relative path of a SQLite file is relative to.
        is_autocommit: Whether each statement is for itself: CREATE DATABASE is refused
            in a transaction.
        connect_s: Seconds that it may take to connect.

    Raises:
        ConfigError: The URL cannot be read, or names a system that is not known.
        ComponentError: The driver is not installed.
    """
    from sqlalchemy import create_engine, exc  # noqa: PLC0415 - 300 ms
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    url = parse_url(url, root)
    options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if is_autocommit else {}
    names = list_drivers(url)
    for name in names:
        chosen = url.set(drivername=name)
        try:
            return create_engine(
                chosen,
                poolclass=NullPool,
                connect_args=_limit(chosen, connect_s),
                **options,
            )
        except ImportError:
            continue
        except exc.NoSuchModuleError as error:
            raise ConfigError(
                f"{quote(name)} is no database system that SQLAlchemy knows here",
                hint="mend the URL, or install the package that has its dialect",
            ) from error
        except exc.ArgumentError:
            raise _refuse(chosen) from None
    driver = names[0].partition("+")[2] or names[0]
    package = _PACKAGES.get(driver, driver)
    raise ComponentError(
        f"the driver {quote(driver)} of a database is not installed",
        component=package,
        hint=f"install it: {_advise(root, package)}",
    )


def parse_url(url: URL | str, root: Path) -> URL:
    """Return the URL with a synchronous driver, and an absolute path of a SQLite file.

    Args:
        url: The database, as an application names it.
        root: What a relative path of a SQLite file is relative to.

    Raises:
        ConfigError: It cannot be read. What it says is not shown: it has the password.
    """
    from sqlalchemy import exc  # noqa: PLC0415 - as above

    try:
        return read_url(url, str(root))
    except (exc.ArgumentError, ValueError):  # ValueError: the port
        raise _refuse(url) from None


def _refuse(url: URL | str) -> ConfigError:
    hint = (
        "write it as system+driver://user:password@host:port/name, and "
        "`@`, `:`, `/` and `%` of a password as %40, %3A, %2F and %25"
    )
    if str(url).startswith("sqlite"):
        hint = "write it as sqlite:///name.db, or sqlite:////folder/name.db"
    return ConfigError("the URL of a database cannot be read", hint=hint)


def name_package(driver: str) -> str:
    """Return the package that has a driver."""
    return _PACKAGES.get(driver, driver)


@contextmanager
def open_connection(engine: Engine) -> Iterator[Connection]:
    """Yield a connection; what its library raises becomes an error for people.

    Raises:
        SceneshiftError: The database cannot be reached, or refused a statement.
    """
    from sqlalchemy import exc  # noqa: PLC0415 - as above

    try:
        with engine.connect() as connection:
            yield connection
    except exc.DBAPIError as error:
        said = describe_error(error.orig or error, engine.url)
        raise SceneshiftError(
            f"{engine.dialect.name} says: {said}",
            hint="is its server up, and the URL right? inv env.show",
        ) from error


def describe_error(error: BaseException, url: URL) -> str:
    """Return the first line of what a driver says, without the password."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = mask_secrets(lines[0]) if lines else type(error).__name__
    password = str(url.password or "")
    return text.replace(password, MASK) if password else text


def _limit(url: URL, connect_s: float) -> Mapping[str, Any]:
    """Return the argument for the driver; what the URL says itself is stronger."""
    dialect = url.get_dialect()
    key = _TIMEOUTS.get(dialect.driver)
    if key is None or key in url.query:
        return {}
    # libpq and MySQL's drivers take whole seconds alone, and 0 as no limit.
    return {key: connect_s if dialect.name == "sqlite" else max(1, round(connect_s))}


def _advise(root: Path, package: str) -> str:
    """Return the command that installs a package beside this program."""
    if (root / "uv.lock").is_file():
        return f"uv add --dev '{package}'"
    if (root / "poetry.lock").is_file():
        return f"poetry add --group dev '{package}'"
    python = sys.executable.removeprefix(f"{root}/")
    return f"{python} -m pip install '{package}'"
