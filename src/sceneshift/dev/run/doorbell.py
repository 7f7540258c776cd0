"""Giving open connections to a program that knows only how to accept new ones."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from sceneshift.dev.zygote.addresses import RINGER

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_LOOPBACK = "127.0.0.1"


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
        # By the port that rings for them, which nobody else has.
        self._waiting: dict[int, socket.socket] = {}
        self._rings: dict[int, socket.socket] = {}

    def offer(self, fd: int) -> None:
        """Take a connection, whose descriptor stays the caller's, and ring for it."""
        connection = socket.socket(fileno=os.dup(fd))
        try:
            ring = _ring(connection)
        except OSError:  # the client is gone, or it is at an address of IPv6 alone
            connection.close()
            return
        number = ring.getsockname()[1]
        self._waiting[number] = connection
        self._rings[number] = ring
        self._have_patience(number)

    def serve(self, is_awaited: Callable[[], bool]) -> None:
        """Be that of another runner, with all that waits."""
        self._is_awaited = is_awaited

    def take(self, number: int) -> socket.socket | None:
        """Return the connection that is rung for from a port; the caller closes it.

        None where it has been taken, or was given up.
        """
        return self._waiting.pop(number, None)

    def _have_patience(self, number: int) -> None:
        self._loop.call_later(self._patience_s, self._give_up, number)

    def _give_up(self, number: int) -> None:
        if number in self._waiting and self._is_awaited():
            self._have_patience(number)
            return
        for sockets in (self._rings, self._waiting):
            if number in sockets:
                sockets.pop(number).close()

    def close(self) -> None:
        """Close all that waits."""
        for each in (*self._waiting.values(), *self._rings.values()):
            each.close()
        self._waiting.clear()
        self._rings.clear()


def _ring(connection: socket.socket) -> socket.socket:
    """Connect to where a connection was accepted, from where nobody else does.

    Raises:
        OSError: There is no way there from here.
    """
    host, port, *_ = connection.getsockname()
    # A socket for both kinds of addresses has those of IPv4 so.
    host = host.removeprefix("::ffff:")
    ring = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        ring.setblocking(False)
        ring.bind((RINGER, 0))
        # What listens at one of IPv6 often does so at this one, too.
        _connect(ring, _LOOPBACK if ":" in host else host, port)
    except OSError:
        ring.close()
        raise
    return ring


def _connect(ring: socket.socket, host: str, port: int) -> None:
    """Connect without waiting; who is on this machine is heard to refuse at once."""
    error = ring.connect_ex((host, port))
    error = ring.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or error
    if error not in (0, errno.EINPROGRESS):
        raise OSError(error, os.strerror(error))
