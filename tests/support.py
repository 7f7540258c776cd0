"""What tests share: waiting."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


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
