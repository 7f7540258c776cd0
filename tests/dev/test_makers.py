from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.check import Need, fail, warn
from sceneshift.dev.makers import find_makers
from sceneshift.env import checks
from subjects import read_subject
from watching import git

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "[tool.sceneshift.environments.development]\n"
FILE = TABLE + "databases = { default = 'sqlite:///dev.db' }\n"
WEB = "[tool.sceneshift.processes.web]\n"
BASE = Need("database", "default")


def find(root: Path, settings: str, procfile: str = "web: sleep 1\n") -> dict[str, set]:  # type: ignore[type-arg]
    """Return what makes something in a project, with what that is."""
    (root / "pyproject.toml").write_text(settings)
    (root / "Procfile").write_text(procfile)
    return {each.name: {*each.needs} for each in find_makers(read_subject(root))}


def lock(root: Path, *names: str) -> set[Need]:
    """Return the packages of some locks."""
    return {Need.of_lock(root / name) for name in names}


@pytest.mark.parametrize(
    ("setup", "is_filling", "locks"),
    [
        ("{ run = 'make it', when = ['*.sql', 'a.py'] }", True, ["a.py"]),
        (
            "{ run = 'make it', when = ['package-lock.json'] }",
            False,
            ["package-lock.json"],
        ),
        ("{ run = 'uv sync', when = ['uv.lock'] }", False, ["uv.lock"]),
        (
            "{ run = 'npm --prefix ui ci' }",
            True,
            ["ui/package-lock.json", "ui/pnpm-lock.yaml", "ui/yarn.lock"],
        ),
        (
            "{ run = 'cd ui && yarn' }",
            True,
            ["ui/package-lock.json", "ui/pnpm-lock.yaml", "ui/yarn.lock"],
        ),
        ("{ run = 'npm run build' }", True, []),
    ],
)
def test_a_set_up_makes_what_it_is_for(
    tmp_path: Path, setup: str, locks: list[str], *, is_filling: bool
) -> None:
    """Packages where it follows their lock, or names who installs them."""
    found = find(tmp_path, f"{FILE}{WEB}setup = {setup}")
    run = setup.split("'")[1]
    expected = lock(tmp_path, *locks) | ({BASE} if is_filling else set())
    assert found == {f"the set-up of `web`, `{run}`": expected}


def test_who_is_to_end_first_may_make_a_database(tmp_path: Path) -> None:
    """And nobody else of the Procfile."""
    table = f"{FILE}{WEB}depends_on = {{ first = 'completed', other = 'ready' }}"
    processes = "web: sleep 1\nfirst: sleep 1\nother: sleep 1\n"
    assert find(tmp_path, table, processes) == {"the process `first`": {BASE}}


def test_a_server_of_the_procfile_is_there_when_it_has_started(tmp_path: Path) -> None:
    """By its port on this machine, its system's own where none is written."""
    url = "postgresql://a:b@localhost:5100/d"
    names = (
        f"default = '{url}', far = 'redis://far:5100/0', odd = 'redis://localhost:x'"
    )
    settings = f"{TABLE}databases = {{ {names} }}\n"
    found = find(tmp_path, settings, "web: sleep 1\ndb: sleep 1\n")
    assert found == {"the process `db`": {Need("server", "default")}}
    settings = (
        f"{TABLE}databases = {{ c = 'redis://localhost' }}\nports = {{ web = 6379 }}"
    )
    assert find(tmp_path, settings) == {"the process `web`": {Need("server", "c")}}


def test_what_cannot_be_started_makes_nothing(tmp_path: Path) -> None:
    """Another check says why."""
    assert find(tmp_path, f"{FILE}{WEB}cwd = 'none'") == {}


def test_the_copy_of_a_worktree_is_made_at_its_first_use(tmp_path: Path) -> None:
    """Where there is something to copy."""
    main, tree = tmp_path / "main", tmp_path / "one"
    main.mkdir()
    (main / "pyproject.toml").write_text(FILE)
    (main / "Procfile").write_text("web: sleep 1\n")
    git(main, "init", "-q")
    git(main, "add", ".")
    git(main, "commit", "-q", "-m", "first")
    git(main, "worktree", "add", "-q", "../one")
    assert find_makers(read_subject(tree)) == []
    sqlite3.connect(main / "dev.db").execute("create table a (b)")
    (maker,) = find_makers(read_subject(tree))
    assert maker.name == f"its first use, which copies `{main}/dev.db`"
    assert (maker.command, {*maker.needs}) == ("inv dev --env development", {BASE})


@pytest.mark.parametrize("is_next", [True, False])
def test_what_is_made_is_a_failure_unless_it_comes_by_itself(
    tmp_path: Path, *, is_next: bool
) -> None:
    """With the command that makes it."""
    find(tmp_path, f"{FILE}{WEB}setup = {{ run = 'make it' }}")
    plain = read_subject(tmp_path)
    subject = read_subject(
        tmp_path, is_next=is_next, find_makers=lambda: find_makers(plain)
    )
    (database,) = [
        each for each in checks.list_checks(subject) if each.name == "database default"
    ]
    text, name = "sqlite: the file does not exist", "the set-up of `web`, `make it`"
    expected = warn(text, f"left to {name}")
    if not is_next:
        expected = fail(text, f"have it made by {name}: inv dev --env development")
    assert database.look() == expected
