"""A browser for the page of a stack, with a port by which an editor debugs it."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING

from sceneshift.core.browsers import (
    find_browser,
    has_screen,
    list_flags,
    read_version,
)
from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.core.holders import find_holder
from sceneshift.core.ports import check_free
from sceneshift.dev.guard.stop import stop_session
from sceneshift.dev.machine import Phase
from sceneshift.dev.run.choice import choose

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.core.paths import StateFolder
    from sceneshift.dev.guard.child import Child
    from sceneshift.dev.guard.spawner import Spawner
    from sceneshift.dev.model import ProcessSpec
    from sceneshift.dev.supervisor import Supervisor

_LOOK_S = 0.1
_CONNECT_S = 1.0
_END_S = 5.0
_UP_S = 60.0  # a first start, on a machine that is busy with the stack's


class Browser:
    """A browser that ends with the stack; one is open at a time.

    Args:
        supervisor: Runs the page's process.
        spawner: Starts the browser, and knows what is left of it.
        state: Has the browser's profile, which is no other's.
    """

    def __init__(
        self, supervisor: Supervisor, spawner: Spawner, state: StateFolder
    ) -> None:
        self._supervisor = supervisor
        self._spawner = spawner
        self._state = state
        self._child: Child | None = None
        self._turn = asyncio.Lock()

    async def show(self, *, is_headless: bool) -> None:
        """Open the page that is debugged, when it is ready and all others may be.

        Where one of this project takes debuggers at its port already, that is left
        alone; one that was opened for another environment is ended.

        Args:
            is_headless: Whether it shows no window, as where there is no screen.

        Raises:
            SceneshiftError: There is no browser, it does not come up, or another
                program has its port.
            BusyError: No page is debugged.
        """
        async with self._turn:
            spec = _find_page(self._supervisor)
            if await self._wait_ready(spec):
                await self._open(spec, is_headless=is_headless)

    async def _wait_ready(self, spec: ProcessSpec) -> bool:
        """Return when the page is ready, and what it asks; False where it goes before.

        Of the others each may be that: none is to be on its way any more.
        """
        machine = self._supervisor.machine
        while (page := machine.states.get(spec.name)) is not None:
            if page.phase is Phase.READY and machine.is_settled:
                return True
            await self._supervisor.wait_move()
        return False  # its line has been taken out, or has another name

    async def _open(self, spec: ProcessSpec, *, is_headless: bool) -> None:
        assert spec.debug_port is not None
        root = self._supervisor.stack.root
        if await asyncio.to_thread(is_open, spec.debug_port, spec.name, root):
            return
        if self._child is not None:
            await stop_session(self._child, time_s=_END_S)
        flags = list_flags(
            port=spec.debug_port,
            profile=self._state.make("browser"),
            is_headless=is_headless or not has_screen(spec.env),
        )
        address = await asyncio.to_thread(find_address, spec)
        words = [get_program(spec), *flags, address]
        self._child = await self._spawner.spawn(
            words, env=spec.env, cwd=spec.cwd, fds={}
        )
        await wait_up(self._child, spec.debug_port)
        place = f"127.0.0.1:{spec.debug_port}"
        text = f"{address} is in a browser, its debugger at {place}"
        self._supervisor.streams[spec.name].note(text, time.time())


def _find_page(supervisor: Supervisor) -> ProcessSpec:
    """Return what is debugged in a browser: the one that is no Python program.

    Raises:
        BusyError: There is none.
    """
    stack = supervisor.stack
    for spec in stack.processes:
        if spec.debug_port is not None and choose(spec, stack.root).program is None:
            return spec
    raise BusyError(
        "a stack runs in this checkout already, and its page is debugged in no browser",
        hint="end it first: inv dev.stop",
    )


def is_open(port: int, process: str, root: Path) -> bool:
    """Tell whether a browser of this project takes debuggers.

    Another program is not asked: it may be a debugpy, which one connection in passing
    wedges.

    Raises:
        SceneshiftError: Another program listens there.
    """
    holder = find_holder(port, root=root)
    if holder is None or holder.is_ours:
        return read_version(port) is not None
    check_free({port: process}, root=root, is_debugger=True)
    return False  # that has ended meanwhile


def get_program(spec: ProcessSpec) -> str:
    """Return a browser of this machine.

    Raises:
        SceneshiftError: There is none.
    """
    found = find_browser(spec.cwd, spec.env)
    if found is None:
        raise SceneshiftError(
            "no browser was found to debug the page in",
            hint="install Chromium, Chrome or Edge, or open the page from the editor",
        )
    return found[0]


def find_address(spec: ProcessSpec) -> str:
    """Return the page's address; Node takes `localhost` for ::1 alone."""
    address = spec.url
    assert address is not None
    try:
        place = (spec.host, spec.port or 0)
        with closing(socket.create_connection(place, _CONNECT_S)):
            return address
    except OSError:
        return address.replace(f"://{spec.host}:", "://localhost:", 1)


async def wait_up(child: Child, port: int, limit_s: float = _UP_S) -> None:
    """Return when a browser takes debuggers.

    Raises:
        SceneshiftError: It ends, or does not do so in time.
    """
    deadline = time.monotonic() + limit_s
    while await asyncio.to_thread(read_version, port) is None:
        if child.returncode is not None:
            raise SceneshiftError(
                f"the browser that was opened has ended: exit code {child.returncode}",
                hint="see whether it starts by itself, or show no window: --headless",
            )
        if time.monotonic() > deadline:
            raise SceneshiftError(
                f"the browser's debugger does not listen at 127.0.0.1:{port}",
                hint="end the stack and start it again: inv dev.stop",
            )
        await asyncio.sleep(_LOOK_S)
