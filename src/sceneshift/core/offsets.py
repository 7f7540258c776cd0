"""How far a worktree's fixed ports are from those of the main checkout.

The offsets of all worktrees are in one file, in the `.git` that they share. A worktree
keeps its own as long as it is there; no other ever gets a port of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.keeping import keeping
from sceneshift.core.paths import write_whole
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sceneshift.core.worktree import Worktree

_STEP = 10  # room for as many instances of a process
_LAST_PORT = 65535
_WHAT = "the ports of worktrees"


class Shift(Struct, frozen=True):
    """What is kept of one project in one worktree.

    Attributes:
        offset: What is added to each fixed port.
        ports: The ports that it is added to.
    """

    offset: int
    ports: tuple[int, ...]

    def hits(self, other: Shift) -> bool:
        """Tell whether two share a port."""
        mine = {port + self.offset for port in self.ports}
        return not mine.isdisjoint(port + other.offset for port in other.ports)


def claim_offset(
    worktree: Worktree, root: Path, ports: Collection[int], *, is_looking: bool = False
) -> int:
    """Return how far a worktree's ports are shifted: the same each time.

    Args:
        worktree: The worktree.
        root: The project's folder in it.
        ports: All fixed ports of the project, in the main checkout.
        is_looking: Whether it is only to be known, and not kept.

    Raises:
        SceneshiftError: The file cannot be written, or no offset is left.
    """
    wanted = tuple(sorted(ports))
    known = load_shifts(worktree.common)
    mine = known.get(str(root))
    if mine is not None and mine.ports == wanted:
        return mine.offset
    if is_looking:
        return _find(root, wanted, known)
    file = _file(worktree.common)
    with keeping(file, _WHAT):
        known = load_shifts(worktree.common)
        there = {path: each for path, each in known.items() if Path(path).is_dir()}
        offset = _find(root, wanted, there)
        _write(file, {**there, str(root): Shift(offset, wanted)})
    return offset


def load_shifts(common: Path) -> dict[str, Shift]:
    """Return what is kept of all worktrees, by the project's folder."""
    try:
        document = json.loads(_file(common).read_bytes())
        return msgspec.convert(document, dict[str, Shift])
    except (OSError, ValueError, msgspec.ValidationError):
        return {}  # none, or damaged: found anew


def drop_shifts(common: Path, roots: Collection[Path]) -> None:
    """Forget projects whose folders are gone.

    Raises:
        SceneshiftError: The file cannot be written.
    """
    gone = set(map(str, roots))
    file = _file(common)
    with keeping(file, _WHAT):
        known = load_shifts(common)
        _write(file, {path: each for path, each in known.items() if path not in gone})


def _find(root: Path, ports: tuple[int, ...], known: Mapping[str, Shift]) -> int:
    """Return the offset that was kept, if it is still good, or the first that is."""
    others = [each for path, each in known.items() if path != str(root)]
    others.append(Shift(0, ports))  # the main checkout
    mine = known.get(str(root))
    kept = () if mine is None else (mine.offset,)
    last = _LAST_PORT - max(ports, default=0)
    offset: int
    for offset in (*kept, *range(_STEP, last, _STEP)):
        shift = Shift(offset, ports)
        if offset <= last and not any(shift.hits(other) for other in others):
            return offset
    raise SceneshiftError(
        f"no ports are left for the worktree {quote(str(root))}",
        hint="see who has which: inv env.worktrees; free those that are gone: --prune",
    )


def _file(common: Path) -> Path:
    return common / "sceneshift" / "worktrees.json"


def _write(file: Path, shifts: Mapping[str, Shift]) -> None:
    document = msgspec.to_builtins(dict(sorted(shifts.items())))
    write_whole(file, json.dumps(document, indent=2) + "\n")
