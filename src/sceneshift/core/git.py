"""Asking git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LIMIT_S = 2.0


def ask_git(
    folder: Path, *words: str, given: bytes = b"", limit_s: float = _LIMIT_S
) -> bytes | None:
    """Return what git says in a folder; None where it says no or is not there.

    Args:
        folder: Where it is asked.
        words: Its command.
        given: Its standard input.
        limit_s: Seconds that it has.
    """
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limit_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def find_tracked(folder: Path, files: Iterable[str]) -> frozenset[str]:
    """Return which of some files git tracks; with none given, all below the folder.

    Args:
        folder: A folder of the repository.
        files: Paths relative to it.
    """
    said = ask_git(folder, "ls-files", "-z", "--", *files)
    return frozenset((said or b"").decode(errors="replace").split("\0")[:-1])


def find_ignored(folder: Path, files: Iterable[str]) -> frozenset[str]:
    """Return which of some files git ignores."""
    given = "".join(f"{file}\0" for file in files).encode()
    said = ask_git(folder, "check-ignore", "-z", "--stdin", given=given)
    return frozenset((said or b"").decode(errors="replace").split("\0")[:-1])


def list_worktrees(folder: Path) -> list[Path]:
    """Return a project's folder in each worktree of its repository.

    Args:
        folder: The project's folder in one of them; it need not be the topmost.

    Returns:
        Those that exist; none where this is no repository.
    """
    prefix = ask_git(folder, "rev-parse", "--show-prefix")
    listed = ask_git(folder, "worktree", "list", "--porcelain")
    if prefix is None or listed is None:
        return []
    below = os.fsdecode(prefix).strip()
    tops = [
        os.fsdecode(line.removeprefix(b"worktree "))
        for line in listed.split(b"\n")
        if line.startswith(b"worktree ")
    ]
    found = [Path(top, below).resolve() for top in tops]
    return [path for path in found if path.is_dir()]


def find_common(folder: Path) -> Path | None:
    """Return the `.git` that all worktrees of a repository share; None without one.

    Args:
        folder: A folder in one of them. In a submodule, or a clone that keeps it in
            another place, it is no folder of that name.
    """
    said = ask_git(folder, "rev-parse", "--git-common-dir")
    if said is None:
        return None
    return (folder / os.fsdecode(said.removesuffix(b"\n"))).resolve()
