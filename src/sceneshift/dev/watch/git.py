"""Where git keeps what concerns a folder, and whether git is at work."""

from __future__ import annotations

import os
import time

from msgspec import Struct

# A lock that is older was left behind, or belongs to `git commit -a` whose editor is
# open: neither means that files are being checked out now.
_OLDEST_LOCK_S = 5.0


class Repository(Struct, frozen=True, kw_only=True):
    """A git checkout.

    Attributes:
        top: Its folder.
        git: The folder of its own state; that of a worktree is not `top/.git`.
        common: The folder that it shares with its worktrees.
    """

    top: str
    git: str
    common: str

    def is_busy(self) -> bool:
        """Whether a git command is changing files at this moment."""
        try:
            locked_at = os.stat(os.path.join(self.git, "index.lock")).st_mtime
        except OSError:
            return False
        return abs(time.time() - locked_at) < _OLDEST_LOCK_S


def find_repository(folder: str) -> Repository | None:
    """Return the checkout that a folder belongs to, or None."""
    while True:
        repository = read_repository(folder)
        parent = os.path.dirname(folder)
        if repository is not None or parent == folder:
            return repository
        folder = parent


def read_repository(top: str) -> Repository | None:
    """Return the checkout whose top level is the folder, or None."""
    git = os.path.join(top, ".git")
    if os.path.isfile(git):
        git = _read_line(git).removeprefix("gitdir:").strip()
        git = os.path.normpath(os.path.join(top, git))
    if not os.path.isdir(git):
        return None
    common = _read_line(os.path.join(git, "commondir"))
    return Repository(
        top=top, git=git, common=os.path.normpath(os.path.join(git, common))
    )


def _read_line(path: str) -> str:
    """Return a file's first line; empty where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.readline()).strip()
    except OSError:
        return ""
