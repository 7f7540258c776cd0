from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branching import git
from sceneshift.core.branch import DETACHED, find_branch, find_head, list_branches

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a repository with a commit."""
    git(tmp_path, "init", "-q", "-b", "feature/x")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "begin")
    return tmp_path


def test_a_branch_is_told_by_files(root: Path) -> None:
    """From any folder of the checkout; of a worktree, its own."""
    below = root / "app"
    below.mkdir()
    assert find_branch(below) == "feature/x"
    side = root / "side"
    git(root, "worktree", "add", "-q", str(side), "-b", "side")
    assert find_branch(side) == "side"
    assert list_branches(side) == frozenset({"feature/x", "side"})
    git(root, "checkout", "-q", "--detach")
    assert find_branch(root) == DETACHED


def test_a_table_of_references_is_left_to_git(root: Path) -> None:
    """Its `HEAD` says nothing: git-init(1), --ref-format."""
    (root / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")
    assert find_branch(root) == DETACHED  # as git says no more than that


def test_without_git_there_is_none(tmp_path: Path) -> None:
    """A file that leads nowhere is no checkout either."""
    assert (find_branch(tmp_path), find_head(tmp_path)) == (None, None)
    assert list_branches(tmp_path) is None
    (tmp_path / ".git").write_text("gitdir: gone\n")
    assert find_branch(tmp_path) is None


def test_a_rebase_without_a_branch_has_none(root: Path) -> None:
    """Git says so in words."""
    (root / ".git/rebase-merge").mkdir()
    (root / ".git/rebase-merge/head-name").write_text("detached HEAD\n")
    assert find_branch(root) == DETACHED
