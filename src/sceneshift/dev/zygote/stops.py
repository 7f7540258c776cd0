"""Threads that an editor's debugger has stopped: all of them stop with one."""

from __future__ import annotations

import threading


class Stops:
    """Who stands in one process; asked by the threads that stop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standing: list[int] = []  # twice where one is moved to another line
        self._stepping: set[int] = set()
        self._has_cause = False

    def begin(self, thread: int, *, is_cause: bool) -> bool:
        """Have one stand; return whether its place is the one to tell.

        Args:
            thread: Its ident.
            is_cause: Whether others stop because of it.
        """
        with self._lock:
            is_step = thread in self._stepping
            is_first = not self._standing
            if is_first:
                self._stepping.clear()
                self._has_cause = False
            is_news = is_first or is_step or (is_cause and not self._has_cause)
            self._has_cause |= is_cause
            self._stepping.discard(thread)
            self._standing.append(thread)
        return is_news

    def end(self, thread: int, *, is_step: bool) -> bool | None:
        """Have one go on; return whether one makes a step, and None while one stands.

        Those that stopped with it go on with it, and may leave after it.
        """
        with self._lock:
            self._standing.remove(thread)
            if is_step:
                self._stepping.add(thread)
            return None if self._standing else bool(self._stepping)
