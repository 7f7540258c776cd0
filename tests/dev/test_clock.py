"""Time that stands while a process does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Use = Callable[[Clock], Awaitable[None]]

TURNS = 5  # of the loop: what is due at once has been


def use_clock(use: Use) -> None:
    """Run a coroutine with a clock that goes."""

    async def with_clock() -> None:
        async with asyncio.timeout(30):
            await use(Clock())

    asyncio.run(with_clock())


async def turn() -> None:
    """Let the loop turn a few times."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


def test_no_time_passes_while_it_stands() -> None:
    """Neither twice, where it is stopped twice."""

    async def use(clock: Clock) -> None:
        before = clock.time()
        clock.stop()
        clock.stop()
        stood = clock.time()
        await turn()
        assert clock.time() == stood
        clock.go()
        clock.go()
        assert before <= stood <= clock.time()

    use_clock(use)


async def wait(clock: Clock, limit_s: float, *, is_stopped: bool) -> None:
    """Do something that takes too long, and stop meanwhile."""
    async with clock.limit(limit_s):
        if is_stopped:
            clock.stop()
        await asyncio.sleep(2 * limit_s)
        await turn()
        clock.go()
        await clock.sleep(30)


@pytest.mark.parametrize("limit_s", [0, 0.01])
def test_a_limit_waits_with_it(limit_s: float) -> None:
    """Whichever comes first, and what was left of it is left."""

    async def use(clock: Clock) -> None:
        if not limit_s:
            clock.stop()
        waits = asyncio.ensure_future(wait(clock, limit_s, is_stopped=limit_s > 0))
        await turn()
        assert not waits.done()
        with pytest.raises(TimeoutError):
            await waits
        async with clock.limit(None):
            await turn()

    use_clock(use)


async def stop_at_the_end(clock: Clock) -> None:
    """Stop when the time is over."""
    async with clock.limit(0):
        try:
            await asyncio.Event().wait()
        finally:
            clock.stop()


def test_who_waits_until_it_goes_waits_no_longer() -> None:
    """Nor at all where it goes; a limit that is over is no hindrance."""

    async def use(clock: Clock) -> None:
        await clock.going()
        clock.stop()
        waits = asyncio.ensure_future(clock.going())
        await turn()
        assert not waits.done()
        clock.go()
        await waits
        with pytest.raises(TimeoutError):
            await stop_at_the_end(clock)

    use_clock(use)


def test_one_that_was_released_stands_no_more() -> None:
    """Whoever ends something for good has no patience with it."""

    async def use(clock: Clock) -> None:
        clock.stop()
        clock.release()
        assert not clock.is_stopped
        clock.stop()
        await clock.sleep(0)

    use_clock(use)
