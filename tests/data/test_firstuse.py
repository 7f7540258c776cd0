"""The program that makes a worktree's databases."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from postgresql import Server, serving_postgresql
from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.firstuse import (
    Order,
    build_env,
    describe_order,
    get_mark,
    list_missing,
    list_words,
)
from sceneshift.core.made import load_made
from sceneshift.core.paths import StateFolder
from sceneshift.core.project import load_project
from sceneshift.core.separation import OwnDatabase
from sceneshift.core.worktree import Worktree
from sceneshift.data import firstuse
from sceneshift.data.postgresql.copying import Copied
from support import wait_until
from watching import git, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULE = "sceneshift.data.firstuse"
WAITING = re.compile(r" is being made from .*: ")


@pytest.fixture(name="cluster", scope="module")
def run_cluster() -> Iterator[Server]:
    """Run a server."""
    with serving_postgresql() as cluster:
        yield cluster


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a worktree beside the `.git` that it shares."""
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


def start(root: Path, *databases: OwnDatabase) -> subprocess.Popen[str]:
    """Start the program."""
    common = root.parent / "shop" / ".git"
    worktree = Worktree(name="tree", top=root, common=common)
    order = describe_order(worktree, root, databases)
    return subprocess.Popen(
        list_words(MODULE),
        env=build_env({**os.environ, "PYTHONHOME": "/nowhere"}, order),
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )


def run(root: Path, *databases: OwnDatabase) -> tuple[int, list[str]]:
    """Return the exit code, and what it says."""
    with start(root, *databases) as process:
        said = process.communicate()[0].splitlines()
    # What takes long on a busy machine says that it does.
    return process.returncode, [line for line in said if not WAITING.search(line)]


def make_file(path: Path) -> None:
    """Make a SQLite database."""
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (x)")


def file(url: Path, origin: Path, name: str = "default") -> OwnDatabase:
    """Return a database that is a file."""
    return OwnDatabase(
        name=name,
        url=f"sqlite:///{url}",
        origin=f"sqlite+aiosqlite:///{origin}?x=1",
        system="sqlite",
    )


def served(cluster: Server, origin: str) -> OwnDatabase:
    """Return a database on a server."""
    return OwnDatabase(
        name="default",
        url=cluster.url(f"{origin}__wt_tree", driver="asyncpg"),
        origin=cluster.url(origin, driver="asyncpg"),
        system="postgresql",
    )


def test_files_are_copied(root: Path, tmp_path: Path) -> None:
    """What is outside of the worktree is written down; what is within goes with it."""
    origin = tmp_path / "shop" / "dev.db"
    make_file(origin)
    inside = file(root / "var" / "dev.db", origin)
    outside = file(tmp_path / "dev__wt_tree.db", origin, "other")
    relative = OwnDatabase(
        name="raw", url="sqlite:///raw.db", origin=inside.origin, system="sqlite"
    )
    none = file(root / "none.db", tmp_path / "shop" / "none.db")
    state = StateFolder(root)
    listed = [inside, outside, relative]
    assert list_missing([*listed, none], state) == tuple(listed)
    code, said = run(root, *listed)
    assert code == 0
    assert [line.rpartition(" (")[0].partition("` ")[2] for line in said] == [
        f"is a copy of {origin}"
    ] * 3
    assert list_missing(listed, state) == ()
    assert (root / "raw.db").exists()
    made = load_made(tmp_path / "shop" / ".git")
    assert [each.place for each in made] == [str(tmp_path / "dev__wt_tree.db")]
    assert run(root, *listed) == (0, [])


def test_what_lies_above_the_project_goes_with_the_worktree(tmp_path: Path) -> None:
    """A repository may have several projects; nothing of it is left to be dropped."""
    main = tmp_path / "mono"
    write(main / "app", {"pyproject.toml": ""})
    git(main, "init", "-q")
    git(main, "add", ".")
    git(main, "commit", "-q", "-m", "first")
    git(main, "worktree", "add", "-q", "../tree")
    make_file(main / "dev.db")
    root = tmp_path / "tree" / "app"
    order = Order(
        root=str(root),
        worktree="tree",
        common=str(main / ".git"),
        databases=(file(tmp_path / "tree" / "dev.db", main / "dev.db"),),
    )
    said: list[str] = []
    assert firstuse.make_databases(order, said.append), said
    assert (tmp_path / "tree" / "dev.db").exists()
    assert load_made(main / ".git") == []


def test_one_that_fails_does_not_hinder_the_others(root: Path, tmp_path: Path) -> None:
    """Each is told, with what to do."""
    make_file(tmp_path / "shop" / "dev.db")
    (tmp_path / "shop" / "bad.db").write_text("no database " * 99)
    code, said = run(
        root,
        file(root / "bad.db", tmp_path / "shop" / "bad.db", "bad"),
        file(root / "dev.db", tmp_path / "shop" / "dev.db"),
    )
    assert code == 1
    assert "is not there: " in said[0]
    assert said[1].startswith("hint: mend that, and start again; to use that of")
    assert said[1].endswith('share_databases = ["bad"]')
    assert "is a copy of" in said[2]
    assert not (root / "bad.db").exists()


def test_commands_of_the_room_make_what_they_need(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What they print is theirs alone; in the main checkout nothing is made."""
    main = tmp_path / "main"
    table = "[tool.sceneshift.environments.development.databases]\n"
    write(main, {"pyproject.toml": f"{table}default = 'sqlite:///dev.db'\n"})
    git(main, "init", "-q")
    git(main, "add", ".")
    git(main, "commit", "-q", "-m", "first")
    git(main, "worktree", "add", "-q", "../tree")
    make_file(main / "dev.db")
    for root in (main, tmp_path / "tree", tmp_path / "tree"):
        assert firstuse.make_missing(load_project(root, environ={}, is_looking=True))
    said = capsys.readouterr()
    assert (said.out, said.err.count("is a copy of")) == ("", 1)
    assert (tmp_path / "tree" / "dev.db").exists()


def test_a_missing_driver_is_told(root: Path) -> None:
    """With what installs it; nothing is written down."""
    url = "postgresql+pg8000://localhost/shop"
    database = OwnDatabase(
        name="default", url=f"{url}__wt_tree", origin=url, system="postgresql"
    )
    code, said = run(root, database)
    assert code == 1
    assert "the driver `pg8000` of a database is not installed" in said[0]
    assert "pip install 'pg8000'; to use that of the main checkout" in said[1]
    assert load_made(root.parent / "shop" / ".git") == []


@pytest.mark.needs("postgresql")
def test_databases_of_a_server_are_marked(root: Path, cluster: Server) -> None:
    """So that no server has to be asked at the next start."""
    database = served(cluster, cluster.make())
    assert list_missing([database], StateFolder(root)) == (database,)
    code, said = run(root, database)
    assert code == 0, said
    assert "is a copy of" in said[0]
    assert list_missing([database], StateFolder(root)) == ()
    (made,) = load_made(root.parent / "shop" / ".git")
    assert (made.place, made.server) == (database.place, f"{cluster.folder}:5432")
    get_mark(database, StateFolder(root)).unlink()
    code, said = run(root, database)
    assert "is there already: it was made for this folder before" in said[0]


@pytest.mark.needs("postgresql")
def test_what_was_dropped_by_hand_is_made_anew(root: Path, cluster: Server) -> None:
    """Its server is asked; what is there is not told."""
    name = cluster.make()
    database = served(cluster, name)
    for _ in range(2):
        code, said = run(root, database)
        assert (code, len(said)) == (0, 1)
        assert f"is a copy of `{name}`" in said[0]
        assert run(root, database) == (0, [])
        cluster.run("postgres", f"DROP DATABASE {database.place}")
    cluster.run("postgres", f"DROP DATABASE {name}")
    code, said = run(root, database)
    assert "is empty: there is no" in said[0]


@pytest.mark.parametrize("url", ["postgresql:///x?host=/nowhere", "postgis://h/x"])
def test_what_cannot_be_looked_at_is_taken_for_there(root: Path, url: str) -> None:
    """It was made, and whoever uses it will hear why it cannot be reached."""
    database = OwnDatabase(name="default", url=url, origin=url, system="postgresql")
    StateFolder(root).make("databases")
    get_mark(database, StateFolder(root)).touch()
    assert run(root, database) == (0, [])
    assert list_missing([database], StateFolder(root)) == ()


def test_without_the_driver_it_is_taken_for_there(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application may have another one."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    database = OwnDatabase(
        name="default", url="postgresql:///x", origin="", system="postgresql"
    )
    assert firstuse._is_there(database, StateFolder(root))


@pytest.mark.needs("postgresql")
def test_who_waits_is_told(root: Path, cluster: Server) -> None:
    """The one who holds the lock may have much to copy."""
    database = served(cluster, cluster.make())
    folder = StateFolder(root).make("databases")
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = start(root, database)
        assert process.stdout is not None
        assert "is being made from" in process.stdout.readline()
    said = process.communicate()[0]
    assert "is a copy of" in said
    assert wait_until(lambda: process.poll() is not None)


@pytest.mark.parametrize(
    ("copied", "said"),
    [
        (Copied(), "is empty: there is no `shop` to copy"),
        (Copied(is_copy=True), "is a copy of `shop`"),
        (Copied(is_copy=True, lost=("a", "b")), "is a copy of `shop`, without: a; b"),
        (Copied(is_new=False), "is there already"),
        (
            Copied(is_new=False, owner="/tree"),
            "is there already: it was made for this folder before",
        ),
        (
            Copied(is_new=False, owner="/"),
            "is there already, and is that of / too",
        ),
        (
            Copied(is_new=False, owner="/nowhere"),
            "is there already: /nowhere, which is gone, has left it",
        ),
        (
            Copied(problem="no tools"),
            (
                "is empty: `shop` could not be copied: no tools; when that is "
                "mended, or nobody is connected to `shop`, have it made anew: "
                "dropdb 'shop ü__wt_tree'; inv dev"
            ),
        ),
    ],
)
def test_each_outcome_is_said(copied: Copied, said: str) -> None:
    """In a line, with what to do where something is to be done."""
    database = OwnDatabase(
        name="default",
        url="postgresql:///shop%20%C3%BC__wt_tree",
        origin="postgresql:///shop",
        system="postgresql",
    )
    assert firstuse._describe(database, copied, "/tree") == said


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (ComponentError("x", component="c", hint="pip install c"), "pip install c; to"),
        (
            SceneshiftError("permission denied to create database"),
            "ALTER ROLE its user CREATEDB; to",
        ),
        (SceneshiftError("x"), "mend that, and start again; to"),
    ],
)
def test_each_failure_has_advice(error: SceneshiftError, hint: str) -> None:
    """The database of the main checkout is one of it, where that is meant."""
    database = OwnDatabase(name="re", url="a", origin="a", system="postgresql")
    assert firstuse._advise(database, error).startswith(hint)
