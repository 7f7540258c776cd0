"""Stopping a process with everything that belongs to it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
from typing import TYPE_CHECKING

from sceneshift.core.processes import (
    descendants,
    has_variable,
    is_alive,
    processes,
    send_signal,
)
from sceneshift.dev.guard.child import PROCESS_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from sceneshift.core.processes import ProcessEntry
    from sceneshift.dev.guard.child import Child

    Limit = Callable[[float], AbstractAsyncContextManager[object]]

_KILL_S = 2.0
_PAUSES_S = (0.005, 0.01, 0.02, 0.05)


def pauses_s() -> Iterator[float]:
    """Yield how long to wait between two looks: ever longer, without an end."""
    return itertools.chain(_PAUSES_S, itertools.repeat(_PAUSES_S[-1]))


async def stop_session(
    child: Child,
    *,
    number: int = signal.SIGTERM,
    time_s: float,
    is_leader_first: bool = False,
    limit: Limit = asyncio.timeout,
) -> tuple[ProcessEntry, ...]:
    """Signal all that belongs to a process and wait until all of it is gone.

    That is its session whatever the process group, its descendants, and those that
    have left both but carry its environment. It counts as gone when nothing of it
    runs any more, not when the leader has ended. What is left after `time_s` is
    looked for again and killed.

    Args:
        child: The leader; it may have ended already.
        number: The signal that asks.
        time_s: Seconds from there to SIGKILL.
        is_leader_first: Leave the others to the leader, as long as that runs.
        limit: What counts these seconds.

    Returns:
        What could not even be killed: another user's, or stuck in the kernel.
    """
    with contextlib.suppress(TimeoutError):
        async with limit(time_s):
            await _signal_until_gone(child, number, is_leader_first=is_leader_first)
            return ()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_KILL_S):
            await _signal_until_gone(child, signal.SIGKILL)
    return members_of(child)


async def _signal_until_gone(
    child: Child, number: int, *, is_leader_first: bool = False
) -> None:
    """Signal every member once, newcomers too; return when all of it is gone."""
    told: set[tuple[int, int]] = set()
    while members := members_of(child):
        leader = [entry for entry in members if entry.pid == child.pid]
        asked = leader if is_leader_first and leader else members
        for entry in asked:
            if entry.key not in told:
                _tell(entry, number)
            told.add(entry.key)
        await wait_gone(asked)


def _tell(entry: ProcessEntry, number: int) -> None:
    """Signal a process, and wake it where it is stopped and would not notice."""
    send_signal(entry, number)
    if entry.state == "T":
        send_signal(entry, signal.SIGCONT)


def members_of(child: Child) -> tuple[ProcessEntry, ...]:
    """Return all that belongs to the child and runs.

    Only our own descendants are asked for their environment: with a subreaper
    nothing of ours is elsewhere. A session's number is not used again before the
    last member has gone; when its leader is another process, it has been.
    """
    table = processes()
    marker = os.fsencode(f"{PROCESS_VARIABLE}={child.token}")
    ours: Iterable[ProcessEntry] = table.values()
    if sys.platform == "linux":
        ours = descendants(os.getpid(), table)
    leader = table.get(child.pid)
    is_session_ours = leader is None or leader.started == child.started
    roots = [
        entry
        for entry in ours
        if (is_session_ours and entry.sid == child.pid)
        or has_variable(entry.pid, marker)
    ]
    found = {entry.key: entry for entry in roots}
    for root in roots:
        found.update((entry.key, entry) for entry in descendants(root.pid, table))
    return tuple(entry for entry in found.values() if entry.is_running)


async def wait_gone(entries: Sequence[ProcessEntry]) -> None:
    """Return when all of them have ended.

    On Linux the kernel wakes us; elsewhere they are looked at, ever more seldom.
    """
    if not hasattr(os, "pidfd_open"):  # pragma: no cover - macOS
        await _poll_gone(entries)
        return
    loop = asyncio.get_running_loop()
    waits = [_watch(loop, entry) for entry in entries]
    try:
        await asyncio.wait([ended for _, ended in waits])
    finally:
        for handle, ended in waits:
            _forget(loop, handle, ended)


def _watch(
    loop: asyncio.AbstractEventLoop, entry: ProcessEntry
) -> tuple[int, asyncio.Future[None]]:
    """Return a handle, -1 for none, and what is done when the process has ended."""
    ended: asyncio.Future[None] = loop.create_future()
    try:
        handle = os.pidfd_open(entry.pid)
    except ProcessLookupError:
        ended.set_result(None)
        return -1, ended
    if not is_alive(*entry.key):
        ended.set_result(None)
        return handle, ended
    loop.add_reader(handle, _resolve, ended)
    return handle, ended


def _resolve(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


def _forget(
    loop: asyncio.AbstractEventLoop, handle: int, ended: asyncio.Future[None]
) -> None:
    """Give up a watch."""
    ended.cancel()
    if handle >= 0:
        loop.remove_reader(handle)
        os.close(handle)


async def _poll_gone(entries: Sequence[ProcessEntry]) -> None:
    """Do the same by looking."""
    for pause_s in pauses_s():
        if not any(is_alive(*one.key) for one in entries):
            return
        await asyncio.sleep(pause_s)
