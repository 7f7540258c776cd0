"""Giving open connections to a program that knows only how to accept new ones."""

from __future__ import annotations

import contextlib
import os
import socket
from collections import deque
from typing import TYPE_CHECKING

from sceneshift.dev.zygote.addresses import RINGER

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Doorbell:
    """Rings where a process accepts, once for each connection that it is to have.

    Whoever accepts a ring asks for one of them, so that several workers share them as
    they share new ones.

    Args:
        loop: The event loop.
        is_awaited: Whether somebody is about to accept, new code for one.
        patience_s: After that, what nobody takes is closed: its client connects anew.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        is_awaited: Callable[[], bool],
        *,
        patience_s: float = 2.0,
    ) -> None:
        self._loop = loop
        self._is_awaited = is_awaited
        self._patience_s = patience_s
        self._waiting: deque[socket.socket] = deque()
        self._rings: set[socket.socket] = set()

    def offer(self, fd: int) -> None:
        """Take a connection, whose descriptor stays the caller's, and ring for it."""
        connection = socket.socket(fileno=os.dup(fd))
        try:
            ring = _ring(connection)
        except OSError:  # the client is gone, or it is at an address of IPv6 alone
            connection.close()
            return
        self._waiting.append(connection)
        self._rings.add(ring)
        self._have_patience(connection, ring)

    def serve(self, is_awaited: Callable[[], bool]) -> None:
        """Be that of another runner, with all that waits."""
        self._is_awaited = is_awaited

    def take(self) -> socket.socket | None:
        """Return a connection that waits, if there is one; the caller closes it."""
        return self._waiting.popleft() if self._waiting else None

    def _have_patience(self, connection: socket.socket, ring: socket.socket) -> None:
        self._loop.call_later(self._patience_s, self._give_up, connection, ring)

    def _give_up(self, connection: socket.socket, ring: socket.socket) -> None:
        if connection in self._waiting and self._is_awaited():
            self._have_patience(connection, ring)
            return
        self._rings.discard(ring)
        ring.close()
        with contextlib.suppress(ValueError):
            self._waiting.remove(connection)
            connection.close()

    def close(self) -> None:
        """Close all that waits."""
        for each in (*self._waiting, *self._rings):
            each.close()
        self._waiting.clear()
        self._rings.clear()


def _ring(connection: socket.socket) -> socket.socket:
    """Connect to where a connection was accepted, from where nobody else does.

    Raises:
        OSError: There is no way there from here.
    """
    host, port, *_ = connection.getsockname()
    ring = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        ring.setblocking(False)
        ring.bind((RINGER, 0))
        # A socket for both kinds of addresses has those of IPv4 so.
        with contextlib.suppress(BlockingIOError):
            ring.connect((host.removeprefix("::ffff:"), port))
    except OSError:
        ring.close()
        raise
    return ring
