"""A switch to an environment whose database lacks what the code has."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from migrating import create, make_chain, make_project
from reloading import TASKS, Stack
from support import free_port
from switching import ASGI, WEB, active, environments, refuse, switch
from watching import git

if TYPE_CHECKING:
    from pathlib import Path

TABLE = '[tool.sceneshift.databases.default]\nalembic = "alembic.ini"\n'
TABLES = "select name from sqlite_master where type = 'table' order by name"
COUNT = f"""\
import sqlite3
from os import environ
path = environ["DATABASE_URL"].removeprefix("sqlite:///")
FOUND = [name for (name,) in sqlite3.connect(path).execute({TABLES!r})]
""" + ASGI.replace("body = NAME", 'body = f"{NAME}: {FOUND}"')


def configure(stack: Stack) -> str:
    """Return environments with a database each."""
    plain = environments(TABLE, development=stack.port, staging=free_port())
    for name in ("development", "staging"):
        said = f'env = {{ NAME = "{name}" }}\n'
        url = f'databases = {{ default = "sqlite:///{name}.db" }}\n'
        plain = plain.replace(said, said + url)
    return plain


def start(stack: Stack, *does: str) -> None:
    """Start a project with revisions that do this."""
    make_project(stack.root, make_chain(*does))
    files = {"asgi.py": COUNT, "Procfile.dev": WEB}
    stack.start({**files, "pyproject.toml": configure(stack)})
    stack.wait_page("development")


def list_tables(stack: Stack, name: str) -> list[str]:
    """Return the tables of an environment's database."""
    with sqlite3.connect(stack.root / f"{name}.db") as database:
        return [name for (name,) in database.execute(TABLES)]


def test_what_a_database_lacks_is_told_and_applied_before_the_start(
    stack: Stack,
) -> None:
    """The new process finds its tables; the other environment's stay as they are."""
    start(stack, create("one"), create("two"))
    plan = stack.ask("env.switch", "staging", "--dry-run")
    (found,) = plan["migrations"]
    assert (found["database"], found["is_applied"]) == ("default", False)
    assert [each.split()[0] for each in found["revisions"]] == ["r1", "r2"]
    done = stack.inv("env.switch", "staging", "--migrate")
    assert done.returncode == 0, done.stderr
    assert "migrations: default: applied: r1" in done.stderr
    port = int(stack.status("web")["port"])
    stack.port = port
    tables = ["alembic_version", "one", "two"]
    assert stack.get() == f"staging: {tables}"
    assert list_tables(stack, "development") == []
    assert stack.ask("env.switch", "staging")["migrations"] == []


def test_a_file_that_migrations_make_hinders_no_switch(stack: Stack) -> None:
    """Unless they are not applied: then it is said how."""
    start(stack, create("one"))
    said = refuse(stack, "staging", "--validate", code=4)
    assert "have it made by its migrations: inv env.switch staging --migrate\n" in said
    found = stack.ask("env.switch", "staging", "--validate", "--migrate")["checks"]
    (file,) = [each for each in found if each["name"] == "database default"]
    assert (file["state"], file["remedy"]) == ("warning", "left to its migrations")
    assert list_tables(stack, "staging") == ["alembic_version", "one"]


def test_a_revision_that_fails_leaves_all_as_it_was(stack: Stack) -> None:
    """Database, processes and the active environment."""
    start(stack, create("one"), "op.execute('no sql')")
    pid = stack.pid("web")
    said = refuse(stack, "staging", "--migrate")
    assert said.splitlines()[-2].startswith("error: not switched to `staging`: ")
    assert said.splitlines()[-1].startswith("hint: ")
    assert (active(stack), stack.pid("web")) == (None, pid)
    assert not (stack.root / "staging.db").exists() or not list_tables(stack, "staging")


def test_a_worktree_migrates_its_own_copy(tmp_path: Path) -> None:
    """Made before that of the main checkout's, which stays as it is."""
    (tmp_path / "shop").mkdir()
    main, tree = Stack(tmp_path / "shop"), Stack(tmp_path / "one")
    make_project(main.root, make_chain(create("one"), create("two")))
    files = {"asgi.py": COUNT, "Procfile.dev": WEB, "pyproject.toml": configure(main)}
    main.write({**files, "tasks.py": TASKS, ".gitignore": "*.db\n"})
    with sqlite3.connect(main.root / "staging.db") as database:
        database.execute("create table kept as select 1 as id")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        git(main.root, *words)
    git(main.root, "worktree", "add", "-q", "../one")
    switch(tree, "staging", "--migrate")
    found = [path for path in tree.root.glob("**/staging*.db") if path.is_file()]
    assert list_tables(tree, found[0].stem) == ["alembic_version", "kept", "one", "two"]
    assert list_tables(main, "staging") == ["kept"]
