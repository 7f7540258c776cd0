"""The supervisor's end of the link, and the guard's words where nobody listens."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.dev.guard.frames import FrameReader, encode
from sceneshift.dev.guard.launch import LaunchError, _die_with
from sceneshift.dev.guard.link import Link
from sceneshift.dev.guard.main import Guard, _command

if TYPE_CHECKING:
    from collections.abc import Iterator


class Linked:
    """A link, what came over it, and the other end."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        self.messages: list[dict[str, Any]] = []
        self.ends = 0
        self.link = Link(
            ours,
            asyncio.get_running_loop(),
            on_message=self.messages.append,
            on_end=self._end,
        )

    def _end(self) -> None:
        self.ends += 1


@contextmanager
def linked() -> Iterator[Linked]:
    """Have a link; both ends are closed afterwards."""
    made = Linked()
    try:
        yield made
    finally:
        made.link.close()
        made.theirs.close()


def test_the_last_words_are_heard_and_the_end_is_told_once() -> None:
    """Though another process holds the other end open."""

    async def use() -> None:
        with linked() as it:
            it.theirs.sendall(encode({"n": 1}) + encode({"n": 2}))
            it.link.drain()
            it.link.drain()
            it.link.close()
            assert (it.messages, it.ends) == ([{"n": 1}, {"n": 2}], 1)

    asyncio.run(use())


def test_what_the_other_end_cannot_take_any_more_is_dropped() -> None:
    """That it is gone is told by reading."""

    async def use() -> None:
        with linked() as it:
            it.theirs.close()
            it.link.send({"n": 1}, [0])
            it.link.shut()
            while not it.ends:  # noqa: ASYNC110 - the loop is what is waited for
                await asyncio.sleep(0)
            it.link.send({"n": 2})
            it.link.shut()
            assert it.ends == 1

    asyncio.run(use())


def test_what_waits_when_it_is_closed_keeps_nothing_open() -> None:
    """Duplicates of descriptors wait with their message."""

    async def use() -> None:
        with linked() as it:
            before = os.listdir("/proc/self/fd")  # noqa: PTH208 - numbers
            it.link.send({"n": b"x" * 2_000_000})
            it.link.send({"n": 1}, [0, 0])
            assert len(os.listdir("/proc/self/fd")) == len(before) + 2  # noqa: PTH208
            it.link.close()
            assert len(os.listdir("/proc/self/fd")) == len(before) - 1  # noqa: PTH208

    asyncio.run(use())


def test_a_guard_says_its_words_to_nobody() -> None:
    """What goes wrong otherwise is a mistake of ours."""
    guard = Guard.__new__(Guard)
    ours, theirs = socket.socketpair()
    guard._link = ours
    guard._send({"n": 1})
    assert FrameReader().feed(theirs.recv(1000)) == [{"n": 1}]
    theirs.close()
    guard._send({"n": 2})
    ours.close()
    with pytest.raises(OSError, match="descriptor"):
        guard._send({"n": 3})


def test_descriptors_that_were_lost_on_the_way_are_an_error() -> None:
    """The guard's own limit of open files is too low to take them."""
    with pytest.raises(LaunchError) as caught:
        _command({"fds": [1, 2]}, [7])
    assert (caught.value.stage, caught.value.number) == ("setup", errno.EMFILE)


def test_what_is_started_by_a_guard_that_has_just_gone_ends() -> None:
    """Its end came before the kernel was asked to tell of it."""
    pid = os.fork()
    if pid == 0:  # pragma: no cover - another process
        _die_with(1 << 30)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 127
