"""The supervisor's end of the link to its guard: frames out, frames in, no waiting."""

from __future__ import annotations

import os
import socket
from collections import deque
from typing import TYPE_CHECKING

from sceneshift.dev.guard.frames import FrameReader, encode

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from sceneshift.dev.guard.frames import Message

_CHUNK = 1 << 16


class Link:
    """A non-blocking stream of messages and descriptors.

    Args:
        end: Our end of the socket pair; the link owns it.
        loop: Calls the two functions.
        on_message: Gets every message.
        on_end: Called once, when the other end is closed.
    """

    def __init__(
        self,
        end: socket.socket,
        loop: asyncio.AbstractEventLoop,
        *,
        on_message: Callable[[Message], None],
        on_end: Callable[[], None],
    ) -> None:
        self._socket = end
        self._loop = loop
        self._on_message = on_message
        self._on_end = on_end
        self._reader = FrameReader()
        self._waiting: deque[tuple[memoryview, list[int]]] = deque()
        end.setblocking(False)
        loop.add_reader(end, self._receive)

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send a message, now or when there is room.

        The caller may close its descriptors at once: what cannot leave immediately
        is kept as duplicates.

        Raises:
            ValueError: The message is too long for a frame.
        """
        data = memoryview(encode(message))
        if not self._waiting:
            data, fds = self._write(data, fds)
        if data:
            self._waiting.append((data, [os.dup(fd) for fd in fds]))
            self._loop.add_writer(self._socket, self._flush)

    def shut(self) -> None:
        """Say that nothing more will be sent; messages still come in."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:  # the other end was faster
            return

    def drain(self) -> None:
        """Take in what is there and end, though another process may hold it open."""
        while self._receive():
            pass
        self._end()

    def close(self) -> None:
        """Close our end; calling it again does nothing."""
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        while self._waiting:
            _close_all(self._waiting.popleft()[1])

    def _write(
        self, data: memoryview, fds: Sequence[int]
    ) -> tuple[memoryview, Sequence[int]]:
        """Write what there is room for and return what is left.

        The descriptors go with the first byte.
        """
        try:
            sent = socket.send_fds(self._socket, [data], list(fds))
        except BlockingIOError:
            return data, fds
        except OSError:  # the other end is gone, which reading will tell
            return memoryview(b""), ()
        return data[sent:], ()

    def _flush(self) -> None:
        """Write what has waited."""
        while self._waiting:
            data, fds = self._waiting.popleft()
            rest, kept = self._write(data, fds)
            if not kept:
                _close_all(fds)
            if rest:
                self._waiting.appendleft((rest, fds if kept else []))
                return
        self._loop.remove_writer(self._socket)

    def _receive(self) -> bool:
        """Take in what has arrived; return whether there may be more."""
        try:
            chunk = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        for message in self._reader.feed(chunk):
            self._on_message(message)
        if not chunk:
            self._end()
        return bool(chunk)

    def _end(self) -> None:
        """Close, and say so the first time."""
        if self._socket.fileno() >= 0:
            self.close()
            self._on_end()


def _close_all(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)
