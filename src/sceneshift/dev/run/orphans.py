"""Open connections of old code that has ended before there is new code.

A process that is paused has no successor yet when it is stopped: what its clients have
asked on a connection meanwhile is answered by the next one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sceneshift.dev.run.retiring import give

if TYPE_CHECKING:
    import asyncio

    from sceneshift.dev.run.generation import Generation


class Orphans:
    """Connections that wait for somebody who takes them.

    Args:
        loop: The event loop.
        patience_s: For how long: longer than a command waits for a file.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, patience_s: float = 15.0
    ) -> None:
        self._loop = loop
        self._patience_s = patience_s
        self._waiting: dict[int, asyncio.TimerHandle] = {}

    def take(self, fd: int) -> None:
        """Keep a connection, whose descriptor stays the caller's, for a while."""
        kept = os.dup(fd)
        self._waiting[kept] = self._loop.call_later(
            self._patience_s, self._part_with, kept
        )

    def give(self, heir: Generation) -> None:
        """Give all to who accepts now."""
        if not heir.adopters:
            return
        for fd in list(self._waiting):
            give(fd, heir)
            self._part_with(fd)

    def close(self) -> None:
        """Close all: nobody comes."""
        for fd in list(self._waiting):
            self._part_with(fd)

    def _part_with(self, fd: int) -> None:
        self._waiting.pop(fd).cancel()
        os.close(fd)
