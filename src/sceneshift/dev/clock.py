"""Time as one run of a process has it: none passes while it stands at a breakpoint."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Clock:
    """A clock that can be stopped, and what waits by it.

    Whoever asks whether a process stands asks its clock.
    """

    def __init__(self) -> None:
        self._stopped_at: float | None = None
        self._lost_s = 0.0
        self._is_released = False
        self._going = asyncio.Event()
        self._going.set()
        self._limits: dict[asyncio.Timeout, float] = {}

    @property
    def is_stopped(self) -> bool:
        """Whether no time passes."""
        return self._stopped_at is not None

    def time(self) -> float:
        """Return the seconds that have passed since some moment."""
        now = _now() if self._stopped_at is None else self._stopped_at
        return now - self._lost_s

    def stop(self) -> None:
        """Let no time pass until `go`; one that was released goes on."""
        if self._is_released or self._stopped_at is not None:
            return
        self._stopped_at = _now()
        self._going.clear()
        self._set_limits()

    def go(self) -> None:
        """Let time pass, from where it stood."""
        if self._stopped_at is None:
            return
        self._lost_s += _now() - self._stopped_at
        self._stopped_at = None
        self._going.set()
        self._set_limits()

    def release(self) -> None:
        """Let time pass whoever stands, now and from now on."""
        self._is_released = True
        self.go()

    async def going(self) -> None:
        """Return while time passes."""
        await self._going.wait()

    async def sleep(self, time_s: float) -> None:
        """Return after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with self.limit(time_s):
                await asyncio.get_running_loop().create_future()

    @contextlib.asynccontextmanager
    async def limit(self, time_s: float | None) -> AsyncIterator[None]:
        """Limit what is done within to so many seconds, as `asyncio.timeout` does.

        Raises:
            TimeoutError: They are over.
        """
        async with asyncio.timeout(None) as limit:
            if time_s is not None:
                self._limits[limit] = self.time() + time_s
                self._set_limits()
            try:
                yield
            finally:
                self._limits.pop(limit, None)

    def _set_limits(self) -> None:
        now = _now()
        for limit, end in self._limits.items():
            if not limit.expired():
                when = None if self.is_stopped else now + end - self.time()
                limit.reschedule(when)


def _now() -> float:
    return asyncio.get_running_loop().time()
