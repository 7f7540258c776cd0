"""Listening sockets that outlive the processes that serve them.

A process that is run by fork has its `bind` done here. The socket stays open over every
reload, so no connection is ever refused: it waits in the accept queue.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Collection


class Held(Struct):
    """One bound socket.

    Attributes:
        key: `family/host/port`, as the process asked for it.
        sock: The socket.
        process: Whose it is.
        is_left: Whether the process was given another port: old code may go on there,
            new code is not to inherit it.
    """

    key: str
    sock: socket.socket
    process: str
    is_left: bool = False

    @property
    def is_listening(self) -> bool:
        """Whether connections are queued: somebody has called `listen`."""
        return bool(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))

    @property
    def port(self) -> int:
        """The port's number."""
        return int(self.key.rpartition("/")[2])


class HeldSockets:
    """All held sockets of a stack."""

    def __init__(self, former: HeldSockets | None = None) -> None:
        """Hold none.

        Args:
            former: Those of older processes, whose successors are to have them too.
        """
        self._held: dict[str, Held] = {}
        self._former = former

    def get(self, process: str, key: str, *, v6only: bool = False) -> Held:
        """Return the socket of an address, bound now where it was not yet.

        Raises:
            OSError: The address cannot be had; another process may have it.
        """
        held = self._held.get(key)
        if held is not None:
            if held.process != process:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            held.is_left = False
            return held
        shared = None if self._former is None else self._former.share(process, key)
        held = Held(key, shared or _bind(key, v6only=v6only), process)
        self._held[key] = held
        return held

    def share(self, process: str, key: str) -> socket.socket | None:
        """Return another descriptor of a process's socket, if it has that address."""
        held = self._held.get(key)
        if held is None or held.process != process:
            return None
        # `socket.dup` has both block: the old process would, in its next `accept`.
        return socket.socket(fileno=os.dup(held.sock.fileno()))

    def take_over(self, processes: Collection[str], other: HeldSockets) -> HeldSockets:
        """Take another's sockets over; return those that some processes had here."""
        former = HeldSockets()
        for held in [h for h in self._held.values() if h.process in processes]:
            former._held[held.key] = self._held.pop(held.key)
        self._held |= other._held
        other._held = {}
        return former

    def of(self, process: str) -> list[Held]:
        """Return the sockets of a process."""
        return [held for held in self._held.values() if held.process == process]

    def to_inherit(self, process: str) -> list[Held]:
        """Return the sockets that new code of a process is to serve."""
        return [held for held in self.of(process) if not held.is_left]

    def move(self, process: str, old: int | None, new: int | None) -> None:
        """Know that a process has another port from its next start on."""
        for held in self.of(process):
            if held.port in (old, new):
                held.is_left = held.port != new

    def leave(self, process: str) -> None:
        """Close the sockets of the ports that a process had before."""
        kept = frozenset(held.key for held in self.to_inherit(process))
        self.release(process, keep=kept)

    def release(self, process: str, *, keep: frozenset[str] = frozenset()) -> None:
        """Close the sockets of a process, but for those whose keys are kept."""
        for held in self.of(process):
            if held.key not in keep:
                held.sock.close()
                del self._held[held.key]

    def shut(self, process: str) -> None:
        """Have a process's sockets refuse, in all processes that have copies."""
        for held in self.of(process):
            with contextlib.suppress(OSError):  # it never listened
                held.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close all."""
        for held in self._held.values():
            held.sock.close()
        self._held.clear()


def _bind(key: str, *, v6only: bool) -> socket.socket:
    family, host, port = key.split("/")
    sock = socket.socket(int(family), socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6only))
        sock.bind((host, int(port)))
    except OSError:
        sock.close()
        raise
    return sock
