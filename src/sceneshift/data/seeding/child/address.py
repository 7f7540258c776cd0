"""What the URL of an application's database means to a synchronous program.

Applications name asynchronous drivers, which cannot be used without an event loop, and
tools of old write what SQLAlchemy does not take. Both are translated here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import URL

# Heroku's, which SQLAlchemy 1.4 gave up, and those of django-environ.
OLD_NAMES = dict.fromkeys(("pgsql", "postgis", "postgres", "psql"), "postgresql")

# Asynchronous drivers, and the synchronous ones that take the same servers.
_SYNCHRONOUS = {
    "aiomysql": ("pymysql", "mysqldb"),
    "aioodbc": ("pyodbc",),
    "aiosqlite": ("pysqlite",),
    "asyncmy": ("pymysql", "mysqldb"),
    "asyncpg": ("psycopg", "psycopg2"),
    "oracledb_async": ("oracledb",),
    "psycopg_async": ("psycopg",),
}
# What a URL without a driver may mean, SQLAlchemy's own choice first.
_UNNAMED = {
    "mariadb": ("mysqldb", "pymysql"),
    "mysql": ("mysqldb", "pymysql"),
    "postgresql": ("psycopg", "psycopg2"),
}
# asyncpg's own, which libpq refuses to know.
ONLY_ASYNCPG = (
    "async_fallback",
    "command_timeout",
    "max_cacheable_statement_size",
    "max_cached_statement_lifetime",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "server_settings",
    "ssl",
    "statement_cache_size",
    "timeout",
)
# What people write for asyncpg's `ssl`, where it is no `sslmode` by itself.
SSL_MODES = {"true": "require", "1": "require", "false": "disable", "0": "disable"}


def read_url(url: URL | str, root: str) -> URL:
    """Return the URL with the names of today, and an absolute path of a SQLite file.

    Args:
        url: The database, as an application names it.
        root: What a relative path of a SQLite file is relative to.

    Raises:
        sqlalchemy.exc.ArgumentError: It cannot be read.
        ValueError: Its port cannot be.
    """
    from sqlalchemy import make_url  # noqa: PLC0415 - 300 ms

    return _root_file(_translate(make_url(url)), root)


def list_drivers(url: URL) -> list[str]:
    """Return the names of the dialects to try, the first one that is there counts."""
    system, _, driver = url.drivername.partition("+")
    drivers = _SYNCHRONOUS.get(driver) if driver else _UNNAMED.get(system)
    if drivers is None:
        return [url.drivername]
    return [f"{system}+{name}" for name in drivers]


def _translate(url: URL) -> URL:
    """Put the names of today for those of old, and libpq's arguments for asyncpg's."""
    system, plus, driver = url.drivername.partition("+")
    if driver == "asyncpg":
        url = _translate_query(url)
    return url.set(drivername=f"{OLD_NAMES.get(system, system)}{plus}{driver}")


def _translate_query(url: URL) -> URL:
    asked = url.query.get("ssl")
    url = url.difference_update_query(ONLY_ASYNCPG)
    if not isinstance(asked, str):
        return url
    return url.update_query_dict({"sslmode": SSL_MODES.get(asked.lower(), asked)})


def _root_file(url: URL, root: str) -> URL:
    path = url.database
    is_file = url.get_backend_name() == "sqlite" and path and path != ":memory:"
    if not is_file or path is None or path.startswith("file:"):
        return url
    return url.set(database=os.path.join(root, path))  # noqa: PTH118 - a URL's text
