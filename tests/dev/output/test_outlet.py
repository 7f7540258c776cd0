from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.output.descriptor import (
    CarefulWriter,
    DirectWriter,
    PrivateWriter,
    SocketWriter,
    _reopen,
    open_writer,
)
from sceneshift.dev.output.outlet import Outlet
from support import wait_until

if TYPE_CHECKING:
    from pathlib import Path

Loop = asyncio.AbstractEventLoop


def make_outlet(fd: int, loop: Loop, limit_bytes: int = 100_000) -> Outlet:
    """Return an outlet that says `skipped N` of a gap."""
    return Outlet(
        fd,
        loop=loop,
        limit_bytes=limit_bytes,
        describe_gap=lambda lines: b"skipped %d\n" % lines,
    )


def turn(loop: Loop, seconds: float = 0.0) -> bool:
    """Let the loop come round; False, so that `turn() or condition` waits."""
    loop.run_until_complete(asyncio.sleep(seconds))
    return False


def read_all(fd: int) -> bytes:
    """Read to the end."""
    parts = []
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def is_blocking(fd: int) -> bool:
    """Whether the shared description waits in reads and writes."""
    return not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK


def test_each_kind_of_file_has_its_way_and_keeps_its_flags(tmp_path: Path) -> None:
    """The shared description of a terminal or pipe never becomes non-blocking."""
    master, slave = pty.openpty()
    reading, writing = os.pipe()
    left, right = socket.socketpair()
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    kinds = {
        slave: PrivateWriter,
        writing: PrivateWriter,
        left.fileno(): SocketWriter,
        file: DirectWriter,
    }
    for fd, kind in kinds.items():
        writer = open_writer(fd)
        assert type(writer) is kind
        assert writer.write([b"he", memoryview(b"llo")]) == 5
        writer.close()
        assert is_blocking(fd)
    assert os.read(reading, 9) == os.read(master, 9) == right.recv(9) == b"hello"
    for fd in (master, slave, reading, writing, file):
        os.close(fd)
    left.close()
    right.close()


def test_what_cannot_be_opened_anew_is_written_with_care() -> None:
    """Little at a time, and only where a reader has made room."""
    reading, writing = os.pipe()
    writer = _reopen("/nowhere", writing)
    assert type(writer) is CarefulWriter
    assert writer.write([b"x" * 10_000]) == 512
    fcntl.fcntl(writing, fcntl.F_SETFL, os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while os.write(writing, b"x" * 4096):
            pass
    fcntl.fcntl(writing, fcntl.F_SETFL, 0)
    with pytest.raises(BlockingIOError):
        writer.write([b"x"])
    writer.close()
    os.close(reading)
    os.close(writing)


def test_a_path_that_leads_elsewhere_is_not_taken(tmp_path: Path) -> None:
    """Only the very same file is opened anew."""
    (tmp_path / "other").touch()
    reading, writing = os.pipe()
    assert type(_reopen(str(tmp_path / "other"), writing)) is CarefulWriter
    os.close(reading)
    os.close(writing)


def test_entries_are_written_in_order_when_the_loop_comes_round(loop: Loop) -> None:
    """What is put in one round is written together."""
    reading, writing = os.pipe()
    outlet = make_outlet(writing, loop)
    outlet.put(b"a\n")
    outlet.put(memoryview(b"b\n"))
    turn(loop)
    assert os.read(reading, 9) == b"a\nb\n"
    assert outlet.pending == 0
    outlet.close()
    outlet.close()
    os.close(writing)
    assert read_all(reading) == b""
    os.close(reading)


def test_a_viewer_that_does_not_read_holds_up_no_one_and_sees_the_gap(
    loop: Loop,
) -> None:
    """Memory is bounded, whole lines go, and the viewer is told how many."""
    reading, writing = os.pipe()
    outlet = make_outlet(writing, loop)
    block = b"".join(b"line %04d\n" % n for n in range(1_000))
    shut = 0
    for _ in range(100):
        outlet.put(block)
        turn(loop)
        shut += outlet.gate.is_shut
        assert outlet.pending <= 2 * 100_000 + len(block)
    assert shut
    wait_until(lambda: turn(loop, 0.01) or not outlet.gate.is_shut)
    assert outlet.pending <= 50_000 + len(block)
    for _ in range(100):
        outlet.put(block)
        turn(loop)
        assert not outlet.gate.is_shut
    seen: list[bytes] = []
    reader = threading.Thread(target=lambda: seen.append(read_all(reading)))
    reader.start()
    wait_until(lambda: turn(loop, 0.01) or outlet.pending == 0)
    outlet.close()
    os.close(writing)
    reader.join()
    os.close(reading)
    lines = seen[0].splitlines()
    gaps = [int(line.split()[1]) for line in lines if line.startswith(b"skipped")]
    assert sum(gaps) == 200_000 - (len(lines) - len(gaps))
    assert {len(x) for x in lines if not x.startswith(b"skipped")} == {9}
    assert lines[-1] == b"line 0999"


def test_readers_wait_for_a_viewer_that_takes_much(loop: Loop) -> None:
    """The gate stays shut while the viewer shows that it is not slow."""
    reading, writing = os.pipe()
    outlet = make_outlet(writing, loop, limit_bytes=4_000_000)
    block = b"x" * 99 + b"\n"
    outlet.put(block * 10)
    while not outlet.gate.is_shut:
        outlet.put(block * 1_000)
        turn(loop)
    opened: list[int] = []
    outlet.gate.when_open(lambda: opened.append(outlet.pending))
    # Takes 1.2 MB a patience: more than enough not to be slow.
    start = time.monotonic()
    total = 0
    while not opened:
        if total <= (time.monotonic() - start) * 12_000_000:
            total += len(os.read(reading, 65536))
        turn(loop)
    assert opened[0] <= 2_000_000
    assert outlet._gap == 0
    os.close(reading)
    outlet.close(0)
    os.close(writing)


def test_a_viewer_that_went_away_is_lost_for_good(loop: Loop) -> None:
    """A pipe without a reader ends the writing, not the supervisor."""
    reading, writing = os.pipe()
    outlet = make_outlet(writing, loop)
    os.close(reading)
    outlet.put(b"a\n")
    turn(loop)
    assert outlet.is_lost
    outlet.put(b"b\n")
    assert outlet.pending == 0
    os.close(writing)


def test_a_viewer_lost_while_it_is_waited_for_opens_the_gate(loop: Loop) -> None:
    """No reader waits for someone who will not come."""
    reading, writing = os.pipe()
    outlet = make_outlet(writing, loop)
    while not outlet.gate.is_shut:
        outlet.put(b"x" * 9_999 + b"\n")
        turn(loop)
    os.close(reading)
    wait_until(lambda: turn(loop) or outlet.is_lost)
    assert not outlet.gate.is_shut
    os.close(writing)


def test_closing_gives_a_slow_viewer_its_time_and_no_more(loop: Loop) -> None:
    """What a viewer takes in that time it gets; then the end comes."""
    reading, writing = os.pipe()
    outlet = make_outlet(writing, loop, limit_bytes=1_000_000)
    outlet.put(b"x" * 299_999 + b"\n")
    seen: list[bytes] = []
    reader = threading.Thread(target=lambda: seen.append(read_all(reading)))
    reader.start()
    outlet.close()
    os.close(writing)
    reader.join()
    assert len(seen[0]) == 300_000
    os.close(reading)
    reading, writing = os.pipe()
    stuck = make_outlet(writing, loop, limit_bytes=1_000_000)
    stuck.put(b"x" * 300_000)
    stuck.close(0.01)
    assert stuck.is_lost
    os.close(reading)
    os.close(writing)
