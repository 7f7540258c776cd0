"""A command that is run to its end, for its exit code and its output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_CHUNK = 65_536
# What a pipe holds at most after its last writer is gone: 1 MiB on Linux, and only
# where somebody raised it.
_LAST_READS = 16


class Child(Protocol):
    """A process that was started, the leader of its own session."""

    @property
    def pid(self) -> int:
        """Its process id, which is its session's too."""
        ...

    @property
    def exited(self) -> asyncio.Future[int]:
        """Its raw wait status once it ended."""
        ...


class Spawn(Protocol):
    """What starts every child."""

    async def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        fds: Mapping[int, int],
    ) -> Child:
        """Start `argv` in a session of its own.

        Args:
            argv: The program, found by the PATH of `env`, and its arguments.
            env: The whole environment.
            cwd: Where it runs.
            fds: The child's descriptor numbers, each with ours that it gets.
        """
        ...


class Stop(Protocol):
    """What ends a child and all of its session."""

    # `Any`: a spawner returns more than a `Child`, and its own stop needs that.
    async def __call__(self, child: Any, /) -> None:
        """Return when it is gone."""
        ...


async def kill_session(child: Child) -> None:
    """Kill the process group that `child` leads, and wait for the leader."""
    if not child.exited.done():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    await asyncio.shield(child.exited)


async def run_to_end(  # noqa: PLR0913 - each is a seam or a fact of the child
    argv: Sequence[str],
    *,
    spawn: Spawn,
    env: Mapping[str, str],
    cwd: Path,
    output: Callable[[bytes], None] | None = None,
    stop: Stop = kill_session,
) -> int:
    """Run `argv` to its end; return its exit code, negative for what killed it.

    Its standard input is empty. A grandchild that outlives it and still holds its
    output is not waited for. A cancelled call stops the child before it returns.

    Args:
        argv: The program and its arguments.
        spawn: What starts the child.
        env: Its whole environment.
        cwd: Where it runs.
        output: Takes what it writes to standard output and error, as it comes.
        stop: What ends it where the call is cancelled.
    """
    loop = asyncio.get_running_loop()
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    try:
        child = await _start(argv, spawn=spawn, env=env, cwd=cwd, writer=writer)
        loop.add_reader(reader, _pass_on, loop, reader, output)
        return await _wait(child, stop)
    finally:
        loop.remove_reader(reader)
        for _ in range(_LAST_READS):
            if not _read(reader, output):
                break
        os.close(reader)


async def _start(
    argv: Sequence[str],
    *,
    spawn: Spawn,
    env: Mapping[str, str],
    cwd: Path,
    writer: int,
) -> Child:
    """Start the child with `writer` as its output, and close our end of that."""
    empty = os.open(os.devnull, os.O_RDONLY)
    try:
        fds = {0: empty, 1: writer, 2: writer}
        return await spawn(argv, env=env, cwd=cwd, fds=fds)
    finally:
        os.close(empty)
        os.close(writer)


async def _wait(child: Child, stop: Stop) -> int:
    """Wait for the end of `child`, and bring it about where nobody waits any more."""
    try:
        # Shielded: cancelling this call must not cancel the child's own future.
        return os.waitstatus_to_exitcode(await asyncio.shield(child.exited))
    except asyncio.CancelledError:
        await stop(child)
        raise


def _pass_on(
    loop: asyncio.AbstractEventLoop, reader: int, output: Callable[[bytes], None] | None
) -> None:
    """Hand on what came; stop listening at the end, which would be seen for ever."""
    if not _read(reader, output):
        loop.remove_reader(reader)


def _read(reader: int, output: Callable[[bytes], None] | None) -> bool:
    """Hand on one chunk; False where there is none."""
    try:
        chunk = os.read(reader, _CHUNK)
    except BlockingIOError:
        return False
    if chunk and output is not None:
        output(chunk)
    return bool(chunk)
