"""From the bytes of a process's pipe to lines for everyone who wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.dev.output.text import (
    CUT_END,
    CUT_START,
    LONGEST_LINE,
    clean_block,
    complete_length,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sceneshift.dev.output.lines import Sink
    from sceneshift.dev.output.ring import Ring
    from sceneshift.dev.output.rotation import RotatingLog


class ProcessStream:
    """The output of one process, over all its restarts.

    Args:
        name: The process's name.
        log: Its file, which gets what the process wrote, byte for byte.
        ring: Its memory, which gets lines as they are shown.
        sinks: Who else gets lines as they are shown; `add_sink` adds more.
    """

    def __init__(
        self, name: str, *, log: RotatingLog, ring: Ring, sinks: Iterable[Sink] = ()
    ) -> None:
        self.name = name
        self.ring = ring
        self._log = log
        self._sinks = list(sinks)
        self._log_failed = False

    def source(self) -> Source:
        """Return the entrance for one pipe.

        In a reload two generations of a process may write at the same time; each
        has its own unfinished line.
        """
        return Source(self)

    def branch(self) -> ProcessStream:
        """Return a part of it, whose sinks get only what comes in by that part.

        In a switch two runners of one process write at the same time.
        """
        return _Branch(self)

    def close(self) -> None:
        """Close the file; a later line opens it again."""
        self._log.close()

    def note(self, text: str, at: float) -> None:
        """Add a line of the supervisor about the process."""
        self._log.note(text, at)
        self.ring.add(text.encode() + b"\n", at, is_note=True)
        for sink in self._sinks:
            sink.take_note(self.name, text, at)

    def add_sink(self, sink: Sink) -> None:
        """Send what comes from now on to one more."""
        self._sinks.append(sink)

    def remove_sink(self, sink: Sink) -> None:
        """Send nothing more there."""
        self._sinks.remove(sink)

    def write(self, raw: bytes, shown: bytes, at: float) -> None:
        """Send raw bytes to the file and whole lines to everyone else."""
        self._log.append(raw, at)
        if self._log.error is not None or self._log_failed:
            self._report_log(at)
        block = clean_block(shown)
        self.ring.add(block, at)
        # A sink may take itself off while it takes a block.
        for sink in tuple(self._sinks):
            sink.take_block(self.name, block, at)

    def _report_log(self, at: float) -> None:
        """Say once that the file cannot be written, and once that it can again."""
        error, failed_before = self._log.error, self._log_failed
        self._log_failed = error is not None
        if error is not None and not failed_before:
            self._tell(f"the log file cannot be written: {error.strerror}", at)
        if error is None:
            self._tell("the log file is written again", at)

    def _tell(self, text: str, at: float) -> None:
        for sink in self._sinks:
            sink.take_note(self.name, text, at)

    def show_partial(self, text: bytes, at: float) -> None:
        """Show a line as far as it is there."""
        for sink in self._sinks:
            sink.take_partial(self.name, text, at)

    def write_log(self, raw: bytes, at: float) -> None:
        """Write what was never more than a passing state of a line."""
        self._log.append(raw, at)


class _Branch(ProcessStream):
    """A part of a stream: passes everything on."""

    def __init__(self, trunk: ProcessStream) -> None:
        super().__init__(trunk.name, log=trunk._log, ring=trunk.ring)  # noqa: SLF001
        self._trunk = trunk

    def note(self, text: str, at: float) -> None:
        self._trunk.note(text, at)

    def write(self, raw: bytes, shown: bytes, at: float) -> None:
        self._trunk.write(raw, shown, at)
        if self._sinks:
            block = clean_block(shown)
            for sink in tuple(self._sinks):
                sink.take_block(self.name, block, at)

    def show_partial(self, text: bytes, at: float) -> None:
        self._trunk.show_partial(text, at)
        super().show_partial(text, at)

    def write_log(self, raw: bytes, at: float) -> None:
        self._trunk.write_log(raw, at)


class Source:
    """One pipe into a stream: it holds the line that has not ended."""

    def __init__(self, stream: ProcessStream) -> None:
        self._stream = stream
        self._partial = b""
        self._shown = b""
        self._is_cut = False

    @property
    def has_partial(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._partial)

    def feed(self, chunk: bytes, at: float) -> None:
        """Take what was read, at a time in seconds since 1970."""
        end = chunk.rfind(b"\n") + 1
        if not end:
            self._partial += chunk
        else:
            block = chunk[:end]
            if self._partial:
                block = self._partial + block
            self._partial = chunk[end:]
            self._send(block, at)
        if len(self._partial) > LONGEST_LINE:
            self._cut(at)

    def flush_partial(self, at: float) -> None:
        """Show the line as far as it is there, unless it is shown already."""
        partial = self._partial
        if partial and partial != self._shown:
            self._shown = partial
            whole = partial[: complete_length(partial)]
            text = clean_block(whole)
            self._stream.show_partial(self._start() + text, at)

    def close(self, at: float) -> None:
        """End the line that the process left open."""
        if self._partial or self._is_cut:
            raw = self._partial + b"\n"
            self._partial = b""
            self._send(raw, at)

    def _start(self) -> bytes:
        return CUT_START if self._is_cut else b""

    def _send(self, block: bytes, at: float) -> None:
        shown = self._start() + block
        self._is_cut = False
        self._shown = b""
        self._stream.write(block, shown, at)

    def _cut(self, at: float) -> None:
        """Send the begin of a line that is too long to wait for its end.

        Of a line that rewrites itself, what is overwritten is for the file alone.
        """
        partial = self._partial
        past = partial.rstrip(b"\r").rfind(b"\r") + 1
        if past and len(partial) - past <= LONGEST_LINE:
            self._partial = partial[past:]
            self._stream.write_log(partial[:past], at)
            return
        cut = complete_length(partial)
        self._partial = partial[cut:]
        shown = self._start() + partial[:cut] + CUT_END + b"\n"
        self._is_cut = True
        self._shown = b""
        self._stream.write(partial[:cut], shown, at)
