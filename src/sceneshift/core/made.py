"""The databases that were made for worktrees, and outlive their folders.

They are written down in the `.git` that all worktrees share, before they are there:
what is not known could never be freed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from sceneshift.core.keeping import keeping
from sceneshift.core.paths import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

_WHAT = "the databases of worktrees"


class Made(Struct, frozen=True, kw_only=True):
    """A database that was made for a worktree.

    Attributes:
        root: The project's folder in it.
        worktree: What git calls it.
        name: What the configuration calls the database.
        system: `postgresql` or `sqlite`.
        place: Its name on the server, or its file.
        server: Host and port of the server; empty for a file.
    """

    root: str
    worktree: str
    name: str
    system: str
    place: str
    server: str = ""


def load_made(common: Path) -> list[Made]:
    """Return what is written down.

    Args:
        common: The `.git` of the main checkout.
    """
    try:
        return msgspec.json.decode(_file(common).read_bytes(), type=list[Made])
    except (OSError, ValueError):
        return []  # none, or damaged


def list_left(common: Path) -> list[Made]:
    """Return those whose worktrees are gone, and not only moved or made anew."""
    return [each for each in load_made(common) if not _is_alive(common, each)]


def _is_alive(common: Path, made: Made) -> bool:
    """Tell whether something may still use it: its name comes from the worktree's.

    One that is locked for git is on a disk that is not always there.
    """
    own = common / "worktrees" / made.worktree
    if Path(made.root).is_dir() or (own / "locked").exists():
        return True
    try:
        return (own / (own / "gitdir").read_text().strip()).exists()
    except OSError:
        return False


def keep_made(common: Path, made: Made) -> None:
    """Write a database down.

    Raises:
        SceneshiftError: The file cannot be written.
    """
    with keeping(_file(common), _WHAT):
        _write(common, {*load_made(common), made})


def drop_made(common: Path, made: Iterable[Made]) -> None:
    """Forget databases that are gone.

    Raises:
        SceneshiftError: The file cannot be written.
    """
    with keeping(_file(common), _WHAT):
        _write(common, set(load_made(common)) - set(made))


def _write(common: Path, known: Iterable[Made]) -> None:
    listed = sorted(known, key=lambda each: (each.root, each.name, each.place))
    text = json.dumps(msgspec.to_builtins(listed), indent=2)
    write_whole(_file(common), text + "\n")


def _file(common: Path) -> Path:
    return common / "sceneshift" / "databases.json"
