"""`inv data.undo`: taking the last change of a database back, or making it again."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import describe_seconds, quote
from sceneshift.data.guards import guard_change
from sceneshift.data.locking import hold_lock
from sceneshift.data.marker import Marker
from sceneshift.data.parting import start_parting
from sceneshift.data.system import find_system
from sceneshift.data.target import Request
from sceneshift.data.undo import UndoLog

if TYPE_CHECKING:
    from sceneshift.data.entry import Entry
    from sceneshift.data.system import System
    from sceneshift.data.target import Target

_UNDO, _REDO = "inv data.undo", "inv data.undo --redo"


class UndoRequest(Request, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
        is_redo: Whether what was taken back is to be made again.
    """

    is_redo: bool = False


class Step(Struct, frozen=True, kw_only=True):
    """A change that is taken back, or made again.

    Attributes:
        target: The database.
        system: Where its states are.
        marker: What the database says of itself.
        entry: The change.
        is_redo: Whether it is made again.
    """

    target: Target
    system: System
    marker: Marker | None
    entry: Entry
    is_redo: bool

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "action": "redo" if self.is_redo else "undo",
            "database": self.target.database.name,
            "place": self.target.title,
            "change": self.entry.what,
            "at": self.entry.at,
            "id": self.entry.id,
        }

    def __str__(self) -> str:
        """Say what is done."""
        verb = "make again" if self.is_redo else "take back"
        return f"{verb} on {self.target.title}: {self.entry.what} at {self.entry.at}"

    def run(self) -> None:
        """Do it.

        Raises:
            SceneshiftError: It cannot be done; all is as it was.
        """
        entry = self.entry
        state = entry.id if self.is_redo else entry.before
        marker = Marker(
            project=self.target.owner, environment=self.target.environment, state=state
        )
        wanted, kept = entry.former, entry.later
        if self.is_redo:
            wanted, kept = kept, wanted
        self.system.put_back(wanted, marker, kept)


def undo(request: UndoRequest) -> None:
    """Take the last change back, or make again what was taken back.

    Raises:
        UsageError: There is no such environment or database.
        RefusedError: A guard said no; nothing was touched.
        SceneshiftError: There is nothing to take back, or it failed; all is as it was.
    """
    console = StreamConsole()
    if request.is_dry:
        with ExitStack() as locks:
            _show(_find(request, locks), console, as_json=request.as_json)
        return
    began = time.monotonic()
    step = apply(request)
    start_parting([step.target])
    if request.as_json:
        name = step.target.environment
        paused = [each.as_json() for each in step.system.paused]
        done = {**step.as_json(), "paused": paused}
        console.json({"environment": name, "databases": [done]})
        return
    verb = "was made again" if step.is_redo else "was taken back"
    took = describe_seconds(time.monotonic() - began)
    console.success(f"{step.target.title}: {step.entry.what} {verb} in {took}")
    other = _UNDO if step.is_redo else _REDO
    console.note(f"and the other way round: {other}")


def apply(request: UndoRequest) -> Step:
    """Take the last change back, or make it again, and return which one.

    Raises:
        RefusedError: A guard said no; nothing was touched.
        SceneshiftError: There is nothing to take back, or it failed; all is as it was.
    """
    with ExitStack() as locks:
        step = _find(request, locks)
        guard_change(
            step.target,
            step.system,
            request,
            command=_REDO if step.is_redo else _UNDO,
            doing="puts another state in the place of",
        )
        step.run()
    return step


def _find(request: UndoRequest, locks: ExitStack) -> Step:
    """Return the last change of all databases, or of the one that was named."""
    targets = request.load()
    for path in sorted({each.name_lock() for each in targets}):
        locks.enter_context(hold_lock(path))
    found = []
    for target in targets:
        system = find_system(target)
        locks.enter_context(system.hold())
        found += _list_steps(target, system, is_redo=request.is_redo)
    if not found:
        names = ", ".join(quote(each.title) for each in targets)
        verb = "made again" if request.is_redo else "taken back"
        raise SceneshiftError(
            f"nothing of {names} can be {verb}",
            hint="see what there is: inv data.status",
        )
    choose = min if request.is_redo else max
    return choose(found, key=lambda step: step.entry.id)


def _list_steps(target: Target, system: System, *, is_redo: bool) -> list[Step]:
    """Return the next step of a database, if there is one."""
    log = UndoLog(target.folder / "undo")
    system.sweep()
    marker = system.read_marker()
    log.tidy(system, marker.state if marker else None)
    look = log.find_undone if is_redo else log.find_done
    return [
        Step(target=target, system=system, marker=marker, entry=entry, is_redo=is_redo)
        for entry in look(system, marker.state if marker else "")[:1]
    ]


def _show(step: Step, console: StreamConsole, *, as_json: bool) -> None:
    if as_json:
        console.json({"actions": [step.as_json()]})
        return
    console.data(str(step))
