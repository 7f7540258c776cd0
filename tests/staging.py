"""Runners of the product with a real guard, and what they tell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING

from sceneshift.core.processes import has_variable, list_pids
from sceneshift.core.program import PythonProgram
from sceneshift.dev.guard.process import start_guard
from sceneshift.dev.guard.spawner import Spawner
from sceneshift.dev.model import ProcessSpec
from sceneshift.dev.output import Gate, ProcessStream, Ring, RotatingLog
from sceneshift.dev.run.base import Ground
from sceneshift.dev.run.fork import ForkRunner
from sceneshift.dev.run.held import HeldSockets
from sceneshift.dev.run.shell import ShellRunner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from sceneshift.dev.run.base import Listener, Runner
    from sceneshift.dev.run.generation import Generation

    Use = Callable[["Stage"], Awaitable[None]]


class Told:
    """Remembers what runners tell."""

    def __init__(self) -> None:
        self.ready: list[int] = []
        self.ended: list[tuple[int, int]] = []
        self.stops: list[bool] = []

    def handle_ready(self, _process: str, token: int) -> None:
        """Remember it."""
        self.ready.append(token)

    def handle_checked(self, _process: str, token: int) -> None:
        """Remember it as well."""
        self.ready.append(token)

    def handle_exited(self, _process: str, token: int, code: int, _said: str) -> None:
        """Remember it."""
        self.ended.append((token, code))

    def handle_use(self, *_said: object) -> None:
        """Nothing depends on it here."""

    def handle_mute(self, _process: str) -> None:
        """Nor on this."""

    def handle_debugger(self, _process: str, _token: int, *, waiting: bool) -> None:
        """Remember whether somebody stops."""
        self.stops.append(waiting)


def write_web(folder: Path) -> ProcessSpec:
    """Return a process that says a word and stays, by a shell or in Python."""
    (folder / "app.py").write_text("import time\nprint(1)\ntime.sleep(300)\n")
    return ProcessSpec(
        name="web",
        label="web.1",
        command="echo 1; exec sleep 300",
        cwd=folder,
        env={"PATH": os.environ["PATH"], "EARLY": folder.name},
        listens=False,
    )


def make_stream(folder: Path) -> ProcessStream:
    """Return where its output goes."""
    return ProcessStream("web", log=RotatingLog(folder / "web.log"), ring=Ring())


def make_ground(
    folder: Path,
    spawner: Spawner,
    listener: Listener,
    held: HeldSockets,
    patience_s: float = 10.0,
) -> Ground:
    """Return what its runners share."""
    return Ground(
        loop=asyncio.get_running_loop(),
        spawner=spawner,
        held=held,
        listener=listener,
        gate=Gate(),
        state=folder,
        root=folder,
        patience_s=patience_s,
    )


def make_runner(
    kind: str, spec: ProcessSpec, stream: ProcessStream, ground: Ground
) -> Runner:
    """Return a runner: of the shell, by fork, or cold."""
    if kind == "shell":
        return ShellRunner(spec, stream, ground, reason="it has a pipe")
    program = PythonProgram(
        interpreter=sys.executable,
        kind="module",
        target="app",
        cwd=spec.cwd,
        env=spec.env,
        argv=(),
    )
    cold = "asked" if kind == "cold" else None
    return ForkRunner(spec, stream, ground, program, cold_reason=cold)


class Stage:
    """A runner of either kind, and what it starts."""

    def __init__(self, kind: str, folder: Path, spawner: Spawner) -> None:
        self.told = Told()
        self.spawner = spawner
        self.mark = f"EARLY={folder.name}"
        ground = make_ground(folder, spawner, self.told, HeldSockets())
        self.runner = make_runner(kind, write_web(folder), make_stream(folder), ground)

    async def until(self, predicate: Callable[[], object]) -> None:
        """Wait, while the loop runs."""
        async with asyncio.timeout(30):
            while not predicate():  # noqa: ASYNC110 - it looks at processes
                await asyncio.sleep(0.005)

    def running(self) -> list[int]:
        """Return what has been started for it and runs, but for zygotes."""
        mark = self.mark.encode()
        found = [pid for pid in list_pids() if has_variable(pid, mark)]
        return [pid for pid in found if b"web.1" not in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return b""


def tell_of_stop(
    generation: Generation | None, *, waiting: bool, place: str = "app.py:3"
) -> None:
    """Have a generation's own process say that it stands at a breakpoint, or not."""
    assert generation is not None
    assert generation.link is not None
    file, _, line = place.partition(":")
    message = {"event": "debugger", "waiting": waiting, "file": file, "line": line}
    generation.link._on_message(generation.link, message, [])


@contextlib.asynccontextmanager
async def open_spawner() -> AsyncIterator[Spawner]:
    """Have a guard, and nothing of what it has started afterwards."""
    spawner = await Spawner.start(
        start_guard(f"staged-{os.getpid()}"),
        loop=asyncio.get_running_loop(),
        on_guard_lost=lambda: None,
    )
    try:
        yield spawner
    finally:
        await spawner.close()


def run_staged(kind: str, folder: Path, use: Use) -> None:
    """Run a coroutine with a runner: of the shell, by fork, or cold."""

    async def with_runner() -> None:
        async with open_spawner() as spawner:
            stage = Stage(kind, folder, spawner)
            try:
                await use(stage)
            finally:
                await stage.runner.close()

    asyncio.run(with_runner())
