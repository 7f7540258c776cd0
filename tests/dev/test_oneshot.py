"""A command that is run to its end."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.oneshot import kill_session, run_to_end
from spawning import PlainSpawner
from support import until, wait_until

if TYPE_CHECKING:
    from pathlib import Path

ENV = {"PATH": os.environ["PATH"]}


def run(command: str, cwd: Path, chunks: list[bytes] | None = None) -> int:
    """Run a shell command to its end."""
    output = None if chunks is None else chunks.append
    argv = ("/bin/sh", "-c", command)
    return asyncio.run(
        run_to_end(argv, spawn=PlainSpawner(), env=ENV, cwd=cwd, output=output)
    )


def test_returns_the_exit_code(tmp_path: Path) -> None:
    """The exit code is the child's own."""
    assert run("exit 7", tmp_path) == 7


def test_hands_on_both_outputs(tmp_path: Path) -> None:
    """Standard output and standard error come through one pipe, in order."""
    chunks: list[bytes] = []
    assert run("echo one; echo two >&2; pwd", tmp_path, chunks) == 0
    assert b"".join(chunks).decode().split() == ["one", "two", str(tmp_path)]


def test_hands_on_more_than_a_pipe_holds(tmp_path: Path) -> None:
    """A child that writes a lot is read while it runs."""
    chunks: list[bytes] = []
    assert run("head -c 3000000 /dev/zero", tmp_path, chunks) == 0
    assert sum(map(len, chunks)) == 3_000_000


def test_drops_output_that_nobody_wants(tmp_path: Path) -> None:
    """Without a taker the output is read all the same, so the child goes on."""
    assert run("head -c 300000 /dev/zero", tmp_path) == 0


def test_standard_input_is_empty(tmp_path: Path) -> None:
    """A command that asks gets the end of file, and no terminal."""
    assert run("read answer", tmp_path) == 1


def test_a_child_that_closed_its_output_is_waited_for(tmp_path: Path) -> None:
    """The end of the output is not the end of the child."""
    assert run("exec >&- 2>&-; sleep 0.05; exit 3", tmp_path) == 3


def test_a_grandchild_that_holds_the_output_is_not_waited_for(tmp_path: Path) -> None:
    """A daemon that a command left behind does not hold it up."""
    chunks: list[bytes] = []
    assert run("sleep 600 & echo $!", tmp_path, chunks) == 0
    os.kill(int(b"".join(chunks)), 9)


def test_a_cancelled_call_ends_the_child_first(tmp_path: Path) -> None:
    """Who cancels finds the child gone."""
    spawner = PlainSpawner()

    async def cancel() -> None:
        run = run_to_end(
            ("/bin/sh", "-c", "trap '' TERM; touch up; sleep 600"),
            spawn=spawner,
            env=ENV,
            cwd=tmp_path,
        )
        task = asyncio.create_task(run)
        await until((tmp_path / "up").exists)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert spawner.children[0].exited.result() == signal.SIGKILL

    asyncio.run(cancel())


def test_a_child_that_is_gone_is_not_killed(tmp_path: Path) -> None:
    """The number of a child that ended may be another's by now."""

    async def kill_late() -> int:
        fd = os.open(os.devnull, os.O_RDWR)
        child = await PlainSpawner()(
            ("true",), env=ENV, cwd=tmp_path, fds={0: fd, 1: fd, 2: fd}
        )
        os.close(fd)
        await child.exited
        await kill_session(child)
        return child.exited.result()

    assert asyncio.run(kill_late()) == 0


def test_a_command_that_cannot_start_leaks_nothing(tmp_path: Path) -> None:
    """The spawner's error comes through, and no descriptor stays open."""

    def count() -> int:
        return len(os.listdir("/dev/fd"))  # noqa: PTH208 - names are enough

    before = count()
    with pytest.raises(FileNotFoundError):
        asyncio.run(
            run_to_end(("no-such-one",), spawn=PlainSpawner(), env=ENV, cwd=tmp_path)
        )
    assert wait_until(lambda: count() == before)


def test_a_grandchild_that_writes_for_ever_is_not_read_for_ever(
    tmp_path: Path,
) -> None:
    """What is left in the pipe is read, up to a limit."""
    chunks: list[bytes] = []
    assert run("yes & echo $! > pid; sleep 0.05", tmp_path, chunks) == 0
    os.kill(int((tmp_path / "pid").read_text()), 9)
    assert chunks[-1].endswith((b"y\n", b"y"))
