"""What a worktree begins with that git does not bring: env files of its own.

Git ignores them, for they hold secrets, so that a new worktree has none.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import StateFolder
from sceneshift.core.worktree import find_worktree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.core.worktree import Worktree


class Inheritance(Struct, frozen=True, kw_only=True):
    """Env files that are to be copies of those of the main checkout.

    Attributes:
        root: The project's folder.
        main: The one there.
        files: Each path there, and the one here.
    """

    root: Path
    main: Path
    files: tuple[tuple[Path, Path], ...]

    def __str__(self) -> str:
        """Say what is done."""
        names = ", ".join(os.path.relpath(path, self.main) for path, _ in self.files)
        are = "is a copy of that" if len(self.files) == 1 else "are copies of those"
        return f"{names} {are} in {self.main}"


def inherit(root: Path) -> None:
    """Copy env files of the main checkout into a new worktree, and say so.

    Raises:
        SceneshiftError: One cannot be written, or a file says what cannot be.
    """
    inheritance = plan_inheritance(root)
    if inheritance is not None:
        from sceneshift.core.console import StreamConsole  # noqa: PLC0415 - seldom

        apply_inheritance(inheritance)
        StreamConsole().note(str(inheritance))


def plan_inheritance(root: Path) -> Inheritance | None:
    """Return what is to be copied: what git ignores, and is there and not here.

    Files of protected environments are none of it: their secrets stay where they are.

    Raises:
        UsageError: A file says what cannot be.
    """
    worktree = find_worktree(root)
    main = worktree.find_main(root) if worktree else None
    if worktree is None or main is None:
        return None
    found = dict(_list_absent(root, worktree))
    if not found:
        return None
    from sceneshift.core.git import find_ignored  # noqa: PLC0415 - seldom

    names = {os.path.relpath(here, root): here for here in found}
    ignored = find_ignored(root, names)
    files = tuple((found[names[name]], names[name]) for name in sorted(ignored))
    return Inheritance(root=root, main=main, files=files) if files else None


def _list_absent(root: Path, worktree: Worktree) -> Iterator[tuple[Path, Path]]:
    """Yield the path here, and there, of each env file that is only there."""
    from sceneshift.core.config import load_config  # noqa: PLC0415 - worktrees only
    from sceneshift.core.environment import list_env_files  # noqa: PLC0415
    from sceneshift.core.selection import (  # noqa: PLC0415
        is_guarded,
        list_environments,
    )

    # An environment may be known by its file alone, which is not here yet.
    main, config = worktree.find_main(root) or root, load_config(root)
    for name, section in list_environments(main, config).items():
        if is_guarded(name, section, config):
            continue
        for file in list_env_files(name, section):
            here = Path(os.path.normpath(root / file))
            there = here.is_relative_to(worktree.top) and worktree.find_main(here)
            if there and not os.path.lexists(here) and there.is_file():
                yield here, there


def apply_inheritance(inheritance: Inheritance) -> None:
    """Make the copies, for their owner's eyes only; what is there by now stays.

    Raises:
        SceneshiftError: One cannot be made.
    """
    folder = StateFolder(inheritance.root).make()
    for there, here in inheritance.files:
        try:
            _copy(there, here, folder / f"inherited-{secrets.token_hex(4)}")
        except OSError as error:
            raise SceneshiftError(
                f"{here} cannot be written: {(error.strerror or '').lower()}",
                hint=f"copy it yourself: cp {there} {here}",
            ) from error


def _copy(there: Path, here: Path, draft: Path) -> None:
    """Copy a file, whole or not at all: the draft is where git ignores everything."""
    here.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(there.read_bytes())
            file.flush()
            os.fsync(file.fileno())
        if not os.path.lexists(here):
            draft.rename(here)
    finally:
        draft.unlink(missing_ok=True)
