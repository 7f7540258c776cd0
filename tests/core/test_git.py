from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.git import ask_git, find_ignored, find_tracked, list_worktrees

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="repository")
def make_repository(tmp_path: Path) -> Path:
    """Return an empty repository."""
    root = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


def test_where_git_says_no_there_is_no_answer(tmp_path: Path) -> None:
    """As outside of any repository."""
    assert ask_git(tmp_path, "rev-parse", "--git-dir") is None
    assert list_worktrees(tmp_path) == []


def test_without_git_there_is_no_answer(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor from one that takes too long."""
    assert ask_git(repository, "version", limit_s=0) is None
    monkeypatch.setenv("PATH", str(repository))
    assert ask_git(repository, "version") is None


def test_git_knows_what_it_has_and_what_it_ignores(repository: Path) -> None:
    """Names are as they are, whatever is in them; a tracked file is not ignored."""
    names = ["plain", "with space", "\u00e4", "line\nbreak", "both"]
    for name in names:
        (repository / name).touch()
    (repository / ".gitignore").write_text("with*\n\u00e4\nboth\n")
    for name in ("plain", "both", "line\nbreak"):
        subprocess.run(["git", "-C", repository, "add", "-f", name], check=True)
    assert find_tracked(repository, names) == {"plain", "both", "line\nbreak"}
    assert find_ignored(repository, names) == {"with space", "\u00e4"}
