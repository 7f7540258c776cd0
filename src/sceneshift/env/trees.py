"""`inv env.worktrees`: each worktree with its ports, databases and what runs there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.git import find_common, list_worktrees
from sceneshift.core.made import list_left
from sceneshift.core.offsets import Shift, drop_shifts, load_shifts
from sceneshift.core.processes import proportional_bytes
from sceneshift.core.worktree import find_worktree
from sceneshift.env.bequest import apply_drops, find_drops, refuse_kept
from sceneshift.env.freeing import apply_ends, list_marked
from sceneshift.env.running import RunningStack, find_running
from sceneshift.env.treedatabases import (
    TreeDatabase,
    describe_database,
    list_made,
    list_used,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sceneshift.core.drop import Drop
    from sceneshift.core.made import Made
    from sceneshift.env.freeing import End

_MEGABYTE = 1_000_000


class Tree(Struct, frozen=True, kw_only=True):
    """A worktree, or what is left of one.

    Attributes:
        name: What git calls it; "main" for the main checkout.
        root: The project's folder in it.
        offset: How far its fixed ports are shifted; None where it never ran.
        running: What runs there.
        memory: Bytes of all that runs there, shared pages in proportion.
        databases: Those that it uses, or has left.
        is_gone: Whether its folder was removed.
    """

    name: str
    root: Path
    offset: int | None
    running: RunningStack | None = None
    memory: int = 0
    databases: tuple[TreeDatabase, ...] = ()
    is_gone: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        running = self.running or RunningStack()
        return {
            "name": self.name,
            "checkout": str(self.root),
            "port_offset": self.offset,
            "state": self.state,
            "environment": running.environment,
            "pid": running.pid,
            "urls": {
                process["name"]: process["url"]
                for process in running.processes
                if process["url"]
            },
            "databases": [each.as_json() for each in self.databases],
            "memory_bytes": self.memory,
        }

    @property
    def state(self) -> str:
        """Say in one word how it stands with it."""
        if self.is_gone:
            return "removed"
        return "idle" if self.running is None else "running"


def show_worktrees(root: Path, *, as_json: bool) -> None:
    """Print the worktrees of a project's repository.

    Raises:
        SceneshiftError: This is no git repository.
    """
    trees = load_trees(root)
    console = StreamConsole()
    if as_json:
        console.json({"worktrees": [tree.as_json() for tree in trees]})
        return
    names = "worktree state ports databases memory addresses folder"
    head = tuple(names.split())
    console.table([head, *(_make_row(tree.as_json()) for tree in trees)])
    if any(tree.is_gone for tree in trees):
        console.note("free what removed ones have left: inv env.worktrees --prune")


def prune_worktrees(
    root: Path, *, is_dry: bool, as_json: bool, dropper: str = ""
) -> None:
    """End, drop and forget what removed worktrees have left, and print that.

    Args:
        root: The project's folder.
        is_dry: Whether it is only said.
        as_json: Whether JSON is printed.
        dropper: The module that drops databases; empty: they are left.

    Raises:
        SceneshiftError: This is no git repository, or something cannot be ended.
        RefusedError: A database is kept, because it may be in use.
    """
    gone = [tree for tree in load_trees(root) if tree.is_gone]
    ends = [end for tree in gone for end in list_marked(tree.root, None)]
    common = _find_common(root)
    if gone and not is_dry:
        apply_ends(ends)
        drop_shifts(common, [tree.root for tree in gone])
    # What has just been ended is connected no more.
    drops = find_drops(list_left(common), root, dropper)
    if not is_dry:
        drops = apply_drops(drops, root, common, dropper)
    _report(gone, ends, drops, is_dry=is_dry, as_json=as_json)
    refuse_kept(drops)


def load_trees(root: Path) -> list[Tree]:
    """Return the main checkout first, then each worktree, then those that are gone.

    Raises:
        SceneshiftError: This is no git repository.
    """
    common, roots = _find_common(root), list_worktrees(root)
    shifts, left = load_shifts(common), list_left(common)
    known = set(map(str, roots))
    there = [_load(each, shifts) for each in roots]
    gone = {path for path in shifts if path not in known and not Path(path).is_dir()}
    gone |= {made.root for made in left}
    return there + [
        _load_gone(Path(path), shifts.get(path), left) for path in sorted(gone)
    ]


def _find_common(root: Path) -> Path:
    common = find_common(root)
    if common is None:
        raise SceneshiftError(
            f"this is no git repository: {root}",
            hint="worktrees are made by git: git worktree add ../name",
        )
    return common


def _load(root: Path, shifts: Mapping[str, Shift]) -> Tree:
    worktree, shift = find_worktree(root), shifts.get(str(root))
    offset = shift.offset if shift else None
    return Tree(
        name=worktree.name if worktree else "main",
        root=root,
        offset=offset if worktree else 0,
        running=find_running(root),
        memory=_sum_memory(root),
        databases=list_used(root, os.environ),
    )


def _load_gone(root: Path, shift: Shift | None, left: Sequence[Made]) -> Tree:
    return Tree(
        name=root.name,
        root=root,
        offset=shift.offset if shift else None,
        memory=_sum_memory(root),
        databases=list_made(left, root),
        is_gone=True,
    )


def _sum_memory(root: Path) -> int:
    return sum(proportional_bytes(end.entry.pid) for end in list_marked(root, None))


def _make_row(tree: Mapping[str, Any]) -> tuple[str, ...]:
    offset, state = tree["port_offset"], tree["state"]
    if tree["environment"]:
        state += f" {tree['environment']}"
    return (
        tree["name"],
        state,
        "as configured" if offset == 0 else "-" if offset is None else f"+{offset}",
        ", ".join(map(describe_database, tree["databases"])) or "-",
        f"{tree['memory_bytes'] / _MEGABYTE:.0f} MB" if tree["memory_bytes"] else "-",
        " ".join(tree["urls"].values()) or "-",
        tree["checkout"],
    )


def _report(
    gone: Sequence[Tree],
    ends: Sequence[End],
    drops: Sequence[Drop],
    *,
    is_dry: bool,
    as_json: bool,
) -> None:
    console = StreamConsole()
    shifted = [tree for tree in gone if tree.offset is not None]
    if as_json:
        removed = [
            {"action": "forget", "checkout": str(tree.root), "port_offset": tree.offset}
            for tree in shifted
        ]
        actions = [end.as_json() for end in ends] + [drop.as_json() for drop in drops]
        console.json({"is_applied": not is_dry, "actions": actions + removed})
        return
    for end in ends:
        console.data(f"end pid {end.entry.pid}: {end.process}: {end.command}")
    for drop in drops:
        if drop.problem is None:
            console.data(str(drop))
    for tree in shifted:
        console.data(f"free ports +{tree.offset}: {tree.root}")
    if not gone:
        console.note("no worktree was removed")
    elif is_dry:
        console.note("nothing was done; without --dry-run it is")
