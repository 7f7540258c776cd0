"""Lines to zygotes and agents that do not read at the moment."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

from sceneshift.core.channel import Channel
from sceneshift.dev.run.line import Line

if TYPE_CHECKING:
    from sceneshift.core.channel import Message

FILES = [f"/project/package/module_{number}.py" for number in range(20_000)]


def descriptors() -> int:
    """Return how many this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as many as there are


def test_what_is_not_read_yet_holds_nobody_up() -> None:
    """It arrives in order, with its descriptors, when the other side reads."""

    async def main() -> list[Message]:
        ours, theirs = socket.socketpair()
        line, other = Line(ours, asyncio.get_running_loop()), Channel(theirs)
        before = descriptors()
        line.send({"op": "warm", "files": FILES})
        line.send({"op": "warm", "files": FILES})
        with open(os.devnull) as null:  # noqa: ASYNC230, PTH123 - any descriptor
            line.send({"op": "fork"}, (null.fileno(),))
        received: list[Message] = []
        while len(received) < 3:
            messages = await asyncio.to_thread(other.receive_all)
            assert messages is not None
            for message, fds in messages:
                received.append(message)
                for fd in fds:
                    os.close(fd)
        line.send({"op": "last"})
        received += [message for message, _fds in other.receive_all() or []]
        assert descriptors() == before
        line.close()
        other.close()
        return received

    first, second, third, last = asyncio.run(main())
    assert first["files"] == second["files"] == FILES
    assert (third, last) == ({"op": "fork", "fds": 1}, {"op": "last"})


def test_what_nobody_will_read_is_dropped() -> None:
    """At the end of either side; no descriptor is left open."""

    async def main() -> None:
        before = descriptors()
        for is_theirs_first in (False, True):
            ours, theirs = socket.socketpair()
            line = Line(ours, asyncio.get_running_loop())
            line.send({"op": "warm", "files": FILES})
            line.send({"op": "fork"}, (0,))
            if is_theirs_first:
                theirs.close()
                while line._unsent:  # noqa: ASYNC110 - nobody tells of it
                    await asyncio.sleep(0)
            line.send({"op": "fork"}, (0,))
            line.close()
            theirs.close()
            line.send({"op": "fork"}, (0,))
        assert descriptors() == before

    asyncio.run(main())
