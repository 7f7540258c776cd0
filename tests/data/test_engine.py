from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url, text

from sceneshift.core.errors import ComponentError, ConfigError, SceneshiftError
from sceneshift.data.engine import (
    describe_error,
    name_package,
    open_connection,
    open_engine,
    parse_url,
)
from sceneshift.data.seeding.child.address import list_drivers, read_url

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///var/dev.db", "sqlite:////root/var/dev.db"),
        ("sqlite+aiosqlite:////a.db", "sqlite+aiosqlite:////a.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///file:a.db?uri=true", "sqlite:///file:a.db?uri=true"),
        *[
            (f"{name}://u@h/d", "postgresql://u@h/d")
            for name in ("pgsql", "postgis", "postgres", "psql")
        ],
        (
            "postgresql+asyncpg://u:p%40@h:1/d?ssl=verify-full",
            "postgresql+asyncpg://u:p%40@h:1/d?sslmode=verify-full",
        ),
        (
            "postgres+asyncpg://h/d?ssl=TRUE&prepared_statement_cache_size=0",
            "postgresql+asyncpg://h/d?sslmode=require",
        ),
        ("postgresql+asyncpg://h/d", "postgresql+asyncpg://h/d"),
        ("mysql+asyncmy://h/d?ssl=x", "mysql+asyncmy://h/d?ssl=x"),
    ],
)
def test_a_url_is_put_as_a_synchronous_driver_takes_it(
    tmp_path: Path, url: str, expected: str
) -> None:
    """What only asyncpg knows goes, and its `ssl` is libpq's `sslmode`."""
    assert parse_url(url, tmp_path) == make_url(
        expected.replace("/root", str(tmp_path))
    )


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite+aiosqlite:///a.db", "pysqlite"),
        ("postgresql+asyncpg://h/d", "psycopg"),
        ("postgresql+psycopg_async://h/d", "psycopg"),
        ("postgres://h/d", "psycopg"),
        ("postgresql://h/d?connect_timeout=3", "psycopg"),
    ],
)
def test_an_engine_has_a_synchronous_driver(
    tmp_path: Path, url: str, driver: str
) -> None:
    """And keeps no connection, whose database could not be dropped."""
    engine = open_engine(url, tmp_path)
    assert engine.dialect.driver == driver
    assert not engine.dialect.is_async
    assert engine.pool.status() == "NullPool"


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("mysql+mysqlconnector://h/d", "mysql-connector-python"),
        ("mysql+mysqldb://u:secret@h/d", "pymysql"),
        ("postgresql+psycopg2://h/d", "psycopg2-binary"),
        ("mssql+aioodbc://h/d", "pyodbc"),
    ],
)
def test_a_missing_driver_is_told_with_what_installs_it(
    tmp_path: Path, url: str, package: str
) -> None:
    """In the interpreter that needs it."""
    with pytest.raises(ComponentError) as caught:
        open_engine(url, tmp_path)
    assert caught.value.component == package
    assert caught.value.hint == (
        f"install it: {sys.executable} -m pip install '{package}'"
    )


@pytest.mark.parametrize(
    ("lock", "command"),
    [
        ("uv.lock", "uv add --dev 'pymysql'"),
        ("poetry.lock", "poetry add --group dev 'pymysql'"),
    ],
)
def test_a_driver_is_installed_as_the_project_does(
    tmp_path: Path, lock: str, command: str
) -> None:
    """Else the next lock would take it away."""
    (tmp_path / lock).touch()
    with pytest.raises(ComponentError) as caught:
        open_engine("mysql+mysqldb://h/d", tmp_path)
    assert caught.value.hint == f"install it: {command}"


@pytest.mark.parametrize(
    "url", ["secret", "mysql://u:secret:x@h:secret/d", "postgresql://u@h:secret/d"]
)
def test_what_is_no_url_is_not_shown(tmp_path: Path, url: str) -> None:
    """It may be a password."""
    with pytest.raises(ConfigError) as caught:
        parse_url(url, tmp_path)
    assert "secret" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("url", ["sqlite://a.db", "sqlite:a.db"])
def test_a_slash_that_a_file_lacks_is_said(tmp_path: Path, url: str) -> None:
    """The system is known, and how it names files is another thing."""
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        open_engine(url, tmp_path)
    assert caught.value.hint
    assert "sqlite:///name.db" in caught.value.hint


def test_an_unknown_system_is_named(tmp_path: Path) -> None:
    """Without the rest of the URL."""
    with pytest.raises(ConfigError, match=r"^`odd\+x` is no database system"):
        open_engine("odd+x://u:secret@h/d", tmp_path)


def test_what_a_driver_says_has_no_password(tmp_path: Path) -> None:
    """Nor any other line than the first."""
    url = parse_url("postgresql://u:s3cret@h/d", tmp_path)
    error = RuntimeError("\nat postgresql://u:s3cret@h: s3cret is wrong\n\tIs it?")
    assert describe_error(error, url) == "at postgresql://u:***@h: *** is wrong"
    assert describe_error(RuntimeError(), url) == "RuntimeError"


def test_a_server_that_is_down_is_an_error_for_people(tmp_path: Path) -> None:
    """With the driver's own word for it."""
    engine = open_engine("postgresql+asyncpg://u:s3cret@127.0.0.1:1/d", tmp_path)
    with pytest.raises(SceneshiftError) as caught, open_connection(engine):
        pass
    assert caught.value.message.startswith("postgresql says: ")
    assert "127.0.0.1" in caught.value.message
    assert "s3cret" not in caught.value.message


def test_a_refused_statement_is_an_error_for_people(tmp_path: Path) -> None:
    """Of SQLite too, whose file is below the project."""
    engine = open_engine("sqlite+aiosqlite:///a.db", tmp_path)
    with (
        pytest.raises(SceneshiftError, match=r"^sqlite says: no such table: a$"),
        open_connection(engine) as connection,
    ):
        connection.execute(text("SELECT * FROM a"))
    assert (tmp_path / "a.db").exists()


@pytest.mark.needs("postgresql")
def test_a_statement_may_stand_outside_of_a_transaction(
    tmp_path: Path, server: Server
) -> None:
    """Without it CREATE DATABASE is refused."""
    url = server.url(driver="asyncpg") + "&ssl=prefer"
    engine = open_engine(url, tmp_path, is_autocommit=True)
    with open_connection(engine) as connection:
        connection.execute(text("CREATE DATABASE made"))
    with (
        pytest.raises(SceneshiftError, match="cannot run inside a transaction block"),
        open_connection(open_engine(url, tmp_path)) as connection,
    ):
        connection.execute(text("CREATE DATABASE other"))


def test_a_driver_is_told_by_its_package() -> None:
    """What is imported by the one name is installed by the other."""
    assert name_package("psycopg2") == "psycopg2-binary"
    assert name_package("pymysql") == "pymysql"


def test_a_url_is_read_for_drivers_that_wait(tmp_path: Path) -> None:
    """For each that may be installed in the Python that uses it."""
    url = "postgresql+asyncpg://u:p%40:w@[::1]:5/d?ssl=true&host=a&host=b"
    read = read_url(url, str(tmp_path))
    assert list_drivers(read) == ["postgresql+psycopg", "postgresql+psycopg2"]
    assert read.translate_connect_args() == {
        "username": "u",
        "password": "p@:w",
        "host": "::1",
        "port": 5,
        "database": "d",
    }
    assert dict(read.query) == {"host": ("a", "b"), "sslmode": "require"}
