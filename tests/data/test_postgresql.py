from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.postgresql.address import find_address, read_column

if TYPE_CHECKING:
    from postgresql import Server


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p%40@h:1/d", "u:p%40@h:1/d?connect_timeout=5"),
        ("postgres://h", "h?connect_timeout=5"),
        ("postgresql+psycopg://h/d?connect_timeout=9", "h/d?connect_timeout=9"),
        (
            "postgresql+asyncpg://h/d?ssl=true&command_timeout=3",
            "h/d?connect_timeout=5&sslmode=require",
        ),
        (
            "postgresql+psycopg_async:///d?host=/a b",
            "/d?connect_timeout=5&host=%2Fa%20b",
        ),
    ],
)
def test_a_url_is_put_as_libpq_takes_it(url: str, expected: str) -> None:
    """With a limit of its own."""
    assert find_address(url) == f"postgresql://{expected}"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://h/d",
        "postgresql+psycopg2://h/d",
        "postgresql+pg8000://h/d",
        "postgresql://u:a/b@h/d",
        "postgresql://u:a%@h/d",
        "postgresql://u:a?b@h/d",
        "postgresql:///d?host=a:1",
        "postgresql:///d?host=a&host=b",
        "postgresql://h/d?odd=1",
    ],
)
def test_what_libpq_might_take_for_something_else_is_sqlalchemy_s(url: str) -> None:
    """It reads some URLs in another way."""
    assert find_address(url) is None


@pytest.mark.needs("postgresql")
def test_a_column_is_read(server: Server) -> None:
    """Whatever the names; a table that is not there is none."""
    name = server.make()
    address = find_address(server.url(name))
    assert address is not None
    assert read_column(address, "it's", None, "n") is None
    server.run(name, 'CREATE SCHEMA "a b"')
    server.run(name, 'CREATE TABLE "a b"."it\'s" AS SELECT 1 AS n')
    assert read_column(address, "it's", None, "n") is None
    assert read_column(address, "it's", "a b", "n") == ["1"]
    with pytest.raises(SceneshiftError, match=r'^postgresql says: column "m" does not'):
        read_column(address, "it's", "a b", "m")


LOADED = """
import sys
from pathlib import Path
from sceneshift.core.databases import Database
from sceneshift.data.versions import VersionTable, read_versions
database = Database(name="default", url=sys.argv[1])
print(read_versions(database, Path(), VersionTable()), "sqlalchemy" in sys.modules)
"""


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("is_there", [True, False])
def test_without_the_driver_sqlalchemy_finds_another(
    server: Server, *, is_there: bool
) -> None:
    """And is not imported where it is not needed."""
    code = LOADED if is_there else f"import sys; sys.modules['psycopg'] = None{LOADED}"
    words = [sys.executable, "-c", code, server.url(server.make())]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    if is_there:
        assert ended.stdout == "None False\n"
    else:
        assert "the driver `psycopg` of a database is not installed" in ended.stderr
