"""Writing to someone else's file descriptor without ever waiting for a reader.

`O_NONBLOCK` belongs to the open file description, which a terminal's shell or the
other end of a pipeline shares: set there, it breaks their reads and outlives us.
So each kind of file gets its own way.
"""

from __future__ import annotations

import os
import select
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    Buffers = Sequence[bytes | memoryview]

# A pipe or terminal that select calls writable takes this much without blocking
# (PIPE_BUF is at least 512 everywhere).
_SAFE_BYTES = 512


class Writer(Protocol):
    """Where bytes go."""

    fd: int
    """What to wait for when nothing more is taken."""

    def write(self, buffers: Buffers) -> int:
        """Write what is taken at once; raise BlockingIOError where that is nothing."""
        ...

    def close(self) -> None:
        """Give back what was opened; the caller's descriptor stays open."""
        ...


class DirectWriter:
    """For regular files and devices, which have no reader to wait for."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def write(self, buffers: Buffers) -> int:
        """Write."""
        return os.writev(self.fd, buffers)

    def close(self) -> None:
        """Leave the caller's descriptor open."""


class PrivateWriter(DirectWriter):
    """For terminals and pipes that could be opened once more, without blocking."""

    def close(self) -> None:
        """Close the private descriptor."""
        os.close(self.fd)


class SocketWriter:
    """For sockets, where each call can say that it must not wait."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=os.dup(fd))
        self.fd = self._socket.fileno()

    def write(self, buffers: Buffers) -> int:
        """Write what the socket takes."""
        return self._socket.sendmsg(buffers, (), socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Close the duplicate."""
        self._socket.close()


class CarefulWriter:
    """For what can only be shared: ask before every small write."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def write(self, buffers: Buffers) -> int:
        """Write a little if a reader has made room."""
        poll = select.poll()
        poll.register(self.fd, select.POLLOUT)
        if not poll.poll(0):
            raise BlockingIOError
        return os.write(self.fd, memoryview(buffers[0])[:_SAFE_BYTES])

    def close(self) -> None:
        """Leave the caller's descriptor open."""


def open_writer(fd: int) -> Writer:
    """Return the best writer for a descriptor."""
    mode = os.fstat(fd).st_mode
    if stat.S_ISSOCK(mode):
        return SocketWriter(fd)
    if os.isatty(fd):
        return _reopen(os.ttyname(fd), fd)
    if stat.S_ISFIFO(mode):
        # Linux alone opens the pipe anew here; macOS's /dev/fd shares it.
        return _reopen(f"/proc/self/fd/{fd}", fd)
    return DirectWriter(fd)


def _reopen(path: str, fd: int) -> Writer:
    """Open the file again for ourselves, or make do with the shared descriptor."""
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with suppress(OSError):
        if os.path.samestat(Path(path).stat(), os.fstat(fd)):
            return PrivateWriter(os.open(path, flags))
    return CarefulWriter(fd)
