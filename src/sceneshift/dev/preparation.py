"""What has to be there before a process may start: its Node, its run-once step."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sceneshift.dev.guard.stop import stop_session
from sceneshift.dev.invocation import find_package_folder
from sceneshift.dev.setup import plan_setup, run_setup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sceneshift.core.paths import StateFolder
    from sceneshift.dev.guard.child import Child
    from sceneshift.dev.guard.spawner import Spawner
    from sceneshift.dev.model import ProcessSpec
    from sceneshift.dev.output import ProcessStream


@dataclass(frozen=True, slots=True)
class Started:
    """A command that is run to its end, as `oneshot` knows it.

    Attributes:
        child: The process.
        exited: Its exit code once it ended.
    """

    child: Child
    exited: asyncio.Future[int]

    @property
    def pid(self) -> int:
        """Its process id, which is its session's too."""
        return self.child.pid


class Preparation:
    """Prepares processes, several at once."""

    def __init__(self, spawner: Spawner, state: StateFolder) -> None:
        self._spawner = spawner
        self._state = state

    async def prepare(self, spec: ProcessSpec, stream: ProcessStream) -> ProcessSpec:
        """Return the process as it can be started.

        Raises:
            SceneshiftError: What it needs cannot be had.
        """

        def say(text: str) -> None:
            stream.note(text, time.time())

        spec = await self._with_node(spec, say)
        if spec.setup is None:
            return spec
        action = plan_setup(spec.setup, name=spec.name, cwd=spec.cwd, state=self._state)
        if action is None:
            return spec
        say(f"set-up: {spec.setup.run} ({action.reason})")
        source = stream.source()
        await run_setup(
            action,
            spawn=self._spawn,
            env=spec.env,
            output=lambda chunk: source.feed(chunk, time.time()),
            stop=self._stop,
        )
        source.close(time.time())
        return spec

    async def _with_node(
        self, spec: ProcessSpec, say: Callable[[str], None]
    ) -> ProcessSpec:
        """Put a Node first on the PATH where the process or its step needs one."""
        commands = [spec.command, *([spec.setup.run] if spec.setup else [])]
        folders = [find_package_folder(command, spec.cwd) for command in commands]
        folder = next(filter(None, folders), None)
        if folder is None:
            return spec
        from sceneshift.dev.node import NodeSeams, choose_node  # noqa: PLC0415 - seldom

        seams = NodeSeams(
            state=self._state, env=spec.env, spawn=self._spawn, say=say, stop=self._stop
        )
        runtime = await choose_node(folder, seams)
        path = runtime.extend_path(spec.env.get("PATH", os.defpath))
        return replace(spec, env={**spec.env, "PATH": path})

    async def _spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        fds: Mapping[int, int],
    ) -> Started:
        child = await self._spawner.spawn(argv, env=env, cwd=cwd, fds=fds)
        exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def pass_on(done: asyncio.Future[int]) -> None:
            if not exited.done() and not done.cancelled():
                exited.set_result(os.waitstatus_to_exitcode(done.result()))

        child.exited.add_done_callback(pass_on)
        return Started(child, exited)

    async def _stop(self, started: Started) -> None:
        await stop_session(started.child, time_s=2.0)
