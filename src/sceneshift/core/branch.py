"""Which branch of git a folder is on, told by files: no git is started for that."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sceneshift.core.git import ask_git

DETACHED = "HEAD"  # what git says where there is no branch; none can be called so
_HEADS = "refs/heads/"
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
# Where a rebase or a bisect that is under way says which branch it has begun on.
_BEGUN_ON = ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START")


def find_head(root: Path) -> Path | None:
    """Return the file that says what is checked out; None where no git is."""
    for folder in (root, *root.parents):
        entry = folder / ".git"
        if entry.is_dir():
            return entry / "HEAD"
        if entry.is_file():  # a worktree's or a submodule's (gitrepository-layout(5))
            own = _read(entry).removeprefix("gitdir:").strip()
            return Path(os.path.normpath(folder / own / "HEAD"))
    return None


def find_branch(root: Path) -> str | None:
    """Return the branch that a folder is on.

    While git rebases or bisects, it is the branch that this was begun on: what is
    checked out meanwhile is for a moment.

    Returns:
        `HEAD` where there is none; None where there is no git.
    """
    head = find_head(root)
    if head is None or not head.is_file():
        return None
    begun = (_read(head.parent / name) for name in _BEGUN_ON)
    said = next(filter(None, begun), "") or _read(head).removeprefix("ref:").strip()
    if said == f"{_HEADS}.invalid":  # it is in a table: git-init(1), --ref-format
        asked = ask_git(root, "symbolic-ref", "-q", "HEAD") or b""
        said = os.fsdecode(asked).strip()
    is_none = not said or " " in said or _COMMIT.fullmatch(said)
    return DETACHED if is_none else said.removeprefix(_HEADS)


def list_branches(root: Path) -> frozenset[str] | None:
    """Return the branches that there are; None where git does not say."""
    said = ask_git(root, "for-each-ref", "--format=%(refname)", _HEADS)
    if said is None:
        return None
    return frozenset(
        line.removeprefix(_HEADS) for line in os.fsdecode(said).splitlines()
    )


def _read(path: Path) -> str:
    try:
        return os.fsdecode(path.read_bytes()).strip()
    except OSError:
        return ""
