"""Which connections of a process still wait for an answer, told by the kernel.

A server without a graceful end of its own must not be stopped in the middle of one.
What the bytes mean nobody here knows; but where the last of them came in, an answer is
still to come.
"""

from __future__ import annotations

import array
import fcntl
import os
import socket
import struct
import termios

from sceneshift.dev.zygote.descriptors import find_open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

# Python's own: gevent puts another in its place.
Socket = socket.socket
_TCP_INFO_BYTES = 192
_SENT, _RECEIVED = 44, 52  # tcpi_last_data_sent, tcpi_last_data_recv: ms ago
_UNACKED, _UNSENT = 24, 144  # tcpi_unacked, tcpi_notsent_bytes
_SEGMENTS_IN, _SEGMENTS_OUT = 152, 156  # tcpi_data_segs_in, tcpi_data_segs_out
_ESTABLISHED = 1
_YOUNG_MS = 500  # a client that has just connected is about to ask


def count_busy(ports: Collection[int], *, but: Collection[int] = ()) -> int:
    """Return how many connections to local ports have a request under way.

    Args:
        ports: The ports.
        but: Descriptors that are not looked at.
    """
    sockets = (fd for fd, target in find_open() if target.startswith("socket:"))
    return sum(_may_be_busy(fd, ports) for fd in sockets if fd not in but)


def _may_be_busy(fd: int, ports: Collection[int]) -> bool:
    try:
        with _copy(fd) as sock:
            return _is_connection(sock, ports) and _is_busy(sock)
    except OSError:
        return False  # a thread of the server has closed it meanwhile


def _copy(fd: int) -> socket.socket:
    """Return the same socket once more; raises OSError where it is none by now."""
    copied = os.dup(fd)
    try:
        return Socket(fileno=copied)
    except OSError:
        os.close(copied)
        raise


def _is_connection(sock: socket.socket, ports: Collection[int]) -> bool:
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    if sock.type != socket.SOCK_STREAM or sock.getsockname()[1] not in ports:
        return False
    return not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def _is_busy(sock: socket.socket) -> bool:
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    info = info.ljust(_TCP_INFO_BYTES, b"\0")  # an older kernel knows less
    unread = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.FIONREAD, unread)

    def field(offset: int) -> int:
        return int(struct.unpack_from("=I", info, offset)[0])

    if info[0] != _ESTABLISHED:
        return False
    if unread[0] or field(_UNACKED) or field(_UNSENT):
        return True
    if not field(_SEGMENTS_IN):
        return field(_RECEIVED) < _YOUNG_MS
    return not field(_SEGMENTS_OUT) or field(_RECEIVED) < field(_SENT)
