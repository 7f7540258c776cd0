"""Reading a process's pipe in the event loop."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from sceneshift.dev.output.outlet import Gate

PIPE_BYTES = 1024 * 1024
READ_BYTES = 64 * 1024
"""At most so much of one pipe before the others have their turn.

More is slower: 64 KiB and what is made of them stay in the processor's cache.
"""

PARTIAL_AFTER_S = 0.1

# A child that flushes every line would wake the loop for each of them. After a
# few small reads in a row the rest is left to gather in the pipe for a moment, which a
# pipe of 1 MiB takes without holding up anyone.
_SMALL_BYTES = 16 * 1024
_SMALL_READS = 8
_GATHER_S = 0.004


class Inlet(Protocol):
    """What takes the bytes of one pipe: a `Source`, or what stands before one."""

    @property
    def has_partial(self) -> bool:
        """Whether a line has begun and not ended."""
        ...

    def feed(self, chunk: bytes, at: float) -> None:
        """Take what was read, at a time in seconds since 1970."""
        ...

    def flush_partial(self, at: float) -> None:
        """Show the line as far as it is there."""
        ...

    def close(self, at: float) -> None:
        """End the line that was left open."""
        ...


class PipeReader:
    """Feed a source from a file descriptor until its end.

    Args:
        fd: A pipe's reading end or a pseudo-terminal's master, which now belongs
            to the reader.
        source: What gets the bytes.
        loop: The event loop.
        gate: Where given, nothing is read while it is shut.
        on_end: Called once, when every writer has closed its end.
    """

    def __init__(
        self,
        fd: int,
        source: Inlet,
        *,
        loop: asyncio.AbstractEventLoop,
        gate: Gate | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self.fd = fd
        self._source = source
        self._loop = loop
        self._gate = gate
        self._on_end = on_end
        self._can_gather = enlarge_pipe(fd)
        self._small_reads = 0
        self._last_read = 0.0
        self._partial_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._gathering: asyncio.TimerHandle | None = None
        os.set_blocking(fd, False)
        loop.add_reader(fd, self._handle_readable)

    @property
    def is_closed(self) -> bool:
        """Whether the end has come."""
        return self.fd < 0

    def drain(self) -> None:
        """Read what is in the pipe now, as after the process's death.

        A grandchild may keep the pipe open and full; so this ends after as much as
        a pipe holds.
        """
        for _ in range(PIPE_BYTES // READ_BYTES):
            if self.is_closed or not self._read():
                return

    def close(self) -> None:
        """Read no more, and end the last line."""
        if self.is_closed:
            return
        for handle in (self._timer, self._gathering):
            if handle is not None:
                handle.cancel()
        self._loop.remove_reader(self.fd)
        os.close(self.fd)
        self.fd = -1
        self._source.close(time.time())
        if self._on_end is not None:
            self._on_end()

    def _handle_readable(self) -> None:
        if self._gate is not None and self._gate.is_shut:
            self._loop.remove_reader(self.fd)
            self._gate.when_open(self._resume)
        else:
            self._read()

    def _resume(self) -> None:
        self._gathering = None
        if not self.is_closed:
            self._loop.add_reader(self.fd, self._handle_readable)

    def _read(self) -> int:
        """Read once; return how many bytes came."""
        try:
            chunk = os.read(self.fd, READ_BYTES)
        except BlockingIOError:
            return 0
        except OSError:
            chunk = b""  # EIO: the last user of a pseudo-terminal has closed it
        if not chunk:
            self.close()
            return 0
        self._source.feed(chunk, time.time())
        self._watch_partial(chunk)
        if self._can_gather:
            self._gather(len(chunk))
        return len(chunk)

    def _gather(self, size: int) -> None:
        """Look away for a moment where many small writes come in a row."""
        now = self._loop.time()
        is_burst = size < _SMALL_BYTES and now - self._last_read < _GATHER_S * 2
        self._last_read = now
        self._small_reads = self._small_reads + 1 if is_burst else 0
        if self._small_reads >= _SMALL_READS and self._gathering is None:
            self._loop.remove_reader(self.fd)
            self._gathering = self._loop.call_later(_GATHER_S, self._resume)

    def _watch_partial(self, chunk: bytes) -> None:
        """See to it that a line which does not end is shown all the same."""
        if not self._source.has_partial:
            return
        now = self._loop.time()
        if self._partial_since == 0.0 or b"\n" in chunk:
            self._partial_since = now
        if self._timer is None:
            self._timer = self._loop.call_later(PARTIAL_AFTER_S, self._show_partial)

    def _show_partial(self) -> None:
        self._timer = None
        if not self._source.has_partial:
            return
        left = self._partial_since + PARTIAL_AFTER_S - self._loop.time()
        if left > 0.001:
            self._timer = self._loop.call_later(left, self._show_partial)
        else:
            self._source.flush_partial(time.time())


def enlarge_pipe(fd: int) -> bool:
    """Make a pipe hold 1 MiB where the system lets us; return whether it does."""
    set_size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if set_size is None:
        return False
    with suppress(OSError):
        return fcntl.fcntl(fd, set_size, PIPE_BYTES) >= PIPE_BYTES
    return False
