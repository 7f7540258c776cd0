"""When a generation does what it is for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
from typing import TYPE_CHECKING

from sceneshift.dev.guard.stop import stop_session
from sceneshift.dev.model import LogProbe, TcpProbe
from sceneshift.dev.output import LineMatch
from sceneshift.dev.output.text import clean_block

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sceneshift.dev.clock import Clock
    from sceneshift.dev.guard.spawner import Spawner
    from sceneshift.dev.model import ProcessSpec
    from sceneshift.dev.output import ProcessStream
    from sceneshift.dev.probe import ProbeResult

# What has no probe and accepts no connections is taken to work when it has lived
# this long: the time in which a command that is misspelled or misconfigured dies.
ALIVE_S = 0.1


async def wait_until_ready(  # noqa: PLR0913 - what is known of a start
    spec: ProcessSpec,
    stream: ProcessStream,
    spawner: Spawner,
    *,
    listens: bool,
    patience_s: float,
    clock: Clock,
    said: str = "",
) -> bool:
    """Return when a process is ready; cancel it where the process ends.

    Args:
        spec: The process.
        stream: Its output.
        spawner: Starts a probe's command.
        listens: Whether it is known to accept connections on its port.
        patience_s: How long that is believed where no probe says so; a probe that
            waits longer has its answer told to people.
        clock: Its own, by which it has these times.
        said: What it has written until now.

    Returns:
        Whether it does; without a probe it is taken to work after a while if it does
        not.
    """
    probe = spec.probe
    if isinstance(probe, LogProbe):
        await _await_line(stream, probe.pattern, said)
        return True
    if probe is None and not (listens and spec.port is not None):
        await clock.sleep(ALIVE_S)
        return True

    async def run_command(
        argv: Sequence[str], *, env: Mapping[str, str], cwd: Path
    ) -> int:
        """Run a probe's command; its output is nobody's."""
        child = await spawner.spawn(argv, env=env, cwd=cwd, fds={})
        try:
            return os.waitstatus_to_exitcode(await asyncio.shield(child.exited))
        except asyncio.CancelledError:
            await stop_session(child, number=signal.SIGKILL, time_s=0.0)
            raise

    from sceneshift.dev.probe import ProbeTarget, wait_ready  # noqa: PLC0415 - seldom

    target = ProbeTarget(port=spec.port, env=spec.env, cwd=spec.cwd)
    limit_s = patience_s if probe is None else None
    with contextlib.suppress(TimeoutError):
        async with clock.limit(limit_s):
            await wait_ready(
                probe or TcpProbe(),
                target,
                run_command=run_command,
                on_result=_tell_late(stream, patience_s, clock),
                clock=clock,
            )
            return True
    return False


def _tell_late(
    stream: ProcessStream, patience_s: float, clock: Clock
) -> Callable[[ProbeResult], None]:
    """Return what says once what a probe is answered that has waited for long."""
    late_at = clock.time() + patience_s
    is_told = False

    def tell(result: ProbeResult) -> None:
        nonlocal is_told
        if not (is_told or result.ok) and clock.time() > late_at:
            is_told = True
            stream.note(f"not ready yet: {result.detail}", time.time())

    return tell


async def _await_line(stream: ProcessStream, pattern: str, said: str) -> None:
    found = asyncio.get_running_loop().create_future()

    def find(line: str) -> None:
        if not found.done():  # its wait may have been given up in this very moment
            found.set_result(line)

    match = LineMatch(stream.name, re.compile(pattern), find)
    # A quick program has said it before anybody could listen.
    match.take_block(stream.name, clean_block(said.encode() + b"\n"), time.time())
    stream.add_sink(match)
    try:
        await found
    finally:
        stream.remove_sink(match)
