"""Runners of the product with a real guard, and what they tell."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from sceneshift.core.processes import has_variable, list_pids
from sceneshift.dev.guard.process import start_guard
from sceneshift.dev.guard.spawner import Spawner
from sceneshift.dev.model import ProcessSpec
from sceneshift.dev.output import Gate, ProcessStream, Ring, RotatingLog
from sceneshift.dev.program import PythonProgram
from sceneshift.dev.run.base import Ground
from sceneshift.dev.run.fork import ForkRunner
from sceneshift.dev.run.held import HeldSockets
from sceneshift.dev.run.shell import ShellRunner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sceneshift.dev.run.base import Runner

    Use = Callable[["Stage"], Awaitable[None]]


class Told:
    """Remembers what runners tell."""

    def __init__(self) -> None:
        self.ready: list[int] = []
        self.ended: list[tuple[int, int]] = []

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

    def handle_debugger(self, *_said: object, **_more: object) -> None:
        """Nor on this."""


class Stage:
    """A runner of either kind, and what it starts."""

    def __init__(self, kind: str, folder: Path, spawner: Spawner) -> None:
        self.told = Told()
        self.folder = folder
        self.mark = f"EARLY={folder.name}"
        env = {"PATH": os.environ["PATH"], "EARLY": folder.name}
        (folder / "app.py").write_text("import time\nprint(1)\ntime.sleep(300)\n")
        spec = ProcessSpec(
            name="web",
            label="web.1",
            command="echo 1; exec sleep 300",
            cwd=folder,
            env=env,
            listens=False,
        )
        log = RotatingLog(folder / "web.log")
        ground = Ground(
            loop=asyncio.get_running_loop(),
            spawner=spawner,
            held=HeldSockets(),
            listener=self.told,
            gate=Gate(),
            state=folder,
            root=folder,
        )
        stream = ProcessStream("web", log=log, ring=Ring())
        if kind == "shell":
            self.runner: Runner = ShellRunner(spec, stream, ground, reason="")
            return
        program = PythonProgram(
            interpreter=sys.executable,
            kind="module",
            target="app",
            cwd=folder,
            env=env,
            argv=(),
        )
        cold = "asked" if kind == "cold" else None
        self.runner = ForkRunner(spec, stream, ground, program, cold_reason=cold)

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


def run_staged(kind: str, folder: Path, use: Use) -> None:
    """Run a coroutine with a runner: of the shell, by fork, or cold."""

    async def with_runner() -> None:
        spawner = await Spawner.start(
            start_guard(f"staged-{os.getpid()}"),
            loop=asyncio.get_running_loop(),
            on_guard_lost=lambda: None,
        )
        stage = Stage(kind, folder, spawner)
        try:
            await use(stage)
        finally:
            await stage.runner.close()
            await spawner.close()

    asyncio.run(with_runner())
