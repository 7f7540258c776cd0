"""Taking turns between a program's threads and the handlers of its signals."""

from __future__ import annotations

import _thread
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Turn:
    """A lock for threads; what a signal's handler does with it never waits for itself.

    A handler runs on the main thread, maybe in the middle of what that does within its
    turn: then its own work is done at the end of that turn.
    """

    def __init__(self) -> None:
        # One may come again in its own turn: a collection of garbage closes sockets.
        self._lock = _thread.RLock()
        self._depth = 0  # of the main thread
        self._later: list[Callable[[], None]] = []

    def __enter__(self) -> None:
        if _is_main():
            self._depth += 1
        self._lock.acquire()

    def __exit__(self, *_error: object) -> None:
        self._lock.release()
        if not _is_main():
            return
        self._depth -= 1
        while self._later and not self._depth:
            self.run(self._later.pop(0))

    def run(self, work: Callable[[], None]) -> None:
        """Do something in a turn, from a signal's handler or an event loop."""
        if self._depth and _is_main():
            self._later.append(work)
            return
        with self:
            work()


def _is_main() -> bool:
    return _thread.get_native_id() == os.getpid()  # as gettid(2) has it
