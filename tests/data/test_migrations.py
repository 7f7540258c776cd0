from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import psutil
import pytest
from msgspec.structs import replace

from migrating import (
    INI,
    READING,
    TEMPLATE,
    create,
    describe_revision,
    make_chain,
    make_project,
)
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.migrations import Pending, find_pending, migrate
from support import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server

CHAIN = make_chain(create("a"), create("b"))
URL = "sqlite:///var/dev.db"
ALL = [Pending(database="default", revisions=("r1 Do r1", "r2 Do r2"))]


def look(root: Path, environ: dict[str, str] | None = None) -> list[Pending]:
    """Return what is pending in the active environment."""
    return find_pending(root, environ or dict(os.environ), "development")


def apply(root: Path, environ: dict[str, str] | None = None) -> list[Pending]:
    """Apply what is pending."""
    applied = migrate(root, environ or dict(os.environ), "dev")
    return [replace(each, undo=None, obstacle=None) for each in applied]


def list_tables(root: Path, name: str = "var/dev.db") -> list[str]:
    """Return the tables of a file."""
    with closing(sqlite3.connect(root / name)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return sorted(row[0] for row in rows)


def list_state(root: Path) -> list[str]:
    """Return what is left of copies."""
    return [each.name for each in root.glob(".sceneshift/data/*/drafts/*")]


@pytest.mark.cold
def test_what_is_pending_is_applied_once(tmp_path: Path) -> None:
    """And then nothing is."""
    make_project(tmp_path, CHAIN, url=URL)
    assert look(tmp_path) == ALL
    assert not (tmp_path / "var").exists()
    assert apply(tmp_path) == ALL
    assert look(tmp_path) == apply(tmp_path) == []
    assert list_tables(tmp_path) == ["a", "alembic_version", "b"]
    assert list_state(tmp_path) == []


LOADED = """
import os, sys
from pathlib import Path
from sceneshift.data.migrations import find_pending
print(len(find_pending(Path(sys.argv[1]), os.environ, "development")))
print(*sorted({"alembic", "sqlalchemy"} & set(sys.modules)))
"""


def test_looking_at_a_file_imports_neither_alembic_nor_sqlalchemy(
    tmp_path: Path,
) -> None:
    """They take half a second."""
    make_project(tmp_path, CHAIN, url=URL)
    words = [sys.executable, "-c", LOADED, str(tmp_path)]
    assert subprocess.check_output(words, text=True) == "1\n\n"


def test_without_migrations_there_is_nothing_to_do(tmp_path: Path) -> None:
    """Nor anything to say."""
    assert look(tmp_path) == apply(tmp_path) == []


def test_a_failure_takes_back_all_of_it(tmp_path: Path) -> None:
    """Of the revisions before it too; once it is mended, all are applied."""
    make_project(tmp_path, CHAIN, url=URL)
    apply(tmp_path)
    before = (tmp_path / "var/dev.db").read_bytes()
    more = make_chain(create("a"), create("b"), create("c"), create("b"))
    make_project(tmp_path, more)
    with pytest.raises(SceneshiftError, match="table b already exists"):
        apply(tmp_path)
    assert (tmp_path / "var/dev.db").read_bytes() == before
    make_project(tmp_path, make_chain(create("a"), create("b"), create("c"), "pass"))
    assert apply(tmp_path)[0].revisions == ("r3 Do r3", "r4 Do r4")
    assert list_tables(tmp_path) == ["a", "alembic_version", "b", "c"]


def test_a_program_that_has_the_file_open_goes_on(tmp_path: Path) -> None:
    """With the new tables, in the file that it has."""
    make_project(tmp_path, CHAIN, url=URL)
    (tmp_path / "var").mkdir()
    with closing(sqlite3.connect(tmp_path / "var/dev.db")) as user:
        user.execute("PRAGMA journal_mode = WAL")
        user.execute("CREATE TABLE own AS SELECT 1")
        user.commit()
        apply(tmp_path)
        assert user.execute("SELECT * FROM a").fetchall() == [(1,)]
        user.execute("INSERT INTO own VALUES (2)")
        user.commit()
    assert list_tables(tmp_path) == ["a", "alembic_version", "b", "own"]


def test_two_at_once_follow_each_other(tmp_path: Path) -> None:
    """The second waits, and finds nothing to do."""
    make_project(tmp_path, CHAIN, url=URL)
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(apply, tmp_path) for _ in range(2)]
        assert sorted([each.result() for each in found]) == [[], ALL]


def test_a_lock_that_cannot_be_taken_is_told(tmp_path: Path) -> None:
    """Another user's, say, after a `sudo`."""
    make_project(tmp_path, CHAIN, url=URL)
    apply(tmp_path)
    (lock,) = (tmp_path / ".sceneshift" / "data").glob("*.lock")
    lock.unlink()
    lock.mkdir()
    with pytest.raises(SceneshiftError, match="state of this checkout cannot be writ"):
        apply(tmp_path)


MIGRATE = """
import os, sys
from pathlib import Path
from sceneshift.data.migrations import migrate
migrate(Path(sys.argv[1]), os.environ, "development")
"""
WAITS = "import pathlib, time; pathlib.Path('started').touch(); time.sleep(60)"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.cold
def test_an_end_in_the_middle_leaves_what_was_there(
    tmp_path: Path, number: int
) -> None:
    """The next one sweeps the copy, and applies all; Ctrl-C does so by itself."""
    make_project(tmp_path, make_chain(create("a")), url=URL)
    apply(tmp_path)
    before = (tmp_path / "var/dev.db").read_bytes()
    # Alembic is told to end by the test: it would work on for a minute.
    note = "import os, pathlib; pathlib.Path('pid').write_text(str(os.getpid())); "
    revision = describe_revision("r2", "r1", does=f"{create('b')}; {note}{WAITS}")
    make_project(tmp_path, {"r2": revision})
    words = [sys.executable, "-c", MIGRATE, str(tmp_path)]
    killed = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    wait_until((tmp_path / "started").exists)
    killed.send_signal(number)
    killed.wait()
    assert (tmp_path / "var/dev.db").read_bytes() == before
    is_swept = number == signal.SIGINT
    assert (list_state(tmp_path) == []) == is_swept
    alembic = int((tmp_path / "pid").read_text())
    assert psutil.pid_exists(alembic) != is_swept
    if not is_swept:
        os.kill(alembic, signal.SIGKILL)
    make_project(tmp_path, {"r2": describe_revision("r2", "r1", does=create("b"))})
    assert apply(tmp_path)[0].revisions == ("r2 Do r2",)
    assert list_tables(tmp_path) == ["a", "alembic_version", "b"]
    assert list_state(tmp_path) == []


@pytest.mark.cold
def test_a_migration_that_outlives_its_command_is_waited_for(tmp_path: Path) -> None:
    """Else the next would use the same copy, or server, at the same time."""
    until = "[time.sleep(0.01) for _ in iter(pathlib.Path('go').exists, True)]"
    slow = WAITS.replace("time.sleep(60)", until)
    make_project(tmp_path, make_chain(f"{slow}; {create('a')}"), url=URL)
    words = [sys.executable, "-c", MIGRATE, str(tmp_path)]
    killed = subprocess.Popen(words)
    wait_until((tmp_path / "started").exists)
    killed.kill()
    killed.wait()
    (lock,) = (tmp_path / ".sceneshift" / "data").glob("*.lock")
    with lock.open("ab") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    (tmp_path / "go").touch()
    assert apply(tmp_path)[0].revisions == ("r1 Do r1",)
    assert list_tables(tmp_path) == ["a", "alembic_version"]
    assert list_state(tmp_path) == []


def test_a_file_that_a_uri_names_is_one_too(tmp_path: Path) -> None:
    """Relative to the project, and as a whole."""
    url = "sqlite:///file:dev.db?mode=rwc&uri=true"
    make_project(tmp_path, make_chain(create("a"), create("a")), url=url)
    with pytest.raises(SceneshiftError, match="table a already exists"):
        apply(tmp_path)
    assert list_tables(tmp_path, "dev.db") == []
    make_project(tmp_path, CHAIN)
    assert apply(tmp_path) == ALL
    assert list_tables(tmp_path, "dev.db") == ["a", "alembic_version", "b"]
    assert look(tmp_path) == []


@pytest.mark.parametrize(
    "address", ["driver://user:pass@localhost/dbname", "sqlite:///%(here)s/other.db"]
)
def test_what_alembic_init_writes_follows_the_environment(
    tmp_path: Path, address: str
) -> None:
    """The address in the file is another database's, or none."""
    make_project(tmp_path, CHAIN, url="sqlite:///var/50%25.db", env=TEMPLATE)
    (tmp_path / "alembic.ini").write_text(f"{INI}sqlalchemy.url = {address}\n")
    assert apply(tmp_path) == ALL
    assert list_tables(tmp_path, "var/50%.db") == ["a", "alembic_version", "b"]
    assert not (tmp_path / "other.db").exists()


FIXED = """
import sqlalchemy
from alembic import context
engine = sqlalchemy.create_engine("sqlite:///{path}", connect_args={{"timeout": 0}})
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


def test_an_env_py_with_an_address_of_its_own_is_told(tmp_path: Path) -> None:
    """It is kept from changing the file half-way."""
    env = FIXED.format(path=tmp_path / "var/dev.db")
    make_project(tmp_path, CHAIN, url=URL, env=env)
    with pytest.raises(SceneshiftError) as caught:
        apply(tmp_path)
    assert caught.value.message == (
        "`default` is as it was: migrations/env.py connects to another database than "
        "the one that DATABASE_URL names"
    )
    assert caught.value.hint == (
        'let it read os.environ["DATABASE_URL"]: migrations/env.py'
    )
    assert list_tables(tmp_path) == []


# A statement begins a transaction, which Alembic then leaves to others to commit.
BEGUN = READING.replace(
    "    context.configure",
    "    connection.exec_driver_sql('PRAGMA foreign_keys = ON')\n    context.configure",
)


@pytest.mark.parametrize("env", [BEGUN, FIXED])
def test_an_env_py_that_has_applied_nothing_is_told(tmp_path: Path, env: str) -> None:
    """Or has done so elsewhere: Alembic says that all went well."""
    make_project(tmp_path, CHAIN, url=URL, env=env.format(path=tmp_path / "other.db"))
    with pytest.raises(SceneshiftError) as caught:
        apply(tmp_path)
    assert caught.value.message == (
        "`default` still lacks what is pending: migrations/env.py connects to another "
        "database or schema than DATABASE_URL names, or does not commit"
    )
    assert caught.value.hint
    assert list_tables(tmp_path) == []


@pytest.mark.cold
def test_what_env_py_starts_may_go_on(tmp_path: Path) -> None:
    """It is not waited for, and does not hold up the next."""
    starts = "import os\nos.system('sleep 60 & echo $! > pid')\n"
    make_project(tmp_path, CHAIN, url=URL, env=starts + READING)
    assert apply(tmp_path) == ALL
    started = psutil.Process(int((tmp_path / "pid").read_text()))
    try:
        assert apply(tmp_path) == []
        assert started.status() == psutil.STATUS_SLEEPING
    finally:
        started.kill()


@pytest.mark.parametrize(
    ("revisions", "at", "problem"),
    [
        (
            {**CHAIN, "f": describe_revision("f", "r1")},
            None,
            "there are several heads: f, r2",
        ),
        (
            CHAIN,
            "9f3",
            "it is at `9f3`, which no file here has: another branch of git made it",
        ),
        ({"x": "?"}, None, "x.py cannot be read: invalid syntax (<unknown>, line 1)"),
    ],
)
def test_a_problem_is_said_and_nothing_touched(
    tmp_path: Path, revisions: dict[str, str], at: str | None, problem: str
) -> None:
    """By looking and by applying."""
    make_project(tmp_path, revisions, url="sqlite:///dev.db")
    if at is not None:
        with closing(sqlite3.connect(tmp_path / "dev.db")) as writer:
            writer.execute(f"CREATE TABLE alembic_version AS SELECT '{at}' version_num")
    (found,) = look(tmp_path)
    assert found == Pending(database="default", problem=problem)
    with pytest.raises(SceneshiftError) as caught:
        apply(tmp_path)
    assert caught.value.message.endswith(problem)
    assert caught.value.hint
    tables = [] if at is None else ["alembic_version"]
    assert list_tables(tmp_path, "dev.db") == tables


def test_each_database_has_its_own_migrations(tmp_path: Path) -> None:
    """And the variables of the environment."""
    make_project(tmp_path, CHAIN)
    make_project(tmp_path / "more", make_chain(create("c")))
    env = tmp_path / "more/migrations/env.py"
    env.write_text(env.read_text().replace("DATABASE_URL", "DATABASE_URL_REPORTS"))
    (tmp_path / "pyproject.toml").write_text(
        '[tool.sceneshift.databases]\ndefault.alembic = "alembic.ini"\n'
        'reports.alembic = "more/alembic.ini"\n'
    )
    (tmp_path / ".env").write_text(
        "DATABASE_URL=sqlite:///a.db\nDATABASE_URL_REPORTS=sqlite:///b.db\n"
    )
    found = look(tmp_path)
    assert [each.database for each in found] == ["default", "reports"]
    assert apply(tmp_path) == found
    assert list_tables(tmp_path, "b.db") == ["alembic_version", "c"]


@pytest.mark.needs("postgresql")
def test_a_server_is_migrated_as_a_whole_too(tmp_path: Path, server: Server) -> None:
    """By its own transaction."""
    name = server.make()
    url = server.url(name)
    make_project(tmp_path, make_chain(create("a"), create("a")), url=url)
    assert look(tmp_path) == ALL
    with pytest.raises(SceneshiftError, match='relation "a" already exists'):
        apply(tmp_path)
    assert (
        server.run(name, "SELECT tablename FROM pg_tables WHERE tablename = 'a'") == []
    )
    make_project(tmp_path, CHAIN)
    assert apply(tmp_path) == ALL
    assert look(tmp_path) == apply(tmp_path) == []
    env = FIXED.format(path=tmp_path / "other.db")
    make_project(tmp_path, {"r3": describe_revision("r3", "r2")}, env=env)
    with pytest.raises(SceneshiftError, match="connects to another database"):
        apply(tmp_path)


@pytest.mark.needs("postgresql")
def test_two_at_once_follow_each_other_at_a_server(
    tmp_path: Path, server: Server
) -> None:
    """Of two checkouts, which share no lock but the server's."""
    url = server.url(server.make(), "psycopg")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        make_project(tmp_path / name, CHAIN, url=url)
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(apply, tmp_path / name) for name in ("one", "two")]
        assert sorted([each.result() for each in found]) == [[], ALL]


@pytest.mark.needs("postgresql")
def test_a_second_one_does_not_hold_up_a_concurrent_index(
    tmp_path: Path, server: Server
) -> None:
    """That waits for all who are within a statement: a waiting one must not be."""
    index = (
        "exec('with op.get_context().autocommit_block(): "
        'op.execute("CREATE INDEX CONCURRENTLY i ON a (id)")\')'
    )
    slow = WAITS.replace("60", "1")
    url = server.url(server.make(), "psycopg")
    make_project(tmp_path, make_chain(create("a"), f"{slow}; {index}"), url=url)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(apply, tmp_path)
        wait_until((tmp_path / "started").exists)
        second = pool.submit(apply, make_project(tmp_path / "two", CHAIN, url=url))
        assert (first.result(), second.result()) == (ALL, [])


def test_a_server_that_is_down_is_a_problem(tmp_path: Path) -> None:
    """Without the password."""
    make_project(tmp_path, CHAIN, url="postgresql://u:s3cret@127.0.0.1:1/d")
    (found,) = look(tmp_path)
    assert found.problem
    assert found.problem.startswith("postgresql says: ")
    assert "s3cret" not in found.problem
    with pytest.raises(SceneshiftError, match=r"^postgresql says: "):
        apply(tmp_path)
