"""What tests share: waiting, and ports."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, TypeVar

from sceneshift.core.ports import is_free

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
# Below those that systems lend to outgoing connections: one of these may be taken at
# any moment. And below those that `auto` means.
_PORTS = range(10_000, 19_000)
_MORE = (0, 100, 200)  # those of a stack's further processes
_CHANCE = random.SystemRandom()  # each worker begins with a seed of its own


def wait_until(predicate: Callable[[], T | None], deadline_s: float = 30.0) -> T:
    """Return the first truthy value of the predicate; fail at the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"not within {deadline_s} s: {predicate}")
        time.sleep(0.005)


async def until(predicate: Callable[[], object], deadline_s: float = 30.0) -> None:
    """Let the loop run until the predicate holds; fail at the deadline."""
    async with asyncio.timeout(deadline_s):
        while not predicate():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.005)


def free_port() -> int:
    """Return a port that nobody has at the moment."""
    while True:
        port = _CHANCE.choice(_PORTS)
        if all(is_free(port + more) for more in _MORE):
            return port
