"""Which git worktree a project is in, told by files alone: no git is started."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from pathlib import Path

_UNFIT = re.compile(r"[^a-z0-9]+")


class Worktree(Struct, frozen=True, kw_only=True):
    """A linked worktree, as `git worktree add` makes one.

    Attributes:
        name: What git calls it.
        top: Its folder.
        common: What it shares with all others: the `.git` of the main checkout.
    """

    name: str
    top: Path
    common: Path

    @property
    def host(self) -> str:
        """A name by which browsers reach this machine, and keep cookies apart.

        Whatever ends with `.localhost` is this machine (RFC 6761, section 6.3).
        """
        return f"{_label(self.name)}.{_label(self.common.parent.name)}.localhost"

    def find_main(self, path: Path) -> Path | None:
        """Return where a file or folder of the worktree is in the main checkout.

        Returns:
            None where there is none: a bare repository has worktrees alone.
        """
        main = self.common.parent / path.relative_to(self.top)
        return main if self.common.name == ".git" else None


def find_worktree(root: Path) -> Worktree | None:
    """Return the linked worktree that a folder is in.

    Returns:
        None in the main checkout, in a submodule of one, and where no git is.
    """
    for folder in (root, *root.parents):
        entry = folder / ".git"
        if entry.is_dir():
            return None
        if entry.is_file():
            return _read(folder, entry)
    return None


def _read(top: Path, entry: Path) -> Worktree | None:
    """Follow what stands in a worktree's `.git` (gitrepository-layout(5))."""
    try:
        own = top / entry.read_text().removeprefix("gitdir:").strip()
        common = own / (own / "commondir").read_text().strip()
    except (OSError, ValueError):
        return None  # a submodule shares nothing
    return Worktree(name=own.name, top=top, common=common.resolve())


def _label(name: str) -> str:
    """Return a name as a part of a host's name."""
    return _UNFIT.sub("-", name.lower()).strip("-")[:63] or "x"
