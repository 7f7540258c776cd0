"""Pausing processes for a command that waits for what they use.

A web server that is run by fork stops accepting, and finishes what it has: requests
wait. Others are stopped and started again, and so is a server where that was not
enough: its addresses are kept meanwhile, and requests wait there, too.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from sceneshift.core.wording import describe_seconds
from sceneshift.dev.guard.stop import members_of
from sceneshift.dev.machine import Paused, Style, Unpaused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sceneshift.dev.supervisor import Supervisor

MOST_S = 60.0  # whoever is stopped by Ctrl-Z meanwhile never says that it is over


class Pauses:
    """Which processes are paused; several may want that of one."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._wanted: Counter[str] = Counter()
        self._since: dict[str, float] = {}

    def begin(self, pids: Collection[int], why: str, *, is_stop: bool) -> list[str]:
        """Pause the processes of some pids; return their names.

        One that stands at a breakpoint is left alone.

        Args:
            pids: Any processes of the system.
            why: Is said among the output.
            is_stop: Whether a server is stopped as well.
        """
        names = [
            name
            for name in self._supervisor.runners
            if not self._list_pids(name).isdisjoint(pids)
        ]
        return [name for name in names if self._pause(name, why, is_stop=is_stop)]

    def end(self, names: Iterable[str]) -> None:
        """Let processes go on that nobody else wants paused."""
        for name in names:
            self._wanted[name] -= 1
            if self._wanted[name] > 0:
                continue
            took = describe_seconds(time.monotonic() - self._since.pop(name))
            if name in self._supervisor.runners:
                self._supervisor.note(name, f"goes on after {took}")
            self._supervisor.feed(Unpaused(name=name))

    def _pause(self, name: str, why: str, *, is_stop: bool) -> bool:
        style = Style.SEQUENCE if is_stop else self._supervisor.style_of(name)
        self._supervisor.feed(Paused(name=name, style=style))
        state = self._supervisor.machine.states[name]
        if not state.is_paused:
            return False
        self._wanted[name] += 1
        if name not in self._since:
            self._since[name] = time.monotonic()
            self._supervisor.note(name, f"paused: {why}")
        return True

    def _list_pids(self, name: str) -> set[int]:
        """Return all that belongs to the generations of a process."""
        state = self._supervisor.machine.states[name]
        generations = [
            self._supervisor.generation_of(name, token)
            for token in (state.current, state.candidate)
        ]
        return {
            entry.pid
            for each in generations
            if each is not None and each.child is not None
            for entry in members_of(each.child)
        }
