from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.databases import Database
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.scripts import Scripts
from sceneshift.data.versions import VersionTable, find_version_table, read_versions

if TYPE_CHECKING:
    from postgresql import Server

DEFAULT = VersionTable()


def read(
    root: Path, url: str = "sqlite:///a.db", table: VersionTable = DEFAULT
) -> tuple[str, ...] | None:
    """Read where a database is."""
    return read_versions(Database(name="default", url=url), root, table)


def test_a_file_that_is_not_there_was_never_migrated(tmp_path: Path) -> None:
    """And reading makes none."""
    assert read(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_read_with_the_log_beside_it(tmp_path: Path) -> None:
    """What a program that still runs has written is only there, and it goes on."""
    with closing(sqlite3.connect(tmp_path / "a.db")) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        assert read(tmp_path, "sqlite+aiosqlite:///a.db?timeout=1") is None
        writer.execute("CREATE TABLE Alembic_Version (version_num)")
        assert read(tmp_path) == ()
        writer.execute("INSERT INTO alembic_version VALUES ('b'), ('a')")
        writer.commit()
        assert read(tmp_path) == ("a", "b")
        writer.execute("BEGIN IMMEDIATE")
        assert read(tmp_path) == ("a", "b")


CRASHED = """
import os, signal, sqlite3, sys
writer = sqlite3.connect(sys.argv[1])
writer.execute("PRAGMA journal_mode = WAL")
writer.execute("CREATE TABLE alembic_version (version_num)")
writer.execute("INSERT INTO alembic_version VALUES ('a')")
writer.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_log_of_a_crashed_program_is_read_too(tmp_path: Path) -> None:
    """It has not been copied into the file."""
    words = [sys.executable, "-c", CRASHED, str(tmp_path / "a.db")]
    subprocess.run(words, check=False)
    assert (tmp_path / "a.db-wal").stat().st_size
    assert read(tmp_path) == ("a",)


# As above, without a log: what it writes does not fit into its memory.
KILLED = """
import os, signal, sqlite3, sys
writer = sqlite3.connect(sys.argv[1], isolation_level=None)
writer.execute("CREATE TABLE alembic_version AS SELECT 'a' AS version_num")
writer.execute("PRAGMA cache_size = 1")
writer.execute("BEGIN")
writer.execute("UPDATE alembic_version SET version_num = 'b'")
writer.execute("CREATE TABLE large AS SELECT zeroblob(1000000)")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_program_has_left_is_taken_back(tmp_path: Path) -> None:
    """By whoever opens the file next, and that may be us."""
    path = tmp_path / "a.db"
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert (tmp_path / "a.db-journal").stat().st_size
    assert read(tmp_path) == ("a",)


def test_reading_leaves_nothing_beside_a_file_with_a_log(tmp_path: Path) -> None:
    """Which is not there while nobody has it open."""
    with closing(sqlite3.connect(tmp_path / "a.db")) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE alembic_version AS SELECT 'a' AS version_num")
    assert read(tmp_path) == ("a",)
    assert [each.name for each in tmp_path.iterdir()] == ["a.db"]


# From within a folder that others may enter, unlike those above it.
CLOSED = """
import os
from pathlib import Path
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.versions import VersionTable, read_file
if os.geteuid() == 0:
    os.setuid(65534)
try:
    read_file(Path("closed/a.db"), VersionTable())
except SceneshiftError as error:
    print(error.message)
"""


def test_a_folder_that_is_closed_to_us_is_said(tmp_path: Path) -> None:
    """It may have a database, or none."""
    folder = tmp_path / "project"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "closed").mkdir(mode=0)
    argv = [sys.executable, "-c", CLOSED]
    said = subprocess.check_output(argv, cwd=folder, text=True)
    assert said == "`a.db` cannot be read: Permission denied\n"


def test_a_table_may_have_any_name(tmp_path: Path) -> None:
    """It is quoted."""
    with closing(sqlite3.connect(tmp_path / "a.db")) as writer:
        writer.execute('CREATE TABLE "odd "" name" AS SELECT 7 AS version_num')
    assert read(tmp_path, table=VersionTable(name='odd " name')) == ("7",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x" * 200, "`a.db` cannot be read: file is not a database"),
        (None, "`a.db` cannot be read: "),  # SQLite's releases differ
    ],
)
def test_what_is_no_database_is_said(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    """With the file."""
    if content is None:
        (tmp_path / "a.db").mkdir()
    else:
        (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(SceneshiftError) as caught:
        read(tmp_path)
    assert caught.value.message.startswith(message)


def test_another_way_of_naming_a_database_goes_by_its_library(tmp_path: Path) -> None:
    """One in memory was never migrated, and one by a URI is where that leads."""
    assert read(tmp_path, "sqlite://") is None
    with closing(sqlite3.connect(tmp_path / "a.db")) as writer:
        writer.execute("CREATE TABLE alembic_version AS SELECT 'a' AS version_num")
    assert read(tmp_path, f"sqlite:///file:{tmp_path}/a.db?uri=true") == ("a",)


@pytest.mark.needs("postgresql")
def test_a_server_is_asked(tmp_path: Path, server: Server) -> None:
    """In the schema where the table is."""
    name = server.make()
    url = server.url(name, driver="asyncpg")
    assert read(tmp_path, url) is None
    server.run(name, "CREATE TABLE alembic_version AS SELECT 'a' AS version_num")
    server.run(name, "CREATE SCHEMA own")
    server.run(name, "CREATE TABLE own.v AS SELECT 'b' AS version_num")
    assert read(tmp_path, url) == ("a",)
    assert read(tmp_path, url, VersionTable(name="v", schema="own")) == ("b",)
    with pytest.raises(SceneshiftError, match=r'database "none" does not exist$'):
        read(tmp_path, server.url("none"))


def find(root: Path, env: str, configured: str | None = None) -> VersionTable:
    """Write an env.py and look for the table that it names."""
    (root / "env.py").write_text(env)
    scripts = Scripts(
        config=Path("x"),
        folder=root,
        location=root,
        versions=(),
        version_table=configured,
    )
    return find_version_table(scripts)


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ("context.configure(connection=connection)", ("alembic_version", None)),
        ("context.configure(version_table='v')", ("v", None)),
        ("N = 'v'\nS = 's'\nf(version_table=N, version_table_schema=S)", ("v", "s")),
        ("f(version_table_schema=None)", ("alembic_version", None)),
        ("N: str = 'v'\nf(version_table=N)", ("v", None)),
        ("o = {'version_table': 'v', **x, y: 1}\nf(**o)", ("v", None)),
        ("o['version_table'] = 'v'\no[x] = 1\nf(**o)", ("v", None)),
    ],
)
def test_the_table_is_what_env_py_names(
    tmp_path: Path, env: str, expected: tuple[str, str | None]
) -> None:
    """In so many words."""
    found = find(tmp_path, env)
    assert (found.name, found.schema) == expected


def test_a_table_that_is_named_in_the_settings_is_taken(tmp_path: Path) -> None:
    """Where env.py reads it from there."""
    env = "f(version_table=config.get_main_option('version_table'))"
    assert find(tmp_path, env, "v").name == "v"


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (
            "f(version_table=settings.table)",
            "env.py computes the name of the version table: `settings.table`",
        ),
        ("x =", "env.py cannot be read: "),
    ],
)
def test_what_cannot_be_told_is_not_guessed(
    tmp_path: Path, env: str, message: str
) -> None:
    """A wrong table would say that nothing was ever applied."""
    with pytest.raises(SceneshiftError) as caught:
        find(tmp_path, env)
    assert caught.value.message.startswith(message)
