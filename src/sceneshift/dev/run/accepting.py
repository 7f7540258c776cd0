"""Whether a process accepts connections, told by the kernel.

For servers that call `listen` outside of Python: the socket's inode shows up in an
epoll set of theirs (proc_pid_fdinfo(5), `tfd: … ino:`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
from typing import TYPE_CHECKING

from sceneshift.core.processes import children

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sceneshift.dev.run.generation import Generation

_LOOKS_S = (0.05, 0.1, 0.1, 0.25)
_TARGET = re.compile(r"^tfd:.* ino:([0-9a-f]+)", re.MULTILINE)


async def wait_accepting(generation: Generation, inodes: Collection[int]) -> None:
    """Return when a generation accepts connections, or has said so itself."""
    for pause_s in itertools.chain(_LOOKS_S, itertools.repeat(_LOOKS_S[-1])):
        await asyncio.sleep(pause_s)
        pid = generation.pid
        if generation.is_listening or (pid is not None and is_accepting(pid, inodes)):
            return


def is_accepting(pid: int, inodes: Collection[int]) -> bool:
    """Say whether a process or a descendant of it waits for events of a socket.

    Args:
        pid: The process.
        inodes: Of the sockets.
    """
    wanted = {f"{inode:x}" for inode in inodes}
    return any(not wanted.isdisjoint(_watched(each)) for each in _family(pid))


def _family(pid: int) -> Iterator[int]:
    yield pid
    for child in children(pid):
        yield from _family(child.pid)


def _watched(pid: int) -> set[str]:
    """Return the inodes in all epoll sets of a process, hexadecimal."""
    found: set[str] = set()
    with contextlib.suppress(OSError):  # gone, or another user's
        for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - numbers, not paths
            with contextlib.suppress(OSError):
                found |= _watched_by(pid, name)
    return found


def _watched_by(pid: int, fd: str) -> set[str]:
    if os.readlink(f"/proc/{pid}/fd/{fd}") != "anon_inode:[eventpoll]":  # noqa: PTH115
        return set()
    with open(f"/proc/{pid}/fdinfo/{fd}") as info:  # noqa: PTH123
        return set(_TARGET.findall(info.read()))
