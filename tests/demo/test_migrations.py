from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url

from demo.database import make_engine, writer
from demo.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine

CONFIG = Config(str(ROOT / "demo/alembic.ini"))
REVISIONS = [
    each.revision for each in ScriptDirectory.from_config(CONFIG).walk_revisions()
]
REVISIONS.reverse()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Engine]:
    """Return an empty database, whose keys are not enforced."""
    url = make_url(f"sqlite:///{tmp_path}/empty.db")
    engine = make_engine(url, foreign_keys=False)
    yield engine
    engine.dispose()


def migrate(engine: Engine, verb: Callable[..., None], *arguments: str) -> None:
    """Run one of Alembic's commands in this process."""
    with writer(engine).connect() as connection:
        config = Config(str(ROOT / "demo/alembic.ini"))
        config.attributes["connection"] = connection
        verb(config, *arguments)


def run_sql(engine: Engine, *statements: str) -> list[tuple[object, ...]]:
    """Run statements, and return the last one's rows."""
    with writer(engine).begin() as connection:
        results = [connection.execute(text(each)) for each in statements]
        return [tuple(row) for row in results[-1]] if results[-1].returns_rows else []


def run_alembic(url: str, *arguments: str, root: Path = ROOT) -> subprocess.Popen[str]:
    """Start Alembic's command in a folder that holds the demo."""
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", "-c", "demo/alembic.ini", *arguments],
        cwd=root,
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def describe(connection: Connection) -> dict[str, object]:
    """Return tables, columns, keys and indexes."""
    look = inspect(connection)
    return {
        table: (
            sorted(column["name"] for column in look.get_columns(table)),
            sorted(str(key["name"]) for key in look.get_foreign_keys(table)),
            sorted(str(index["name"]) for index in look.get_indexes(table)),
        )
        for table in look.get_table_names()
        if table != "alembic_version"
    }


def test_there_is_a_dozen_of_them_in_one_line() -> None:
    """No branches: each follows the one before."""
    assert [f"{number:04d}" for number in range(1, len(REVISIONS) + 1)] == REVISIONS
    assert len(REVISIONS) >= 12


def test_up_down_and_up_again_ends_in_the_same_schema(empty: Engine) -> None:
    """Nothing is left behind on the way down."""
    migrate(empty, command.upgrade, "head")
    with empty.connect() as connection:
        first = describe(connection)
    migrate(empty, command.downgrade, "base")
    with empty.connect() as connection:
        assert describe(connection) == {}
    migrate(empty, command.upgrade, "head")
    with empty.connect() as connection:
        assert describe(connection) == first


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_step_can_be_taken_back_and_again(revision: str, empty: Engine) -> None:
    """From each revision, one down and one up is where one was."""
    migrate(empty, command.upgrade, revision)
    with empty.connect() as connection:
        before = describe(connection)
    migrate(empty, command.downgrade, "-1")
    migrate(empty, command.upgrade, revision)
    with empty.connect() as connection:
        assert describe(connection) == before


def test_done_tasks_keep_being_done(empty: Engine) -> None:
    """The data migration carries `is_done` over, both ways."""
    migrate(empty, command.upgrade, "0006")
    run_sql(
        empty,
        "INSERT INTO projects (id, key, name) VALUES (1, 'AA', 'Alpha')",
        "INSERT INTO tasks (project_id, title, is_done)"
        " VALUES (1, 'a', 1), (1, 'b', 0)",
    )
    migrate(empty, command.upgrade, "head")
    found = run_sql(empty, "SELECT title, status, progress FROM tasks ORDER BY id")
    assert found == [("a", "done", 100), ("b", "draft", 0)]
    migrate(empty, command.downgrade, "0006")
    found = run_sql(empty, "SELECT title, is_done FROM tasks ORDER BY id")
    assert found == [("a", 1), ("b", 0)]


def test_what_people_had_typed_becomes_one_of_four_kinds(empty: Engine) -> None:
    """Known words are understood; the rest are builders."""
    migrate(empty, command.upgrade, "0010")
    run_sql(
        empty,
        "INSERT INTO agents (name, kind) VALUES"
        " ('a', 'qa'), ('b', 'docs'), ('c', 'reviewer'), ('d', 'whatever')",
    )
    migrate(empty, command.upgrade, "head")
    found = run_sql(empty, "SELECT kind FROM agents ORDER BY name")
    assert found == [("tester",), ("writer",), ("reviewer",), ("builder",)]


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(empty: Engine) -> None:
    """SQLite drops the old table; rows that cascade from it stay."""
    migrate(empty, command.upgrade, "0009")
    run_sql(
        empty,
        "INSERT INTO users (id, name, email) VALUES (1, 'Ada', 'a@example.com')",
        "INSERT INTO projects (id, key, name, owner_id) VALUES (1, 'AA', 'Alpha', 1)",
        "INSERT INTO tasks (id, project_id, title) VALUES (1, 1, 'a')",
        "INSERT INTO tasks (project_id, title, parent_id) VALUES (1, 'b', 1)",
    )
    migrate(empty, command.upgrade, "head")
    assert run_sql(empty, "SELECT title, parent_id FROM tasks ORDER BY id") == [
        ("a", None),
        ("b", 1),
    ]
    assert run_sql(empty, "SELECT owner_id FROM projects") == [(1,)]


def test_a_row_that_refers_to_nothing_stops_the_upgrade(empty: Engine) -> None:
    """It says which row, and the database is as it was."""
    migrate(empty, command.upgrade, "0014")
    run_sql(empty, "INSERT INTO tasks (project_id, title) VALUES (99, 'lost')")
    with pytest.raises(RuntimeError, match="row 1 of `tasks` refers to a row that"):
        migrate(empty, command.upgrade, "head")
    assert run_sql(empty, "SELECT version_num FROM alembic_version") == [("0014",)]


def test_a_failed_migration_leaves_nothing_behind(tmp_path: Path) -> None:
    """All of an upgrade happens, or nothing of it: the next try is a clean one."""
    shutil.copytree(ROOT / "demo", tmp_path / "demo", ignore=_heavy)
    step = tmp_path / "demo/migrations/versions/0005_assign_tasks.py"
    step.write_text(step.read_text().replace('ondelete="SET NULL"\n', "oops=1\n"))
    url = f"sqlite:///{tmp_path}/a.db"
    failed = run_alembic(url, "upgrade", "head", root=tmp_path)
    output, _ = failed.communicate()
    assert failed.returncode == 1, output
    engine = make_engine(make_url(url))
    with engine.connect() as connection:
        assert describe(connection) == {}
    engine.dispose()


def test_two_upgrades_at_once_follow_each_other(tmp_path: Path) -> None:
    """Both succeed: the second finds nothing left to do."""
    url = f"sqlite:///{tmp_path}/a.db"
    both = [run_alembic(url, "upgrade", "head") for _ in range(2)]
    outputs = [each.communicate()[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], outputs
    assert sum("-> 0001" in output for output in outputs) == 1


def test_the_statements_for_postgresql_can_be_printed() -> None:
    """`--sql` writes them without a server; enumerations are types there."""
    printed = run_alembic("postgresql+psycopg://h/d", "upgrade", "head", "--sql")
    output, _ = printed.communicate()
    assert printed.returncode == 0, output
    assert "CREATE TYPE task_status AS ENUM" in output


def _heavy(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in {"frontend", "var", "__pycache__"}]
