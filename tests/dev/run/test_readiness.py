from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.processes import find_process
from sceneshift.dev.clock import Clock
from sceneshift.dev.guard.process import start_guard
from sceneshift.dev.guard.spawner import Spawner
from sceneshift.dev.model import CommandProbe, LogProbe, ProcessSpec, TcpProbe
from sceneshift.dev.output import ProcessStream, Ring, RotatingLog
from sceneshift.dev.run.readiness import wait_until_ready
from support import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sceneshift.dev.model import Probe
    from sceneshift.dev.output.lines import Sink

    Use = Callable[["Starting"], Awaitable[None]]
    Run = Callable[[Use], None]


class CountedStream(ProcessStream):
    """A stream that knows how many listen to it."""

    listeners = 0

    def add_sink(self, sink: Sink) -> None:
        """Count one more."""
        self.listeners += 1
        super().add_sink(sink)

    def remove_sink(self, sink: Sink) -> None:
        """Count one less."""
        self.listeners -= 1
        super().remove_sink(sink)


class Starting:
    """A process that is starting, and its output."""

    def __init__(self, folder: Path, spawner: Spawner) -> None:
        log = RotatingLog(folder / "web.log")
        self.stream = CountedStream("web", log=log, ring=Ring())
        self.folder = folder
        self.spawner = spawner
        self.clock = Clock()
        self.patience_s = 30.0

    def wait(
        self,
        probe: Probe | None,
        port: int | None = None,
        *,
        listens: bool = True,
        said: str = "",
    ) -> asyncio.Task[bool]:
        """Wait until it is ready."""
        spec = ProcessSpec(
            name="web",
            label="web.1",
            command="",
            cwd=self.folder,
            env={"PATH": os.environ["PATH"]},
            port=port,
            probe=probe,
        )
        waits = wait_until_ready(
            spec,
            self.stream,
            self.spawner,
            listens=listens,
            patience_s=self.patience_s,
            clock=self.clock,
            said=said,
        )
        return asyncio.ensure_future(waits)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return what runs a coroutine with a process that is starting."""

    async def with_spawner(use: Use) -> None:
        spawner = await Spawner.start(
            start_guard(f"readiness-{os.getpid()}"),
            loop=asyncio.get_running_loop(),
            on_guard_lost=lambda: None,
        )
        try:
            await use(Starting(tmp_path, spawner))
        finally:
            await spawner.close()

    return lambda use: asyncio.run(with_spawner(use))


def test_a_line_is_waited_for_and_then_no_more(run: Run) -> None:
    """Whatever comes before it; what stops waiting does not listen either."""

    async def use(it: Starting) -> None:
        waits = it.wait(LogProbe(pattern=r"ready \d"))
        given_up = it.wait(LogProbe(pattern="never"))
        await asyncio.sleep(0)
        assert it.stream.listeners == 2
        it.stream.source().feed(b"ready to go\n", 0.0)
        assert not waits.done()
        it.stream.source().feed(b"ready 1\nready 2\n", 0.0)
        await waits
        given_up.cancel()
        await asyncio.wait([given_up])
        assert it.stream.listeners == 0

    run(use)


@pytest.mark.parametrize(("port", "listens"), [(None, True), (1, False)])
def test_what_nothing_tells_of_is_ready_when_it_lives(
    run: Run,
    port: int | None,
    listens: bool,  # noqa: FBT001 - a column
) -> None:
    """Nobody listens on its port: asking there would take for ever."""

    async def use(it: Starting) -> None:
        await it.wait(None, port, listens=listens)

    run(use)


@pytest.mark.parametrize("probe", [None, TcpProbe()])
def test_what_listens_is_ready_when_it_accepts(run: Run, probe: Probe | None) -> None:
    """Not when it has bound."""

    async def use(it: Starting) -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            waits = it.wait(probe, sock.getsockname()[1])
            done, _ = await asyncio.wait([waits], timeout=0.2)
            assert not done
            sock.listen()
            await waits

    run(use)


def test_a_command_is_asked_until_it_succeeds(run: Run, tmp_path: Path) -> None:
    """In the process's folder and environment, and nobody sees what it writes."""

    async def use(it: Starting) -> None:
        command = "echo asked | tee -a log >&2; test -e up"
        waits = it.wait(CommandProbe(command=command))
        while not Path(tmp_path, "log").exists():  # noqa: ASYNC110, ASYNC240 - a file
            await asyncio.sleep(0.005)
        Path(tmp_path, "up").touch()  # noqa: ASYNC240
        await waits
        assert it.stream.ring.tail("web", 1) == []

    run(use)


def test_a_command_that_nobody_waits_for_is_ended(run: Run, tmp_path: Path) -> None:
    """With what it started: the process has ended meanwhile."""

    async def use(it: Starting) -> None:
        command = "trap '' TERM; sleep 300 & echo $! > pid; wait"
        waits = it.wait(CommandProbe(command=command))
        file = tmp_path / "pid"
        pid = 0
        while not pid:
            pid = int(file.read_text() or 0) if file.exists() else 0
            await asyncio.sleep(0.005)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
        wait_until(lambda: not _runs(pid))

    run(use)


def _runs(pid: int) -> bool:
    entry = find_process(pid)
    return entry is not None and entry.is_running


@pytest.mark.parametrize("listens", [True, False])
def test_who_stands_at_a_breakpoint_has_time(
    run: Run,
    listens: bool,  # noqa: FBT001 - a column
) -> None:
    """Neither is it taken to work, nor is it believed no more that it will listen."""

    async def use(it: Starting) -> None:
        it.patience_s = 0.0
        it.clock.stop()
        waits = it.wait(None, free_port(), listens=listens)
        for _ in range(10):  # of the loop: what is due at once has been
            await asyncio.sleep(0)
        assert not waits.done()
        it.clock.go()
        assert await waits is not listens

    run(use)


def test_the_line_may_come_when_its_wait_was_just_given_up(run: Run) -> None:
    """A process may print it and end at once; its output is kept."""

    async def use(it: Starting) -> None:
        waits = it.wait(LogProbe(pattern="ready"))
        await asyncio.sleep(0)
        waits.cancel()
        it.stream.source().feed(b"ready\n", 0.0)
        with pytest.raises(asyncio.CancelledError):
            await waits
        assert [line.text for line in it.stream.ring.tail("web", 1)] == ["ready"]

    run(use)


def test_the_line_may_have_come_before_its_wait(run: Run) -> None:
    """A quick program has written it when it is heard that it was started."""

    async def use(it: Starting) -> None:
        said = "starts\n\x1b[32mready\x1b[0m"
        assert await it.wait(LogProbe(pattern="ready"), said=said)
        assert it.stream.listeners == 0

    run(use)
