from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from sceneshift.dev.watch.git import find_repository
from watching import git, write

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_without_a_repository_has_none(tmp_path: Path) -> None:
    """Nor has one whose `.git` leads nowhere."""
    assert find_repository("/") is None
    write(tmp_path, {".git": "gitdir: nowhere"})
    found = find_repository(str(tmp_path))
    assert found is None or found.top != str(tmp_path)


def test_a_repository_is_found_from_below(tmp_path: Path) -> None:
    """Its top level is the nearest folder with `.git`."""
    git(tmp_path, "init", "-q")
    (tmp_path / "a" / "b").mkdir(parents=True)
    found = find_repository(str(tmp_path / "a" / "b"))
    assert found is not None
    assert found.top == str(tmp_path)
    assert found.git == found.common == str(tmp_path / ".git")


def test_a_worktree_has_a_lock_of_its_own(tmp_path: Path) -> None:
    """Its index lies below the repository's folder, named in a file `.git`."""
    main, other = tmp_path / "main", tmp_path / "other"
    main.mkdir()
    git(main, "init", "-q")
    git(main, "commit", "-q", "--allow-empty", "-m", "one")
    git(main, "worktree", "add", "-q", str(other))
    found = find_repository(str(other))
    assert found is not None
    assert found.git == str(main / ".git" / "worktrees" / "other")
    assert found.common == str(main / ".git")
    assert not found.is_busy()
    write(main, {".git/worktrees/other/index.lock": ""})
    assert found.is_busy()


def test_a_lock_that_was_left_behind_means_nothing(tmp_path: Path) -> None:
    """Only a young lock says that files are being checked out."""
    git(tmp_path, "init", "-q")
    found = find_repository(str(tmp_path))
    assert found is not None
    lock = tmp_path / ".git" / "index.lock"
    lock.touch()
    assert found.is_busy()
    os.utime(lock, (time.time() - 60, time.time() - 60))
    assert not found.is_busy()
