"""What was made for worktrees, and whether they are still there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.made import Made, drop_made, keep_made, list_left, load_made
from watching import git


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """Return a main checkout with a worktree `tree` beside it."""
    root = tmp_path / "shop"
    root.mkdir()
    git(root, "init", "-q")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    git(root, "worktree", "add", "-q", "../tree")
    return root


def describe(main: Path, name: str = "default") -> Made:
    """Return a database of the worktree."""
    return Made(
        root=str(main.parent / "tree"),
        worktree="tree",
        name=name,
        system="postgresql",
        place="shop__wt_tree",
        server="localhost:5432",
    )


def test_what_is_made_is_kept_once(main: Path) -> None:
    """Until it is dropped, whatever becomes of the worktree."""
    first, second = describe(main), describe(main, "reports")
    for made in (second, first, first):
        keep_made(main / ".git", made)
    assert load_made(main / ".git") == [first, second]
    drop_made(main / ".git", [first])
    assert load_made(main / ".git") == [second]


def test_what_is_damaged_is_none(main: Path) -> None:
    """Half a file says nothing, and is written anew."""
    keep_made(main / ".git", describe(main))
    (main / ".git" / "sceneshift" / "databases.json").write_text('[{"root"')
    assert load_made(main / ".git") == []
    keep_made(main / ".git", describe(main))
    assert len(load_made(main / ".git")) == 1


def test_it_is_said_where_it_cannot_be_kept(main: Path) -> None:
    """With the file, and what to look at."""
    (main / ".git" / "sceneshift").write_text("in the way")
    with pytest.raises(SceneshiftError, match="the databases of worktrees cannot be"):
        keep_made(main / ".git", describe(main))


def test_only_what_nobody_can_use_is_left(main: Path) -> None:
    """A worktree that was moved has the name of its databases still."""
    made, common, tree = describe(main), main / ".git", main.parent / "tree"
    keep_made(common, made)
    assert list_left(common) == []
    git(main, "worktree", "move", "../tree", "../moved")
    assert list_left(common) == []
    git(main, "worktree", "lock", "../moved")
    shutil.rmtree(tree.with_name("moved"))
    assert list_left(common) == []
    git(main, "worktree", "unlock", "../moved")
    assert list_left(common) == [made]
    git(main, "worktree", "prune")
    assert list_left(common) == [made]
    git(main, "worktree", "add", "-q", "../again/tree", "tree")
    assert list_left(common) == []
    other = replace(made, root=str(Path("/gone")), worktree="gone")
    keep_made(common, other)
    assert list_left(common) == [other]
