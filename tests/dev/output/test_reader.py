from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.output.outlet import Gate
from sceneshift.dev.output.reader import PIPE_BYTES, PipeReader, enlarge_pipe
from sceneshift.dev.output.ring import Ring
from sceneshift.dev.output.rotation import RotatingLog
from sceneshift.dev.output.stream import ProcessStream
from support import wait_until

if TYPE_CHECKING:
    from pathlib import Path

Loop = asyncio.AbstractEventLoop


class Recorder:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.shown = b""
        self.blocks = 0
        self.partials: list[bytes] = []

    def take_block(self, name: str, block: bytes, at: float) -> None:  # noqa: ARG002
        """Remember lines."""
        self.shown += block
        self.blocks += 1

    def take_partial(self, name: str, text: bytes, at: float) -> None:  # noqa: ARG002
        """Remember an unfinished line."""
        self.partials.append(text)

    def take_note(self, name: str, text: str, at: float) -> None:
        """Take none."""
        raise AssertionError(name, text, at)


class Pipe:
    """A pipe, its reader, and what came out."""

    def __init__(
        self, folder: Path, loop: Loop, fds: tuple[int, int] | None = None
    ) -> None:
        reading, self.writing = fds or os.pipe()
        self.loop = loop
        self.gate = Gate()
        self.ended: list[int] = []
        self.recorder = Recorder()
        self.stream = ProcessStream(
            "web",
            log=RotatingLog(folder / "web.log"),
            ring=Ring(),
            sinks=[self.recorder],
        )
        self.reader = PipeReader(
            reading,
            self.stream.source(),
            loop=loop,
            gate=self.gate,
            on_end=lambda: self.ended.append(1),
        )

    def turn(self, seconds: float = 0.0) -> bool:
        """Let the loop come round; False, so that `turn() or condition` waits."""
        self.loop.run_until_complete(asyncio.sleep(seconds))
        return False

    def end(self) -> None:
        """Close both ends."""
        os.close(self.writing)
        wait_until(lambda: self.turn() or self.ended)


@pytest.fixture
def pipe(tmp_path: Path, loop: Loop) -> Pipe:
    """A pipe of a stream."""
    return Pipe(tmp_path, loop)


def test_what_is_written_is_fed_until_the_end(pipe: Pipe) -> None:
    """At the end the last line is ended, and the end is told once."""
    os.write(pipe.writing, b"a\nlast")
    pipe.end()
    pipe.reader.close()
    assert pipe.recorder.shown == b"a\nlast\n"
    assert pipe.reader.is_closed
    assert pipe.ended == [1]


def test_a_prompt_is_shown_after_a_moment(pipe: Pipe) -> None:
    """A line without a newline is not kept back."""
    os.write(pipe.writing, b"x\nname? ")
    wait_until(lambda: pipe.turn(0.01) or pipe.recorder.partials)
    assert pipe.recorder.partials == [b"name? "]
    pipe.end()


def test_a_line_that_ended_meanwhile_is_not_shown_in_part(pipe: Pipe) -> None:
    """The look at an unfinished line finds none."""
    os.write(pipe.writing, b"begin ")
    wait_until(lambda: pipe.turn() or pipe.reader._timer)
    os.write(pipe.writing, b"end\n")
    wait_until(lambda: pipe.turn(0.01) or pipe.reader._timer is None)
    assert pipe.recorder.shown == b"begin end\n"
    assert not pipe.recorder.partials
    pipe.end()


def test_a_progress_bar_is_shown_while_it_moves(pipe: Pipe) -> None:
    """Rewrites that never pause are shown all the same."""
    number = 0

    def write() -> bool:
        nonlocal number
        number += 1
        os.write(pipe.writing, b"\r%d%%" % number)
        pipe.turn(0.01)
        return len(pipe.recorder.partials) >= 2

    wait_until(write)
    pipe.end()


def test_a_line_that_ends_in_time_is_never_shown_in_part(pipe: Pipe) -> None:
    """Lines whose ends come with the next read are shown as lines only."""
    count = 0

    def write() -> bool:
        nonlocal count
        count += 1
        os.write(pipe.writing, b"end\nbegin " if count % 2 else b"middle ")
        pipe.turn(0.01)
        return count > 20

    os.write(pipe.writing, b"begin ")
    wait_until(write)
    os.write(pipe.writing, b"end\n")
    pipe.end()
    assert not pipe.recorder.partials


def test_nothing_is_read_while_the_gate_is_shut(pipe: Pipe) -> None:
    """Data stays in the pipe until the gate opens."""
    pipe.gate.shut()
    os.write(pipe.writing, b"a\n")
    for _ in range(5):
        pipe.turn()
    assert pipe.recorder.shown == b""
    pipe.gate.open()
    wait_until(lambda: pipe.turn() or pipe.recorder.shown)
    pipe.end()


def test_a_reader_closed_behind_a_shut_gate_stays_closed(pipe: Pipe) -> None:
    """The gate's opening does not wake the dead."""
    pipe.gate.shut()
    os.write(pipe.writing, b"a\n")
    for _ in range(5):
        pipe.turn()
    pipe.reader.close()
    pipe.gate.open()
    pipe.turn()
    assert pipe.ended == [1]
    os.close(pipe.writing)


def test_many_small_writes_are_gathered(pipe: Pipe) -> None:
    """A child that flushes every line does not wake the loop for each."""
    for number in range(400):
        os.write(pipe.writing, b"line %d\n" % number)
        pipe.turn()
    pipe.reader.close()
    os.close(pipe.writing)
    assert pipe.recorder.shown.count(b"\n") < 400 or pipe.recorder.blocks < 400


def test_drain_reads_what_is_there_and_no_more(pipe: Pipe) -> None:
    """After the death of a process its last words are read at once."""
    enlarge_pipe(pipe.writing)
    os.write(pipe.writing, b"x" * 60_000 + b"\n")
    pipe.reader.drain()
    assert len(pipe.recorder.shown) == 60_001
    os.close(pipe.writing)
    pipe.reader.drain()
    pipe.reader.drain()
    assert pipe.ended == [1]


def test_drain_ends_with_a_writer_that_does_not(tmp_path: Path, loop: Loop) -> None:
    """A grandchild that keeps the pipe full cannot hold the loop."""
    reading, writing = os.pipe()
    yes = subprocess.Popen(["yes"], stdout=writing)
    pipe = Pipe(tmp_path, loop, (reading, writing))
    wait_until(lambda: _waiting_bytes(reading) > 0)
    pipe.reader.drain()
    yes.kill()
    yes.wait()
    assert 0 < len(pipe.recorder.shown) <= PIPE_BYTES
    pipe.end()


def _waiting_bytes(fd: int) -> int:
    import termios  # noqa: PLC0415

    answer = fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0")
    return int.from_bytes(answer, sys.byteorder)


def test_a_pseudo_terminal_ends_like_a_pipe(tmp_path: Path, loop: Loop) -> None:
    """Its error at the end is no error."""
    pipe = Pipe(tmp_path, loop, pty.openpty())
    os.write(pipe.writing, b"hello\n")
    wait_until(lambda: pipe.turn() or pipe.recorder.shown)
    pipe.end()
    assert pipe.recorder.shown == b"hello\n"


def test_a_reader_needs_neither_gate_nor_callback(tmp_path: Path, loop: Loop) -> None:
    """Both are for those who want them."""
    reading, writing = os.pipe()
    log = RotatingLog(tmp_path / "web.log")
    stream = ProcessStream("web", log=log, ring=Ring())
    reader = PipeReader(reading, stream.source(), loop=loop)
    os.write(writing, b"a\n")
    os.close(writing)
    wait_until(
        lambda: loop.run_until_complete(asyncio.sleep(0)) or reader.is_closed,
    )
    assert [x.text for x in stream.ring.tail("web", 1)] == ["a"]


def test_a_pipe_is_enlarged_where_the_system_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only a pipe can be, and only on a system that knows how."""
    reading, writing = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        assert enlarge_pipe(reading)
        with tempfile.TemporaryFile() as file:
            assert not enlarge_pipe(file.fileno())
    monkeypatch.delattr(fcntl, "F_SETPIPE_SZ", raising=False)
    assert not enlarge_pipe(reading)
    os.close(reading)
    os.close(writing)
