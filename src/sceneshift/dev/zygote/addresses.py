"""The addresses whose sockets outlive a program."""

from __future__ import annotations

import os
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PORTS = range(1, 65536)

RINGER = "127.83.67.83"
"""From where the supervisor rings: all of 127/8 is this machine, and nobody else is so
called. A server that accepts from there asks for a connection that is meant by it."""


_TRIES = 8


def key_of(sock: Any, address: Any) -> str | None:
    """Return `family/host/port` of a TCP address that is given in numbers."""
    if sock.type != socket.SOCK_STREAM or not isinstance(address, tuple):
        return None
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    if address[1] not in _PORTS:
        return None  # any free one, or what only `bind` itself can refuse
    host = address[0] or "0.0.0.0"  # noqa: S104 - what an empty host means to bind
    return f"{int(sock.family)}/{host}/{address[1]}"


def is_ringer(address: Any) -> bool:
    """Say whether the supervisor rings from an address, by IPv4 or as IPv6 has that."""
    return isinstance(address, tuple) and address[0] in {RINGER, f"::ffff:{RINGER}"}


def listen_aside(sock: socket.socket, port: int = 0) -> None:
    """Listen in a program's stead, out of others' way.

    A free port of 127.0.0.1 would be one that another program may be about to take.

    Args:
        sock: A socket that is not bound, of IPv4 or IPv6.
        port: The program's own, kept where that is possible; 0 for any.
    """
    import _socket  # the real one, which no agent hears of

    prefix = "::ffff:" if sock.family == socket.AF_INET6 else ""
    loopback = "::1" if sock.family == socket.AF_INET6 else "127.0.0.1"
    places = [(f"{prefix}{_find_corner()}", each) for each in (*[port] * _TRIES, 0)]
    for place in (*places, (loopback, 0)):
        try:
            _socket.socket.bind(sock, place)
        except OSError:  # the program's is that of all addresses, or there is no 127/8
            continue
        break
    _socket.socket.listen(sock, 1)


def _find_corner() -> str:
    """Return an address of 127/8 that hardly anybody has; macOS has but one."""
    first, second = os.urandom(2)
    return f"127.84.{first}.{second}"
