from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from migrating import create, describe_revision, make_chain, make_project
from sceneshift.core.check import CheckState, Maker, Need, fail, ok, warn
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.checks import list_checks, list_makers
from subjects import read_subject

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server
    from sceneshift.core.check import Check, Verdict

CHAIN = make_chain("pass", "pass", "pass")
PENDING = "inv env.switch development --migrate"
FORK = {"f": describe_revision("f", "r2")}
BRANCH = "another branch of git made it"
SEARCH = "git log --all --oneline -S 9f3 -- migrations/versions"


def find(root: Path) -> list[Check]:
    """Return the checks of a project."""
    return list(list_checks(read_subject(root)))


def stamp(root: Path, *revisions: str) -> None:
    """Write down where the database is."""
    with closing(sqlite3.connect(root / "dev.db")) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num)")
        rows = [(each,) for each in revisions]
        connection.executemany("INSERT INTO alembic_version VALUES (?)", rows)
        connection.commit()


@pytest.mark.parametrize(
    ("revisions", "at", "expected"),
    [
        ({}, (), ok("at the head: no revision yet")),
        (CHAIN, ("r3",), ok("at the head: r3")),
        (CHAIN, ("r2",), warn("1 pending: r3 Do r3", PENDING)),
        (CHAIN, (), warn("3 pending: r1 Do r1, r2 Do r2 and 1 more", PENDING)),
        (
            CHAIN,
            None,
            warn("never migrated, 3 pending: r1 Do r1, r2 Do r2 and 1 more", PENDING),
        ),
        (
            CHAIN | FORK,
            ("r3",),
            fail("there are several heads: f, r3", "inv data.merge"),
        ),
        (
            CHAIN,
            ("9f3",),
            fail(
                f"it is at `9f3`, which no file here has: {BRANCH}",
                "put in place what fits here: inv data.follow; or switch to the "
                f"branch that has it: {SEARCH}",
            ),
        ),
    ],
)
def test_a_database_is_compared_with_the_code(
    tmp_path: Path,
    revisions: dict[str, str],
    at: tuple[str, ...] | None,
    expected: Verdict,
) -> None:
    """With what mends it."""
    make_project(tmp_path, revisions, url="sqlite:///dev.db")
    if at is not None:
        stamp(tmp_path, *at)
    (check,) = find(tmp_path)
    assert check.name == "migrations default"
    assert check.if_late is CheckState.WARNING
    assert check.look() == expected


def test_the_command_that_finds_the_branch_finds_it(tmp_path: Path) -> None:
    """Which was switched away from."""
    make_project(tmp_path, make_chain(create("a")), url="sqlite:///dev.db")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]

    def run(*words: str) -> None:
        subprocess.run([*git, *words], check=True, capture_output=True)

    run("init", "-b", "main")
    run("add", ".")
    run("commit", "-m", "First")
    run("switch", "-c", "other")
    make_project(tmp_path, {"x": describe_revision("9f3", "r1")})
    run("add", ".")
    run("commit", "-m", "Only here")
    run("switch", "main")
    stamp(tmp_path, "9f3")
    (check,) = find(tmp_path)
    remedy = check.look().remedy
    assert remedy is not None
    words = remedy.partition(": git ")[2].split()
    assert "Only here" in subprocess.check_output([*git, *words], text=True)


def test_what_cannot_be_told_is_a_failure(tmp_path: Path) -> None:
    """The runner of checks makes one of the error."""
    make_project(tmp_path, {"x": "?"}, url="sqlite:///dev.db")
    (check,) = find(tmp_path)
    with pytest.raises(SceneshiftError):
        check.look()


def test_a_server_that_is_down_is_told_at_once(tmp_path: Path) -> None:
    """As by the check of the database itself."""
    make_project(tmp_path, CHAIN, url="postgresql://u:s3cret@127.0.0.1:1/d")
    (check,) = find(tmp_path)
    assert check.if_late is CheckState.FAILED
    assert check.slow_remedy == "does its server answer? look at DATABASE_URL"
    assert check.look() == fail(
        "postgresql: 127.0.0.1:1: connection refused",
        "start its server, or mend DATABASE_URL",
    )


@pytest.mark.needs("postgresql")
def test_a_database_that_is_missing_hinders_no_switch_that_makes_it(
    tmp_path: Path, server: Server
) -> None:
    """A set-up does, or the first use in a worktree; a server that is down is else."""
    make_project(tmp_path, CHAIN, url=server.url("none"))
    maker = Maker(
        name="the set-up", command="inv dev", needs=[Need("database", "default")]
    )
    is_made = False

    def find_makers() -> list[Maker]:
        return [maker] if is_made else []

    subject = read_subject(tmp_path, is_next=True, find_makers=find_makers)
    (check,) = list_checks(subject)
    found = check.look()
    assert found.detail.endswith('database "none" does not exist')
    assert found == fail(
        found.detail, "is its server up, and the URL right? inv env.show"
    )
    is_made = True
    assert check.look() == warn(found.detail, "left to the set-up")
    make_project(tmp_path, CHAIN, url="postgresql://127.0.0.1:1/none")
    subject = read_subject(tmp_path, is_next=True, find_makers=find_makers)
    (check,) = list_checks(subject)
    assert check.look().state is CheckState.FAILED


@pytest.mark.parametrize("is_migrated", [True, False])
def test_a_file_comes_with_its_migrations(tmp_path: Path, *, is_migrated: bool) -> None:
    """Where they are applied; a server's database does not."""
    make_project(tmp_path, CHAIN, url="sqlite:///dev.db")
    (maker,) = list_makers(read_subject(tmp_path, is_migrated=is_migrated))
    assert (maker.command, maker.is_coming) == (PENDING, is_migrated)
    make_project(tmp_path, CHAIN, url="postgresql://h/d")
    assert list(list_makers(read_subject(tmp_path))) == []


def test_a_name_that_is_computed_is_no_failure(tmp_path: Path) -> None:
    """The project works; only we cannot tell."""
    env = "context.configure(version_table_schema=metadata.schema)"
    make_project(tmp_path, CHAIN, url="sqlite:///dev.db", env=env)
    (check,) = find(tmp_path)
    assert check.look() == warn(
        "env.py computes the name of the version table: `metadata.schema`",
        "write it as a text there, or into Alembic's file under the same name",
    )


def test_without_migrations_there_is_no_check(tmp_path: Path) -> None:
    """It would be of no interest."""
    assert find(tmp_path) == []
