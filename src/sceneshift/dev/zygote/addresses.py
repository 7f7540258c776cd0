"""The addresses whose sockets outlive a program."""

from __future__ import annotations

import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PORTS = range(1, 65536)

RINGER = "127.83.67.83"
"""From where the supervisor rings: all of 127/8 is this machine, and nobody else is so
called. A server that accepts from there asks for a connection that is meant by it."""


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
