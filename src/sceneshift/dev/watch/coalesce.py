"""When a set of changes is whole: timing alone, no files and no clock."""

from __future__ import annotations

from msgspec import Struct

from sceneshift.dev.watch.change import Evidence

# A save reaches the program within 25 ms in all, so a few files wait only as long
# as two events of one save lie apart.
SHORTEST_QUIET_S = 0.002
# Of many, on a machine that is busy with them, the next may be late.
LONGEST_QUIET_S = 0.150
# Each further file of a burst makes the next one more likely.
QUIET_PER_FILE_S = 0.002
FEW_FILES = 3
# A burst is over, and the next file is the first of another, after this long.
CALM_S = 0.250
# How long a file that is open, new or gone is given to become whole.
UNSETTLED_S = 0.050
# A file that is written without an end is told of this often.
PATIENCE_S = 0.500
# A burst without an end is told of this often.
LONGEST_SET_S = 1.0
# The longest that a git operation holds a set up.
LONGEST_HOLD_S = 5.0
# Timers of an event loop are this coarse: better now than one round later.
SLACK_S = 0.0005


class _Pending(Struct):
    """A path whose change has not been told yet.

    Attributes:
        first: When it was first heard of, seconds of the caller's clock.
        due: From when on it counts as whole.
        holds_until: Until when it keeps the others waiting for it.
        is_written: Whether its content was written, not only its name touched.
    """

    first: float
    due: float
    holds_until: float
    is_written: bool


class Coalescer:
    """Collects paths until they are one set of changes.

    Times are seconds of whatever clock the caller has; they never go back.
    """

    def __init__(self) -> None:
        self._pending: dict[str, _Pending] = {}
        self._burst: set[str] = set()
        self._last = 0.0
        self._is_stirred = False

    def note(self, path: str, evidence: Evidence, now: float) -> None:
        """Take in that something happened to a path."""
        pending = self._pending.get(path)
        # A log file that is written all the time must not hold up a save.
        if pending is None or evidence is not Evidence.WRITING:
            self.stir(now)
        self._burst.add(path)
        if pending is None:
            pending = self._pending[path] = _Pending(now, now, now, False)
        self._judge(pending, evidence, now)

    def stir(self, now: float) -> None:
        """Take in that something happened, whose path is not known or matters not."""
        if now - self._last > CALM_S:
            self._burst = set(self._pending)
        self._last = now
        self._is_stirred = True

    def discard(self, path: str) -> None:
        """Forget a path: it came and went."""
        self._pending.pop(path, None)
        self._burst.discard(path)

    def ready_at(self) -> float | None:
        """Return when a set may be whole if nothing else happens; None if never."""
        quiet = self._last + self.quiet_s
        if not self._pending:
            return quiet if self._is_stirred else None
        waiting = self._pending.values()
        held = max(quiet, *(each.holds_until for each in waiting))
        longest = min(each.first for each in waiting) + LONGEST_SET_S
        return max(min(held, longest), min(each.due for each in waiting))

    def may_hold(self, now: float) -> bool:
        """Whether the set is still young enough to wait for a git operation."""
        oldest = min((each.first for each in self._pending.values()), default=now)
        return now - oldest < LONGEST_HOLD_S

    def is_ready(self, now: float) -> bool:
        """Whether a set is whole."""
        ready_at = self.ready_at()
        return ready_at is not None and now + SLACK_S >= ready_at

    def take(self, now: float) -> dict[str, bool]:
        """Return and forget what is whole: path to whether its content was written.

        What is still being written stays. Empty where nothing is ready.
        """
        if not self.is_ready(now):
            return {}
        batch = {
            path: pending.is_written
            for path, pending in self._pending.items()
            if pending.due <= now + SLACK_S
        }
        for path in batch:
            del self._pending[path]
        self._is_stirred = False
        return batch

    @property
    def quiet_s(self) -> float:
        """Seconds without an event that end a set: more in a larger burst."""
        extra = max(0, len(self._burst) - FEW_FILES) * QUIET_PER_FILE_S
        return min(SHORTEST_QUIET_S + extra, LONGEST_QUIET_S)

    def _judge(self, pending: _Pending, evidence: Evidence, now: float) -> None:
        """Set from when on a path is whole."""
        if evidence is Evidence.WRITTEN:
            pending.due = pending.holds_until = now
        else:
            pending.due = min(now + UNSETTLED_S, pending.first + PATIENCE_S)
            is_writing = evidence is Evidence.WRITING
            pending.holds_until = now if is_writing else pending.due
        if evidence in (Evidence.WRITTEN, Evidence.WRITING):
            pending.is_written = True
