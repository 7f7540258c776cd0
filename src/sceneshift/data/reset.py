"""`inv data.reset`: a database as the code makes it, in one step."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.console import StreamConsole
from sceneshift.core.paths import StateFolder
from sceneshift.core.wording import describe_seconds
from sceneshift.data.ahead import start_ahead
from sceneshift.data.branches.before import follow_before
from sceneshift.data.build import build, make_order, read_code
from sceneshift.data.choice import check_known, choose
from sceneshift.data.firstuse import insist_on_missing
from sceneshift.data.guards import describe_rows, guard_change
from sceneshift.data.locking import hold_lock
from sceneshift.data.parting import start_parting
from sceneshift.data.snapshots.pruning import prune
from sceneshift.data.soundness import is_kept
from sceneshift.data.system import find_system
from sceneshift.data.target import Request
from sceneshift.data.undo import place_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.data.build import Order
    from sceneshift.data.snapshots.snapshot import Snapshot
    from sceneshift.data.system import System
    from sceneshift.data.target import Target

COMMAND = "inv data.reset"


class ResetRequest(Request, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
        dataset: Name of a dataset; None means that of the environment.
        is_rebuilt: Whether nothing that is kept is to be used.
    """

    dataset: str | None = None
    is_rebuilt: bool = False


class Action(Protocol):
    """What is done to a database, or was."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        ...


class Planned(Struct, frozen=True, kw_only=True):
    """What is to be done to one database.

    Attributes:
        order: What it is to become.
        system: What can do it.
        snapshot: That state, where it is kept.
        count: How many revisions are applied in all.
    """

    order: Order
    system: System
    snapshot: Snapshot | None
    count: int

    @property
    def target(self) -> Target:
        """The database."""
        return self.order.target

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "action": "reset",
            "database": self.target.database.name,
            "place": self.target.title,
            "revisions": self.count,
            "dataset": self.order.recipe.dataset,
            "snapshot": None if self.snapshot is None else self.snapshot.id,
        }

    def __str__(self) -> str:
        """Say what is done."""
        return f"reset {self.target.title} to {self.describe()}: {self._origin}"

    def describe(self) -> str:
        """Say what it becomes: as in "12 migrations, dataset development"."""
        dataset = self.order.recipe.dataset
        migrations = f"{self.count} migration{'' if self.count == 1 else 's'}"
        return f"{migrations}, dataset {dataset}" if dataset else migrations

    @property
    def _origin(self) -> str:
        if self.snapshot is None:
            return "built anew"
        return f"from the snapshot {self.snapshot.id[:8]}"


class Done(Struct, frozen=True, kw_only=True):
    """What was done to one database.

    Attributes:
        planned: What was planned.
        snapshot: What is there now.
        is_built: Whether that had to be built.
        undo: The id of the change.
        duration_s: How long the database's part took.
    """

    planned: Planned
    snapshot: Snapshot
    is_built: bool
    undo: str
    duration_s: float

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "database": self.planned.target.database.name,
            "place": self.planned.target.title,
            "snapshot": self.snapshot.id,
            "is_built": self.is_built,
            "revisions": self.snapshot.count,
            "dataset": self.snapshot.recipe.dataset,
            "rows": dict(self.snapshot.rows),
            "undo": self.undo,
            "duration_s": round(self.duration_s, 3),
            "paused": [each.as_json() for each in self.planned.system.paused],
        }

    def __str__(self) -> str:
        """Say what was done."""
        how = "built and put in place" if self.is_built else "put in place"
        return (
            f"{self.planned.target.title} is new: {self.planned.describe()}, "
            f"{describe_rows(self.snapshot.rows)}; {how} in "
            f"{describe_seconds(self.duration_s)}"
        )


def reset(request: ResetRequest) -> None:
    """Make databases anew, each as a whole or not at all, and tell of it.

    Raises:
        UsageError: There is no such environment or database.
        RefusedError: A guard said no; nothing was touched.
        SceneshiftError: Something failed; what was not told of is as it was.
    """
    if not request.is_dry:
        # A worktree's own: they are known as such from then on.
        targets = replace(request, database=None).load()
        insist_on_missing(targets[0].project)
        follow_before(targets, request.database)
    with ExitStack() as started:
        planned = plan(request, None if request.is_dry else started)
        if request.is_dry:
            show_plan(planned, as_json=request.as_json)
            return
        for each in planned:
            guard_change(
                each.target, each.system, request, command=COMMAND, doing="resets"
            )
        done = apply(planned, is_rebuilt=request.is_rebuilt)
    finish([each.target for each in planned], done, as_json=request.as_json)


def plan(request: ResetRequest, started: ExitStack | None = None) -> list[Planned]:
    """Return what is to be done; nothing is changed.

    Args:
        request: What was asked for.
        started: What ends that which is started for it already, where it is going to be
            done.

    Raises:
        UsageError: There is no such environment or database.
        SceneshiftError: What a database is made from cannot be read.
    """
    targets = request.load()
    if request.dataset is not None:
        check_known(targets, request.dataset)
    planned: list[Planned] = []
    for each in targets:
        # The others are built after it, and there are few processors.
        is_first = not any(one.order.standby for one in planned)
        planned.append(_plan(each, request, started if is_first else None))
    return planned


def _plan(target: Target, request: ResetRequest, started: ExitStack | None) -> Planned:
    code, standby = read_code(target), None
    if started is not None:
        standby = start_ahead(target, code, is_rebuilt=request.is_rebuilt)
    if started is not None and standby is not None:
        started.enter_context(standby)
    system = find_system(target)
    choice = choose(target, request.dataset)
    order = make_order(target, system, choice=choice, code=code)
    history = order.history
    return Planned(
        order=replace(order, standby=standby),
        system=system,
        snapshot=None if request.is_rebuilt else order.find(),
        count=0 if history is None else len(history.revisions),
    )


def show_plan(planned: Sequence[Action], *, as_json: bool) -> None:
    """Print what would be done."""
    console = StreamConsole()
    if as_json:
        console.json({"actions": [each.as_json() for each in planned]})
        return
    for each in planned:
        console.data(str(each))


def finish(targets: Sequence[Target], done: Sequence[Action], *, as_json: bool) -> None:
    """Have looked at what was let go, and tell what was done.

    Args:
        targets: Databases of one environment, whose locks are not held.
        done: What was done to each.
        as_json: Whether JSON is printed.
    """
    start_parting(targets)
    console = StreamConsole()
    if as_json:
        name = targets[0].environment
        console.json({"environment": name, "databases": [d.as_json() for d in done]})
        return
    for one in done:
        console.success(str(one))
    console.note("take it back: inv data.undo")


def apply(planned: list[Planned], *, is_rebuilt: bool = False) -> list[Done]:
    """Do what was planned: build all that is to be built, then put all in place.

    Raises:
        SceneshiftError: Something failed; the databases are as they were, but for those
            that were put in place before.
    """
    state = StateFolder(planned[0].target.root)
    with state.being_written(), ExitStack() as locks:
        held = tuple(
            locks.enter_context(hold_lock(path))
            for path in sorted({each.target.name_lock() for each in planned})
        )
        # In one order: other machines have the same databases.
        for each in sorted(planned, key=lambda one: one.target.title):
            locks.enter_context(each.system.hold())
            each.system.sweep()
        ready = [_make(each, held, is_rebuilt=is_rebuilt) for each in planned]
        return [
            _place(each, snapshot, is_built=is_built, began=began)
            for each, (snapshot, is_built, began) in zip(planned, ready, strict=True)
        ]


def _make(
    planned: Planned, locks: tuple[int, ...], *, is_rebuilt: bool
) -> tuple[Snapshot, bool, float]:
    """Return the snapshot, whether it had to be built, and when that began."""
    began = time.monotonic()
    # Once more: another command may have built it while this one waited.
    found = None if is_rebuilt else planned.order.find()
    if found is not None and is_kept(planned.target, planned.system, found):
        return found, False, began
    StreamConsole().note(f"building {planned.target.title}: {planned.describe()}")
    snapshot = build(planned.order, planned.system, locks=locks, is_rebuilt=is_rebuilt)
    return snapshot, True, began


def _place(
    planned: Planned, snapshot: Snapshot, *, is_built: bool, began: float
) -> Done:
    target, system = planned.target, planned.system
    what = f"reset to {planned.describe()}"
    entry = place_state(target, system, "reset", what, snapshot.id)
    planned.order.store.note_use(snapshot.id)
    if is_built:
        prune(planned.order.store, system, but=snapshot.id)
    return Done(
        planned=planned,
        snapshot=snapshot,
        is_built=is_built,
        undo=entry.id,
        duration_s=time.monotonic() - began,
    )
