"""Letting old code hold, and finish what it has when its successor is there."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from sceneshift.dev.run.agent import signal_family
from sceneshift.dev.zygote.words import RETIRE

if TYPE_CHECKING:
    from sceneshift.dev.run.generation import Generation

DRAIN_S = 0.03
_SILENT_S = 5.0
_HEAR_S = 0.05
_SAYINGS = 100  # a program without an ear among its forks never says that it has heard
_HAND_OVER_S = 0.3  # a busy event loop comes to it late; what it has is not lost


async def say_until_heard(generation: Generation, number: int) -> None:
    """Say a word again to who has not heard it: to hold, or to go on.

    A signal may reach another thread than the main one, where Python handles it, if
    that has one to handle already. Then it waits for the next.

    Args:
        generation: The one that is told.
        number: HOLD or RESUME.
    """
    is_holding = generation.is_holding
    for _ in range(_SAYINGS):
        await asyncio.sleep(_HEAR_S)
        is_over = generation.has_heard or generation.is_holding != is_holding
        if is_over or generation.pid is None:
            return
        signal_family(generation.pid, number)


async def retire(generation: Generation, limit_s: float) -> None:
    """Let a generation that holds finish, or hand over, what it has.

    Args:
        generation: The one that is to be stopped next.
        limit_s: Seconds that its requests have.
    """
    generation.to_hand = len(generation.adopters)
    if generation.pid is None or not generation.is_holding:
        return
    if not generation.adopters:
        await _drain(generation, generation.pid, limit_s)
        return
    with contextlib.suppress(TimeoutError):
        signal_family(generation.pid, RETIRE)
        async with generation.clock.limit(_HAND_OVER_S):
            await generation.handed.wait()


async def _drain(generation: Generation, pid: int, limit_s: float) -> None:
    """Wait until no request is under way, as far as anybody can tell.

    Who has connections to hand over, and says nothing yet, gets more time: on a machine
    that is overloaded it has not even come to do so.
    """
    clock = generation.clock.time
    end = clock() + limit_s
    last = max(end, clock() + _SILENT_S) if generation.keeps else end
    while not generation.is_drained:
        if clock() > (end if generation.has_answered else last):
            return
        signal_family(pid, RETIRE)
        await generation.clock.sleep(DRAIN_S)


def give(connection: int, heir: Generation) -> None:
    """Pass an open connection on to one of a generation's processes, in turn."""
    adopters = [link for link in heir.adopters if link.is_open]
    if adopters:
        heir.adopted += 1
        link = adopters[heir.adopted % len(adopters)]
        link.tell({"op": "connection"}, (connection,))
