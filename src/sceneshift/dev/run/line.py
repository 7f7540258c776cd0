"""The supervisor's end of a line to a zygote or an agent: it never waits."""

from __future__ import annotations

import array
import os
import socket
from collections import deque
from typing import TYPE_CHECKING

from sceneshift.core.channel import Channel, encode

if TYPE_CHECKING:
    import asyncio

    from sceneshift.core.channel import Message


class Line(Channel):
    """A channel that keeps what the other side has no room for.

    A zygote that imports reads nothing, and its buffer is soon full.
    """

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(sock)
        self._loop = loop
        self._unsent: deque[tuple[memoryview, tuple[int, ...]]] = deque()

    def send(self, message: Message, fds: tuple[int, ...] = ()) -> None:
        """Send a message, now or when there is room; one to nobody is dropped.

        The caller may close its descriptors at once.
        """
        if fds:
            message = {**message, "fds": len(fds)}
        is_first = not self._unsent
        self._unsent.append((memoryview(encode(message)), tuple(map(os.dup, fds))))
        if is_first and not self._send_unsent():
            self._loop.add_writer(self.fileno(), self._flush)

    def close(self) -> None:
        """Close this end; what was not sent is dropped."""
        if self._unsent:
            self._drop_unsent()
            self._loop.remove_writer(self.fileno())
        super().close()

    def _flush(self) -> None:
        if self._send_unsent():
            self._loop.remove_writer(self.fileno())

    def _send_unsent(self) -> bool:
        """Send what there is room for; say whether that was all."""
        while self._unsent:
            data, fds = self._unsent[0]
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
            try:
                sent = self.sock.sendmsg(
                    [data], rights if fds else [], socket.MSG_DONTWAIT
                )
            except BlockingIOError:
                return False
            except OSError:  # the other end is gone, which reading will tell
                self._drop_unsent()
                return True
            self._unsent[0] = (data[sent:], ())
            _close_all(fds)
            if sent == len(data):
                self._unsent.popleft()
        return True

    def _drop_unsent(self) -> None:
        while self._unsent:
            _close_all(self._unsent.popleft()[1])


def _close_all(fds: tuple[int, ...]) -> None:
    for fd in fds:
        os.close(fd)
