"""`inv data.drop`: a database with nothing in it, in one step.

What stays is an empty database that says whose it is. It is not removed: by what it
says `inv data.undo` finds the way back, whoever has it open goes on with it, and nobody
is left with a file that has no name any more, into which they would go on to write.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.console import StreamConsole
from sceneshift.core.paths import StateFolder
from sceneshift.core.wording import describe_seconds
from sceneshift.data.guards import describe_rows, guard_change
from sceneshift.data.locking import hold_lock
from sceneshift.data.parting import start_parting
from sceneshift.data.sqlite.files import is_there
from sceneshift.data.system import find_system
from sceneshift.data.undo import UndoLog, place_state
from sceneshift.data.versions import VersionTable, read_versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sceneshift.data.sqlite.pausing import Paused
    from sceneshift.data.system import System
    from sceneshift.data.target import Request, Target

COMMAND = "inv data.drop"
_ACT = "drop"
_EMPTY = "empty"  # the snapshot that is put in place


class Dropped(Struct, frozen=True, kw_only=True):
    """What was done to one database.

    Attributes:
        target: The database.
        rows: What it held, by table.
        undo: The id of the change; None where there was nothing to be dropped.
        duration_s: How long it took.
        paused: See `System.paused`.
    """

    target: Target
    rows: Mapping[str, int]
    undo: str | None
    duration_s: float
    paused: Sequence[Paused] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "database": self.target.database.name,
            "place": self.target.title,
            "is_dropped": self.undo is not None,
            "rows": dict(self.rows),
            "undo": self.undo,
            "duration_s": round(self.duration_s, 3),
            "paused": [each.as_json() for each in self.paused],
        }

    def tell(self, console: StreamConsole) -> None:
        """Say what was done."""
        if self.undo is None:
            console.note(f"{self.target.title} has nothing in it already")
            return
        console.success(
            f"{self.target.title} is empty: it held {describe_rows(self.rows)}; "
            f"dropped in {describe_seconds(self.duration_s)}"
        )


def drop(request: Request) -> None:
    """Leave nothing in databases but whose they are, and tell of it.

    Raises:
        UsageError: There is no such environment or database.
        RefusedError: A guard said no; nothing was touched.
        SceneshiftError: It cannot be done; what was not told of is as it was.
    """
    console = StreamConsole()
    targets = request.load()
    found = [(each, find_system(each)) for each in targets]
    if request.is_dry:
        _show_plan(found, console, as_json=request.as_json)
        return
    for target, system in found:
        if not is_bare(target, system):
            guard_change(target, system, request, command=COMMAND, doing="drops")
    dropped = []
    for each in _apply(found):
        dropped.append(each)
        if not request.as_json:
            each.tell(console)
    start_parting(targets)
    if request.as_json:
        rows = [each.as_json() for each in dropped]
        console.json({"environment": targets[0].environment, "databases": rows})
    elif any(each.undo for each in dropped):
        console.note("take it back: inv data.undo")


def is_bare(target: Target, system: System) -> bool:
    """Tell whether there is nothing to be dropped.

    Dropping that once more would be one more change, and the oldest one that can be
    taken back be given up for it.

    Raises:
        SceneshiftError: It cannot be read.
    """
    marker = system.read_marker()
    if target.file is not None and not is_there(target.file):
        return True
    state = "" if marker is None else marker.state
    entries = UndoLog(target.folder / "undo").list_all()
    was_dropped = any(each.id == state and each.act == _ACT for each in entries)
    if not was_dropped or system.count_rows():
        return False
    table = VersionTable(name=target.version_table)
    return read_versions(target.database, target.root, table) is None


def _show_plan(
    found: list[tuple[Target, System]], console: StreamConsole, *, as_json: bool
) -> None:
    full = [
        (target, system.count_rows())
        for target, system in found
        if not is_bare(target, system)
    ]
    if as_json:
        actions = [_describe(target, rows) for target, rows in full]
        console.json({"actions": actions})
        return
    for target, rows in full:
        console.data(f"drop {target.title}: {describe_rows(rows)}")
    if not full:
        console.note("nothing is to be done: they have nothing in them")


def _describe(target: Target, rows: Mapping[str, int]) -> dict[str, Any]:
    return {
        "action": _ACT,
        "database": target.database.name,
        "place": target.title,
        "rows": dict(rows),
    }


def _apply(found: list[tuple[Target, System]]) -> Iterator[Dropped]:
    """Do it, one database after another; yield what was done to each."""
    with ExitStack() as locks:
        for path in sorted({target.name_lock() for target, _ in found}):
            locks.enter_context(hold_lock(path))
        for _, system in sorted(found, key=lambda one: one[0].title):
            locks.enter_context(system.hold())
        for target, system in found:
            with StateFolder(target.root).being_written():
                dropped = _drop(target, system)
            yield dropped


def _drop(target: Target, system: System) -> Dropped:
    began = time.monotonic()
    system.sweep()
    rows = system.count_rows()
    undo = None if is_bare(target, system) else _empty(target, system)
    return Dropped(
        target=target,
        rows=rows,
        undo=undo,
        duration_s=time.monotonic() - began,
        paused=system.paused,
    )


def _empty(target: Target, system: System) -> str:
    """Put an empty database in place; return the id of the change."""
    _keep_empty(system)
    try:
        return place_state(target, system, _ACT, _ACT, _EMPTY).id
    finally:
        system.forget_snapshot(_EMPTY)


def _keep_empty(system: System) -> None:
    draft = system.begin(None)
    try:
        system.keep(draft, _EMPTY)
    finally:
        system.drop(draft)
