"""A supervisor of the product with real runners of one process, and a real guard."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from sceneshift.dev import machine as m
from sceneshift.dev.model import StackSpec
from sceneshift.dev.output import Streams
from sceneshift.dev.routing import Router
from sceneshift.dev.run.held import HeldSockets
from sceneshift.dev.supervisor import Supervisor
from sceneshift.dev.watch import digest
from staging import (
    make_ground,
    make_runner,
    make_stream,
    open_spawner,
    tell_of_stop,
    write_web,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sceneshift.dev.guard.spawner import Spawner
    from sceneshift.dev.machine import ProcessState
    from sceneshift.dev.run.base import Runner

    Use = Callable[["Supervised"], Awaitable[None]]

# Accepts connections, and never answers.
LISTENING = """\
import os, socket, time
sock = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
time.sleep(300)
"""


def connect(port: int) -> int:
    """Return the error of connecting to a port; 0 where somebody listens."""
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.0.0.1", port))


class Supervised:
    """The process `web` of a stack, from its start on.

    Args:
        kind: How it is run: `shell`, `fork` or `cold`.
        folder: The project.
        spawner: Starts it.
        patience_s: How long it is believed to accept connections.
        spec: What it has other than usual.
    """

    def __init__(
        self,
        kind: str,
        folder: Path,
        spawner: Spawner,
        *,
        patience_s: float = 10.0,
        **spec: object,
    ) -> None:
        self.spec = replace(write_web(folder), **spec)
        self._stream = make_stream(folder)
        self.held = HeldSockets()
        router = Router(folder, digest)
        router.add("web")
        self.supervisor = Supervisor(
            StackSpec(root=folder, environment="development", processes=(self.spec,)),
            loop=asyncio.get_running_loop(),
            streams=Streams([self._stream]),
            router=router,
            held=self.held,
            begin=self._begin,
        )
        self.is_prepared_at_once = True
        self._ground = make_ground(
            folder, spawner, self.supervisor, self.held, patience_s
        )
        self.supervisor.runners["web"] = self.runner(kind)

    async def close(self) -> None:
        """Leave nothing open."""
        await self.supervisor.close()
        self.held.close()
        self._stream.close()

    def runner(self, kind: str) -> Runner:
        """Return a runner of the process."""
        return make_runner(kind, self.spec, self._stream, self._ground)

    @property
    def state(self) -> ProcessState:
        """How far the process is."""
        return self.supervisor.machine.states["web"]

    def said(self) -> list[str]:
        """Return the lines of its output, and what is said about it."""
        return [line.text for line in self._stream.ring.tail("web", 100)]

    def _begin(self, _name: str) -> None:
        if self.is_prepared_at_once:
            asyncio.get_running_loop().call_soon(self.end_setup)

    def end_setup(self) -> None:
        """Have its run-once step end well."""
        self.supervisor.feed(m.SetupEnded(name="web", is_ok=True))

    async def until(self, predicate: Callable[[], object]) -> None:
        """Wait until something holds after an event."""
        async with asyncio.timeout(30):
            while not predicate():
                await self.supervisor.wait_move()

    async def until_idle(self, predicate: Callable[[], object]) -> None:
        """Wait until something holds that no event tells."""
        async with asyncio.timeout(30):
            while not predicate():  # noqa: ASYNC110 - it looks outside of the loop
                await asyncio.sleep(0.001)

    async def until_started(self) -> None:
        """Wait until its first generation has a process, and is not ready yet."""
        await self.until_phase(m.Phase.STARTING)
        await self.until_idle(self._has_process)

    def is_linked(self, token: int | None) -> bool:
        """Tell whether a generation has an agent."""
        generation = self.supervisor.generation_of("web", token)
        return generation is not None and generation.link is not None

    def _has_process(self) -> bool:
        generation = self.supervisor.generation_of("web", self.state.current)
        return generation is not None and generation.pid is not None

    async def until_phase(self, phase: m.Phase) -> None:
        """Wait until the process is so far."""
        await self.until(lambda: self.state.phase is phase)


def stand(it: Supervised, token: int | None, place: str = "app.py:3") -> None:
    """Have a generation stand at a breakpoint."""
    tell_of_stop(it.supervisor.generation_of("web", token), waiting=True, place=place)


def run_supervised(kind: str, folder: Path, use: Use, **options: Any) -> None:
    """Run a coroutine with a process that is about to be started."""

    async def with_supervisor() -> None:
        async with open_spawner() as spawner:
            supervised = Supervised(kind, folder, spawner, **options)
            try:
                supervised.supervisor.feed(m.Began())
                await use(supervised)
            finally:
                await supervised.close()

    asyncio.run(with_supervisor())
