"""The supervisor's line to the agent inside of a generation."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.processes import children

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from sceneshift.core.channel import Channel, Message


class AgentLink:
    """Messages to and from one process of a generation.

    Attributes:
        pid: Of a fork; None for the generation's leader.
        serves: Whether it has taken connections, or is about to.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        channel: Channel,
        on_message: Callable[[AgentLink, Message, list[int]], None],
        *,
        pid: int | None = None,
    ) -> None:
        self.pid = pid
        self.serves = False
        self._loop = loop
        self._channel: Channel | None = channel
        self._on_message = on_message
        loop.add_reader(channel.fileno(), self._receive)

    def tell(self, message: Message, fds: tuple[int, ...] = ()) -> None:
        """Send a message; one that is gone is not told."""
        if self._channel is not None:
            self._channel.send(message, fds)

    @property
    def is_open(self) -> bool:
        """Whether somebody is at the other end, as far as is known."""
        return self._channel is not None

    def close(self) -> None:
        """Let the line go."""
        if self._channel is not None:
            self._loop.remove_reader(self._channel.fileno())
            self._channel.close()
            self._channel = None

    def _receive(self) -> None:
        assert self._channel is not None
        received = self._channel.receive_all()
        if received is None:
            self.close()
            self._on_message(self, {"event": "gone"}, [])
            return
        for message, fds in received:
            self._on_message(self, message, fds)


def signal_family(pid: int, number: int) -> None:
    """Send a signal to a process and its descendants, where they have a handler.

    A worker that was made by `exec` has none, and the signal would end it.
    """
    if _catches(pid, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    for child in children(pid):
        signal_family(child.pid, number)


def _catches(pid: int, number: int) -> bool:
    """Read from the kernel whether a process handles a signal (proc_pid_status(5))."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    for line in status.splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False
