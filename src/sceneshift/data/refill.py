"""`inv data.reset --keep-schema`: rows anew from a dataset, the schema as it is.

For what no migrations make, or somebody has changed by hand. A copy of the database is
emptied and filled, and put in its place as any reset does it: nobody sees half of it,
and what was there is kept as it was, with all that was written meanwhile.
"""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.errors import UsageError
from sceneshift.core.wording import describe_seconds
from sceneshift.data.choice import check_known, choose
from sceneshift.data.firstuse import insist_on_missing
from sceneshift.data.guards import describe_rows, guard_change
from sceneshift.data.locking import hold_lock
from sceneshift.data.reset import finish, show_plan
from sceneshift.data.seeding.application import prepare
from sceneshift.data.seeding.progress import Telling
from sceneshift.data.system import find_system
from sceneshift.data.undo import place_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.core.databases import Database
    from sceneshift.data.choice import Choice
    from sceneshift.data.reset import ResetRequest
    from sceneshift.data.system import System
    from sceneshift.data.target import Target

COMMAND = "inv data.reset --keep-schema"


class Refill(Struct, frozen=True, kw_only=True):
    """What is to be done to one database.

    Attributes:
        target: The database.
        system: What can do it.
        choice: What it is filled with; None leaves it empty.
    """

    target: Target
    system: System
    choice: Choice | None

    @property
    def dataset(self) -> str | None:
        """The name of the dataset."""
        return None if self.choice is None else self.choice.name

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "action": "refill",
            "database": self.target.database.name,
            "place": self.target.title,
            "dataset": self.dataset,
        }

    def describe(self) -> str:
        """Say what becomes of its rows."""
        return f"dataset {self.dataset}" if self.dataset else "no rows"

    def __str__(self) -> str:
        """Say what is done."""
        return f"refill {self.target.title} with {self.describe()}, its schema as it is"


class Refilled(Struct, frozen=True, kw_only=True):
    """What was done to one database.

    Attributes:
        refill: What was planned.
        rows: What it holds now, by table.
        undo: The id of the change.
        duration_s: How long it took.
    """

    refill: Refill
    rows: Mapping[str, int]
    undo: str
    duration_s: float

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "database": self.refill.target.database.name,
            "place": self.refill.target.title,
            "dataset": self.refill.dataset,
            "rows": dict(self.rows),
            "undo": self.undo,
            "duration_s": round(self.duration_s, 3),
            "paused": [each.as_json() for each in self.refill.system.paused],
        }

    def __str__(self) -> str:
        """Say what was done."""
        return (
            f"{self.refill.target.title} has other rows: {self.refill.describe()}, "
            f"{describe_rows(self.rows)}; in {describe_seconds(self.duration_s)}"
        )


def refill(request: ResetRequest) -> None:
    """Put other rows into databases, each as a whole or not at all, and tell of it.

    Raises:
        UsageError: There is no such environment, database or dataset.
        RefusedError: A guard said no; nothing was touched.
        SceneshiftError: It failed; what was not told of is as it was.
    """
    if request.is_rebuilt:
        raise UsageError(
            "--rebuild has nothing to build where --keep-schema keeps it",
            hint=f"leave one of them out: {COMMAND}",
        )
    if not request.is_dry:
        insist_on_missing(replace(request, database=None).load()[0].project)
    planned = plan(request)
    if request.is_dry:
        show_plan(planned, as_json=request.as_json)
        return
    for each in planned:
        guard_change(
            each.target,
            each.system,
            request,
            command=COMMAND,
            doing="replaces all rows of",
        )
    done = apply(planned)
    finish([each.target for each in planned], done, as_json=request.as_json)


def plan(request: ResetRequest) -> list[Refill]:
    """Return what is to be done; nothing is changed.

    Raises:
        UsageError: There is no such environment, database or dataset.
    """
    targets = request.load()
    if request.dataset is not None:
        check_known(targets, request.dataset)
    return [
        Refill(
            target=each,
            system=find_system(each),
            choice=choose(each, request.dataset),
        )
        for each in targets
    ]


def apply(planned: list[Refill]) -> list[Refilled]:
    """Do what was planned.

    Raises:
        SceneshiftError: Something failed; the databases are as they were, but for those
            that were put in place before.
    """
    with ExitStack() as locks:
        for path in sorted({each.target.name_lock() for each in planned}):
            locks.enter_context(hold_lock(path))
        for each in sorted(planned, key=lambda one: one.target.title):
            locks.enter_context(each.system.hold())
            each.system.sweep()
        return [_refill(each) for each in planned]


def _refill(planned: Refill) -> Refilled:
    began = time.monotonic()
    target, system = planned.target, planned.system
    snapshot = secrets.token_hex(10)  # for a moment; one that is killed is swept
    try:
        rows = _make(planned, snapshot)
        what = f"reset of the rows to {planned.describe()}"
        entry = place_state(target, system, "reset", what, snapshot)
    finally:
        system.forget_snapshot(snapshot)
    return Refilled(
        refill=planned,
        rows=rows,
        undo=entry.id,
        duration_s=time.monotonic() - began,
    )


def _make(planned: Refill, snapshot: str) -> Mapping[str, int]:
    """Make the state that is put in place; return its rows by table."""
    system = planned.system
    draft = system.copy()
    try:
        system.empty(draft)
        if planned.choice is not None:
            _fill(planned, planned.choice, draft)
        rows = system.count_rows(draft)
        system.keep(draft, snapshot)
    finally:
        system.drop(draft)
    return rows


def _fill(planned: Refill, choice: Choice, draft: Database) -> None:
    target = planned.target
    scripts = None if target.migrated is None else target.migrated.read(target.root)
    seeding = prepare(target, choice.datasets, scripts, choice.now)
    replace(planned.system.aim(seeding, draft), is_draft=True).run(Telling())
