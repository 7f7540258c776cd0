"""A project in a git repository, whose database follows the branch."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any, Self

from migrating import create, describe_revision
from resetting import MysqlShop, ServerShop, Shop
from sceneshift.core.branch import find_branch
from sceneshift.data.branches.follow import follow
from sceneshift.data.branches.label import list_left
from sceneshift.data.system import find_system
from sceneshift.data.target import load_targets
from sceneshift.data.undo import UndoLog

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.data.branches.follow import Followed
    from sceneshift.data.target import Target

FOLLOWING = """
[tool.sceneshift.databases.default]
alembic = "alembic.ini"
follow_branch = true
"""
_IGNORED = ".sceneshift/\n*.db*\nran\n__pycache__/\n"


def git(root: Path, *words: str, check: bool = True) -> str:
    """Run git in a folder; return what it has said."""
    env = os.environ | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_NAME": "me" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "me@example.org" for who in ("AUTHOR", "COMMITTER")},
    }
    done = subprocess.run(
        ["git", "-C", root, *words],
        env=env,
        capture_output=True,
        text=True,
        check=check,
    )
    return done.stdout


class BranchedShop(Shop):
    """A project with one SQLite file, in a repository, on the branch `main`."""

    def __init__(self, root: Path, *tables: str, **more: Any) -> None:
        super().__init__(root, *tables, **more)
        (self.root / ".gitignore").write_text(_IGNORED)
        toml = self.root / "pyproject.toml"
        toml.write_text(toml.read_text() + FOLLOWING)
        git(self.root, "init", "-q", "-b", "main")
        self.commit()

    def prepare(self) -> Self:
        """Have the database be that of `main`, with a row that nothing makes again."""
        self.reset()
        assert self.went() == "label"
        self.insert("a", 2)
        return self

    def commit(self) -> None:
        """Commit all there is."""
        git(self.root, "add", "-A")
        git(self.root, "commit", "-qm", "go on")

    def begin(self, branch: str) -> None:
        """Begin a branch here."""
        git(self.root, "checkout", "-qb", branch)

    def check_out(self, branch: str) -> None:
        """Be on another branch, or nowhere."""
        git(self.root, "checkout", "-q", branch)

    def add(self, revision: str, down: str, table: str) -> None:
        """Commit another revision, which makes a table with a row."""
        text = describe_revision(revision, down, does=create(table))
        (self.root / f"migrations/versions/{revision}.py").write_text(text)
        self.commit()

    def target(self) -> Target:
        """Return the database."""
        (target,) = load_targets(self.root, self.environ)
        return target

    def follow(self, *, is_asked: bool = False) -> Followed:
        """Have it follow, as `inv dev` does."""
        branch = find_branch(self.root)
        assert branch is not None
        return follow(self.target(), branch, is_asked=is_asked)

    def rows(self, table: str = "a") -> list[int]:
        """Return what a table holds."""
        found = self.run(f"SELECT id FROM {table} ORDER BY 1")  # noqa: S608
        return [number for (number,) in found]

    def went(self) -> str:
        """Have it follow; return how it did."""
        return str(self.follow().step.way)

    def forget(self, branch: str) -> None:
        """Have nothing be kept for a branch."""
        target = self.target()
        system, log = find_system(target), UndoLog(target.folder / "undo")
        for each in list_left(log.list_all(), system):
            if each.branch == branch:
                system.forget_former(each.name)

    def left(self) -> list[str]:
        """Return the branches that something is kept for, the newest first."""
        return [each["branch"] for each in self.status()["left"]]


class BranchedServerShop(BranchedShop, ServerShop):
    """The same with one PostgreSQL database."""


class BranchedMysqlShop(BranchedShop, MysqlShop):
    """The same with one database of MariaDB."""
