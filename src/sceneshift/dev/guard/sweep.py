"""Ending a whole tree of processes that may be growing meanwhile.

Both the guard (the supervisor is gone) and the supervisor (the guard is gone) do it.
"""

from __future__ import annotations

import os
import time

from sceneshift.core.processes import (
    children,
    descendants,
    environment,
    is_alive,
    processes,
    send_signal,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Collection, Sequence

    from sceneshift.core.processes import ProcessEntry

    Finder = Callable[[], Sequence[ProcessEntry]]
else:
    import _signal as signal

_LOOKS_S = (0.0, 0.001, 0.002, 0.004, 0.008, 0.016)  # pauses before looking again
_MOST_PASSES = 20  # a chain of daemons never stands still: then killing must do


def freeze(find: Finder) -> list[ProcessEntry]:
    """Stop what `find` returns until it returns nothing new; return all of it.

    Whoever is stopped neither forks nor starts anew what dies beside it, and on a
    system without a subreaper the tree keeps its shape until it is killed.
    """
    frozen: dict[tuple[int, int], ProcessEntry] = {}
    for _ in range(_MOST_PASSES):
        new = [entry for entry in find() if entry.key not in frozen]
        if not new:
            break
        for entry in new:
            _stop_with_group(entry)
            frozen[entry.key] = entry
    return list(frozen.values())


def _stop_with_group(entry: ProcessEntry) -> None:
    """Stop a process and its group in one step, which no fork can slip through."""
    try:
        if entry.pgid != os.getpgrp() and is_alive(*entry.key):
            os.killpg(entry.pgid, signal.SIGSTOP)
    except OSError:  # it has just ended, or a member is another user's
        pass
    send_signal(entry, signal.SIGSTOP)


def kill(entries: Sequence[ProcessEntry]) -> None:
    """Kill every one of them."""
    for entry in entries:
        send_signal(entry, signal.SIGKILL)


def running_below(pid: int) -> list[ProcessEntry]:
    """Return all descendants that are no zombies."""
    return [entry for entry in descendants(pid) if entry.is_running]


def adopted_by(pid: int, *, outside: int | None = None) -> list[ProcessEntry]:
    """Return the direct children, zombies too, leaving out those of a session."""
    return [entry for entry in children(pid) if entry.sid != outside]


def marked(assignment: bytes) -> list[ProcessEntry]:
    """Return the processes that were started with `NAME=value`, but for this one.

    One that is just executing a program shows no environment for an instant: those
    without are looked at again.
    """
    others = [entry for entry in processes().values() if entry.pid != os.getpid()]
    found: list[ProcessEntry] = []
    for pause_s in _LOOKS_S:
        time.sleep(pause_s)
        shown = [(entry, environment(entry.pid)) for entry in others]
        found += [entry for entry, env in shown if assignment in env.split(b"\0")]
        others = [entry for entry, env in shown if not env]
    return found


def in_sessions(sids: Collection[int]) -> list[ProcessEntry]:
    """Return the members of the sessions."""
    return [entry for entry in processes().values() if entry.sid in sids]
