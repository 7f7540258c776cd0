"""A queue before a viewer: batches for a fast one, gaps for a slow one."""

from __future__ import annotations

import select
import time
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from sceneshift.dev.output.descriptor import open_writer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_MOST_BUFFERS = 64
# A viewer that takes 2 MB/s or more (a terminal, a file, `tee`; not a pager) gets
# every line, and readers go at its pace. A slower one gets gaps, and holds up a child
# for half a second in 5 s at most: a terminal on a busy machine may get no processor
# for that long.
_PATIENCE_S = 0.5
_PATIENCE_BYTES = 1_000_000
_PAUSE_BETWEEN_S = 5.0


class Gate:
    """Tells readers to leave data in their pipes for a moment."""

    def __init__(self) -> None:
        self.is_shut = False
        self._waiting: list[Callable[[], None]] = []

    def when_open(self, callback: Callable[[], None]) -> None:
        """Call back once, when the gate opens."""
        self._waiting.append(callback)

    def shut(self) -> None:
        """Ask readers to wait."""
        self.is_shut = True

    def open(self) -> None:
        """Let readers go on."""
        self.is_shut = False
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()


class Outlet:
    """Write entries of whole lines to one file descriptor, never waiting for it.

    Args:
        fd: The descriptor; it stays open and keeps its flags.
        loop: The event loop.
        limit_bytes: What is kept for a viewer that does not keep up; beyond it the
            oldest lines are dropped.
        describe_gap: Makes the line that stands for so many dropped ones.
        on_lost: Called once when the viewer has gone.
    """

    def __init__(
        self,
        fd: int,
        *,
        loop: asyncio.AbstractEventLoop,
        limit_bytes: int = 4 * 1024 * 1024,
        describe_gap: Callable[[int], bytes],
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_lost = on_lost
        self.gate = Gate()
        self.pending = 0
        self.is_lost = False
        self._loop = loop
        self._limit = limit_bytes
        self._describe_gap = describe_gap
        self._writer = open_writer(fd)
        self._queue: deque[bytes | memoryview] = deque()
        self._is_scheduled = False
        self._is_waiting = False
        self._gap = 0
        self._marker = b""
        self._patient_from = 0.0
        self._written = 0
        self._impatience: asyncio.TimerHandle | None = None

    def put(self, entry: bytes | memoryview) -> None:
        """Queue whole lines; they are written when the loop comes round."""
        if self.is_lost:
            return
        self._queue.append(entry)
        self.pending += len(entry)
        if self.pending > self._limit and self._is_waiting:
            self._handle_full()
        if not self._is_scheduled and not self._is_waiting:
            self._is_scheduled = True
            self._loop.call_soon(self._flush)

    def close(self, grace_s: float = 1.0) -> None:
        """Write what is queued, for so many seconds at most, and let go."""
        deadline = time.monotonic() + grace_s
        self._write_queue()
        while self._queue and (left := deadline - time.monotonic()) > 0:
            poll = select.poll()
            poll.register(self._writer.fd, select.POLLOUT)
            poll.poll(left * 1000)
            self._write_queue()
        self._let_go()

    def _flush(self) -> None:
        self._is_scheduled = False
        self._write_queue()
        if self._queue and not self._is_waiting:
            self._is_waiting = True
            self._loop.add_writer(self._writer.fd, self._flush)
        elif not self._queue and self._is_waiting:
            self._is_waiting = False
            self._loop.remove_writer(self._writer.fd)
        if self.gate.is_shut and self.pending <= self._limit // 2:
            self._open_gate()

    def _write_queue(self) -> None:
        """Write until nothing is left or nothing more is taken."""
        try:
            while self._queue:
                batch = list(islice(self._queue, _MOST_BUFFERS))
                self._advance(self._writer.write(batch))
        except BlockingIOError:
            pass
        except OSError:
            # The terminal is closed or the pipe has no reader: nobody is left to
            # tell, and the logs go on.
            self._let_go()
            self._loop.call_soon(self._on_lost)

    def _advance(self, written: int) -> None:
        """Forget what was written."""
        self.pending -= written
        self._written += written
        while self._queue and written >= len(self._queue[0]):
            written -= len(self._queue.popleft())
        if written:
            self._queue[0] = memoryview(self._queue[0])[written:]

    def _handle_full(self) -> None:
        """Hold the readers for a moment where that may help, else drop lines."""
        if self.gate.is_shut and self.pending <= 2 * self._limit:
            return
        if not self.gate.is_shut and time.monotonic() >= self._patient_from:
            self.gate.shut()
            self._be_patient()
            return
        self._drop_oldest()

    def _be_patient(self) -> None:
        """Give the viewer a moment to show that it is not slow."""
        written = self._written
        self._impatience = self._loop.call_later(
            _PATIENCE_S, lambda: self._judge(self._written - written)
        )

    def _judge(self, written: int) -> None:
        """Go on waiting for a viewer that took so many bytes, or drop lines."""
        if written >= _PATIENCE_BYTES:
            self._be_patient()
            return
        self._patient_from = time.monotonic() + _PAUSE_BETWEEN_S
        self._drop_oldest()
        self._open_gate()

    def _open_gate(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None
        self.gate.open()

    def _drop_oldest(self) -> None:
        """Drop whole entries behind the first, which may be written in part.

        One line stands for all of them, however often it comes to this.
        """
        first = self._queue.popleft()
        if self._queue and self._queue[0] is self._marker:
            self.pending -= len(self._queue.popleft())
        else:
            self._gap = 0
        while self._queue and self.pending > self._limit // 2:
            entry = self._queue.popleft()
            self.pending -= len(entry)
            self._gap += bytes(entry).count(b"\n")
        self._marker = self._describe_gap(self._gap)
        self.pending += len(self._marker)
        self._queue.extendleft((self._marker, first))

    def _let_go(self) -> None:
        """Stop writing for good."""
        if self.is_lost:
            return
        self.is_lost = True
        self._queue.clear()
        self.pending = 0
        if self._is_waiting:
            self._is_waiting = False
            self._loop.remove_writer(self._writer.fd)
        self._open_gate()
        self._writer.close()
