"""The last reloads, for `inv dev.why`."""

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


class History:
    """A bounded list of reloads, oldest first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reloads: deque[Reload] = deque(maxlen=_KEPT)

    def begin(self, reload: Reload) -> Reload:
        """Add a reload; the process's one that is under way was replaced by it."""
        self.replace(reload.process)
        reload.began = self._clock()
        self._reloads.append(reload)
        return reload

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
        for reload in reversed(self._reloads):
            if reload.process == process:
                return reload if reload.outcome == "under way" else None
        return None

    def last(self, count: int, names: Collection[str] | None = None) -> list[Reload]:
        """Return the newest, oldest first; of some processes where names are given."""
        found = [r for r in self._reloads if names is None or r.process in names]
        return found[-count:]
