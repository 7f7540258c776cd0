"""The last reloads and switches, for `inv dev.why`."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

Rung = Literal["fork", "cold"]
Cause = Literal["change", "asked", "environment", "packages"]
Outcome = Literal["served", "broken", "died", "under way", "replaced"]
SwitchOutcome = Literal["switched", "failed", "under way"]
_KEPT = 200


class Reload(Struct, kw_only=True):
    """One reload of one process.

    Attributes:
        process: Its name.
        at: When the change was seen, seconds since 1970.
        files: The files, relative to the project where they are in it.
        cause: What asked for it: a file, a person, the environment, packages.
        rung: How: by fork of a zygote, or by a cold start.
        reason: Why not by fork; None where it was.
        began: The same as `at`, on the clock that never goes back.
        duration_s: From the change to the new code being ready; None until then.
        outcome: How it ended.
        error: `file:line: error` where the new code could not start.
    """

    process: str
    at: float
    files: tuple[str, ...]
    cause: Cause
    rung: Rung
    reason: str | None = None
    began: float = 0.0
    duration_s: float | None = None
    outcome: Outcome = "under way"
    error: str | None = None


class SwitchRecord(Struct, kw_only=True):
    """One switch of the stack to another environment.

    Attributes:
        former: The environment that ran.
        environment: The one that was to run.
        at: When it began, seconds since 1970.
        processes: Those that were started or ended for it.
        began: The same as `at`, on the clock that never goes back.
        duration_s: From there to its end; None until then.
        outcome: How it ended.
        error: Why it came to nothing.
    """

    former: str
    environment: str
    at: float
    processes: tuple[str, ...]
    began: float = 0.0
    duration_s: float | None = None
    outcome: SwitchOutcome = "under way"
    error: str | None = None


class History:
    """A bounded list of reloads and switches, oldest first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: deque[Reload | SwitchRecord] = deque(maxlen=_KEPT)

    def begin(self, reload: Reload) -> Reload:
        """Add a reload; the process's one that is under way was replaced by it."""
        self.replace(reload.process)
        reload.began = self._clock()
        self._entries.append(reload)
        return reload

    def begin_switch(self, switch: SwitchRecord) -> SwitchRecord:
        """Add a switch; it is under way."""
        switch.began = self._clock()
        self._entries.append(switch)
        return switch

    def end_switch(self, switch: SwitchRecord, error: str | None) -> None:
        """Close a switch: with why it came to nothing, None where it is done."""
        switch.outcome = "switched" if error is None else "failed"
        switch.error = error
        switch.duration_s = self._clock() - switch.began

    def replace(self, process: str) -> None:
        """Close the reload of a process that is under way: it will never serve."""
        reload = self.open_of(process)
        if reload is not None:
            reload.outcome = "replaced"

    def serve(self, process: str) -> Reload | None:
        """Close the reload of a process that is under way: the new code is ready."""
        reload = self.open_of(process)
        if reload is not None:
            reload.outcome = "served"
            reload.duration_s = self._clock() - reload.began
        return reload

    def open_of(self, process: str) -> Reload | None:
        """Return the reload of a process that is under way."""
        for entry in reversed(self._entries):
            if isinstance(entry, Reload) and entry.process == process:
                return entry if entry.outcome == "under way" else None
        return None

    def last(
        self, count: int, names: Collection[str] | None = None
    ) -> list[Reload | SwitchRecord]:
        """Return the newest, oldest first; of some processes where names are given."""
        entries = self._entries
        found = [e for e in entries if names is None or _concerns(e, names)]
        return found[-count:]


def _concerns(entry: Reload | SwitchRecord, names: Collection[str]) -> bool:
    if isinstance(entry, Reload):
        return entry.process in names
    return any(name in names for name in entry.processes)
