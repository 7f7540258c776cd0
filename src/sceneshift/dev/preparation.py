"""What has to be there before a process may start: its Node, its run-once step."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from sceneshift.core.invocation import find_package_folder
from sceneshift.dev.guard.stop import stop_session
from sceneshift.dev.setup import forget, plan_setup, run_setup

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.core.paths import StateFolder
    from sceneshift.dev.firstuse import FirstUse
    from sceneshift.dev.following import Following
    from sceneshift.dev.guard.child import Child
    from sceneshift.dev.guard.spawner import Spawner
    from sceneshift.dev.model import ProcessSpec
    from sceneshift.dev.services import ServiceUse
    from sceneshift.dev.supervisor import Supervisor

_STOP_S = 2.0
_HEAD = ".git/HEAD"


class Entrance(Protocol):
    """Where a step's output goes."""

    def feed(self, chunk: bytes, at: float) -> None:
        """Take what was read."""
        ...

    def close(self, at: float) -> None:
        """End the line that was left open."""
        ...


class Said(Protocol):
    """Where what is said of a process goes: its stream."""

    def note(self, text: str, at: float) -> None:
        """Say something about the process."""
        ...

    def source(self) -> Entrance:
        """Return the entrance for a step's output."""
        ...


class Preparation:
    """Prepares processes, several at once."""

    def __init__(
        self,
        spawner: Spawner,
        state: StateFolder,
        first_use: FirstUse | None = None,
        *,
        follower: str = "",
    ) -> None:
        self._spawner = spawner
        self._state = state
        self._first_use = first_use
        self._follower = follower
        self._use: ServiceUse | None = None
        self._following: Following | None = None
        self._moves = 0

    async def prepare(self, spec: ProcessSpec, stream: Said) -> ProcessSpec:
        """Return the process as it can be started.

        Raises:
            SceneshiftError: What it needs cannot be had.
        """

        def say(text: str) -> None:
            stream.note(text, time.time())

        if spec.services:
            await self._make_use().ensure(spec, say)
        if self._first_use is not None:
            await self._first_use.ensure(spec, say)
        if spec.follows:
            await self.follow(spec, say)
        spec = await self._with_node(spec, say)
        if spec.setup is None:
            return spec
        action = plan_setup(
            spec.setup,
            name=spec.name,
            cwd=spec.cwd,
            state=self._state,
            env=spec.env,
        )
        if action is None:
            return spec
        say(f"set-up: {spec.setup.run} ({action.reason})")
        source, moves = stream.source(), self._moves
        try:
            await run_setup(
                action,
                spawn=self._spawner.spawn,
                env=spec.env,
                output=lambda chunk: source.feed(chunk, time.time()),
                stop=_stop,
            )
            if self._following is not None:  # it may be at it in this moment
                await self._following.settle()
        finally:
            source.close(time.time())
            if self._moves != moves and action.databases:
                forget(action)  # it may have filled what is there no more
        return spec

    async def follow(self, spec: ProcessSpec, say: Callable[[str], None]) -> bool:
        """Have the databases be those of the branch of git; see `Following.ensure`."""
        from sceneshift.dev.following import Following  # noqa: PLC0415 - few do

        self._following = self._following or Following(
            self._follower, spawner=self._spawner, state=self._state
        )
        is_moved = await self._following.ensure(spec, say)
        self._moves += is_moved
        return is_moved

    async def follow_head(
        self, supervisor: Supervisor, say: Callable[[str], None]
    ) -> None:
        """Have databases follow, and then the processes that had another state.

        Args:
            supervisor: Runs them.
            say: Tells people something about the stack.
        """
        following = [each for each in supervisor.stack.processes if each.follows]
        if not following or not await self.follow(following[0], say):
            return
        for name in [*supervisor.machine.states]:
            supervisor.change(name, (_HEAD,), needs_setup=True)

    def _make_use(self) -> ServiceUse:
        from sceneshift.dev.services import ServiceUse  # noqa: PLC0415 - few have any

        self._use = self._use or ServiceUse()
        return self._use

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
            state=self._state,
            env=spec.env,
            spawn=self._spawner.spawn,
            say=say,
            stop=_stop,
        )
        runtime = await choose_node(folder, seams)
        path = runtime.extend_path(spec.env.get("PATH", os.defpath))
        return replace(spec, env={**spec.env, "PATH": path})


async def _stop(child: Child) -> None:
    await stop_session(child, time_s=_STOP_S)
