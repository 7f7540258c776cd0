"""Giving open connections to a program that knows only how to accept new ones."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

from sceneshift.dev.zygote.addresses import RINGER

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import TypeAlias

    Place: TypeAlias = tuple[str, int]


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
        self._waiting: dict[socket.socket, Place] = {}  # where they were accepted
        self._rings: set[socket.socket] = set()

    def offer(self, fd: int) -> None:
        """Take a connection, whose descriptor stays the caller's, and ring for it."""
        connection = socket.socket(fileno=os.dup(fd))
        try:
            place = _find_place(connection)
            ring = _ring(place)
        except OSError:  # the client is gone, or it is at an address of IPv6 alone
            connection.close()
            return
        self._waiting[connection] = place
        self._rings.add(ring)
        self._have_patience(connection, ring)

    def take(self, host: str, port: int) -> socket.socket | None:
        """Return a connection that waits at an address; the caller closes it.

        Others may wait at other addresses, where the program serves something else.
        """
        place = _unmap(host), port
        for connection, at in self._waiting.items():
            if at == place:
                del self._waiting[connection]
                return connection
        return None

    def _have_patience(self, connection: socket.socket, ring: socket.socket) -> None:
        self._loop.call_later(self._patience_s, self._give_up, connection, ring)

    def _give_up(self, connection: socket.socket, ring: socket.socket) -> None:
        if connection in self._waiting and self._is_awaited():
            self._have_patience(connection, ring)
            return
        self._rings.discard(ring)
        ring.close()
        if self._waiting.pop(connection, None) is not None:
            connection.close()

    def close(self) -> None:
        """Close all that waits."""
        for each in (*self._waiting, *self._rings):
            each.close()
        self._waiting.clear()
        self._rings.clear()


def _ring(place: Place) -> socket.socket:
    """Connect to a place, from where nobody else does.

    Raises:
        OSError: There is no way there from here.
    """
    ring = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        ring.setblocking(False)
        ring.bind((RINGER, 0))
        with contextlib.suppress(BlockingIOError):
            ring.connect(place)
    except OSError:
        ring.close()
        raise
    return ring


def _find_place(connection: socket.socket) -> Place:
    """Return where a connection was accepted."""
    host, port, *_ = connection.getsockname()
    return _unmap(host), port


def _unmap(host: str) -> str:
    """Return an address of IPv4 that a socket for both kinds has otherwise."""
    return host.removeprefix("::ffff:")
