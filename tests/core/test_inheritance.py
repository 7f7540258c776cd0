"""Env files that a new worktree begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.inheritance import apply_inheritance, inherit, plan_inheritance
from watching import git, write

if TYPE_CHECKING:
    from pathlib import Path

PYPROJECT = """\
[tool.sceneshift.environments.staging]
env_files = ["secrets/staging.env", "../outside.env", ".env.tracked"]
[tool.sceneshift.environments.live]
protected = true
"""
IGNORED = "/.env\n/.env.*\n!.env.open\nsecrets\n"
FILES = {
    ".env": "KEY=1\n",
    ".env.development": "A=1\n",
    ".env.live": "PRIVATE=1\n",
    ".env.production": "PRIVATE=1\n",
    ".env.other": "B=1\n",
    ".env.open": "C=1\n",
    "secrets/staging.env": "D=1\n",
}
COPIED = [".env", ".env.development", ".env.other", "secrets/staging.env"]


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """Return the main checkout of a project, with a worktree `tree` beside it."""
    root = tmp_path / "shop"
    write(root, {"pyproject.toml": PYPROJECT, ".gitignore": IGNORED})
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    git(root, "worktree", "add", "-q", "../tree")
    write(root, FILES)
    (tmp_path / "outside.env").write_text("")
    return root


def names(root: Path) -> list[str]:
    """Return what git does not know in a worktree, but for the state folder."""
    paths = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    found = {str(path) for path in paths if path.parts[0] != ".sceneshift"}
    return sorted(found - {".git", ".gitignore", "pyproject.toml"})


def test_a_worktree_begins_with_the_files_that_git_ignores(
    main: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of all environments that are not protected, for its owner alone."""
    tree = main.parent / "tree"
    inherit(tree)
    assert names(tree) == COPIED
    assert all((tree / name).read_text() == FILES[name] for name in COPIED)
    assert all((tree / name).stat().st_mode & 0o777 == 0o600 for name in COPIED)
    said = capsys.readouterr().err
    assert said == f"{', '.join(COPIED)} are copies of those in {main}\n"
    assert list((tree / ".sceneshift").iterdir()) == [tree / ".sceneshift/.gitignore"]
    inherit(tree)
    assert capsys.readouterr().err == ""


def test_what_is_there_stays(main: Path) -> None:
    """Also what has come since it was planned."""
    tree = main.parent / "tree"
    (tree / ".env.other").write_text("mine")
    (tree / ".env.development").symlink_to("nowhere")
    planned = plan_inheritance(tree)
    assert planned is not None
    (tree / ".env").write_text("mine too")
    apply_inheritance(planned)
    assert (tree / ".env").read_text() == "mine too"
    assert (tree / ".env.other").read_text() == "mine"
    assert (tree / "secrets" / "staging.env").exists()


def test_one_file_is_said_as_one(main: Path) -> None:
    """In a sentence that is one."""
    tree = main.parent / "tree"
    write(tree, dict.fromkeys(COPIED[1:], ""))
    assert str(plan_inheritance(tree)) == f".env is a copy of that in {main}"


def test_the_main_checkout_inherits_nothing(main: Path) -> None:
    """Nor what is no checkout, nor where the main one has nothing."""
    assert plan_inheritance(main) is None
    assert plan_inheritance(main.parent) is None
    tree = main.parent / "tree"
    inherit(tree)
    for name in FILES:
        (tree / name).unlink(missing_ok=True)
        (main / name).unlink()
    assert plan_inheritance(tree) is None


def test_what_git_does_not_ignore_is_not_copied(main: Path) -> None:
    """It was perhaps taken out of the branch."""
    tree = main.parent / "tree"
    (tree / ".gitignore").write_text("")
    assert plan_inheritance(tree) is None


def test_where_it_cannot_be_written_that_is_said(main: Path) -> None:
    """With what does the same by hand."""
    tree = main.parent / "tree"
    (tree / "secrets").write_text("in the way")
    with pytest.raises(SceneshiftError, match=r"staging\.env cannot be written"):
        inherit(tree)
