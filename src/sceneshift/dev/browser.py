"""A browser for the page of a stack, with a port by which an editor debugs it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.program import find_executable
from sceneshift.dev.machine import Phase
from sceneshift.dev.run.choice import choose

if TYPE_CHECKING:
    from sceneshift.core.paths import StateFolder
    from sceneshift.dev.guard.spawner import Spawner
    from sceneshift.dev.model import ProcessSpec
    from sceneshift.dev.supervisor import Supervisor

# Of those that speak the DevTools protocol, the plain ones first.
_PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "microsoft-edge-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_FLAGS = ("--no-first-run", "--no-default-browser-check")


async def browse(
    supervisor: Supervisor, spawner: Spawner, state: StateFolder, *, is_headless: bool
) -> None:
    """Open a browser when the page that is debugged is ready; it ends with the stack.

    Args:
        supervisor: Runs the page's process.
        spawner: Starts the browser, and knows what is left of it.
        state: Has the browser's profile, which is no other's.
        is_headless: Whether it shows no window.

    Raises:
        SceneshiftError: There is no browser.
    """
    spec = _find_page(supervisor)
    while (page := supervisor.machine.states.get(spec.name)) is not None:
        if page.phase is Phase.READY:
            break
        await supervisor.wait_move()
    else:
        return  # its line has been taken out, or has another name
    address = spec.url
    assert address is not None
    words = [
        find_browser(spec),
        *_FLAGS,
        *(["--headless=new"] if is_headless else []),
        *(["--no-sandbox"] if os.geteuid() == 0 else []),  # it has none as root
        f"--remote-debugging-port={spec.debug_port}",
        f"--user-data-dir={state.make('browser')}",
        address,
    ]
    await spawner.spawn(words, env=spec.env, cwd=spec.cwd, fds={})
    text = f"{address} is in a browser, its debugger at 127.0.0.1:{spec.debug_port}"
    supervisor.streams[spec.name].note(text, time.time())


def _find_page(supervisor: Supervisor) -> ProcessSpec:
    """Return what is debugged in a browser: the one that is no Python program."""
    stack = supervisor.stack
    return next(
        spec
        for spec in stack.processes
        if spec.debug_port is not None and choose(spec, stack.root).program is None
    )


def find_browser(spec: ProcessSpec) -> str:
    """Return a browser of this machine.

    Raises:
        SceneshiftError: There is none.
    """
    found = (find_executable(name, spec.cwd, spec.env) for name in _PROGRAMS)
    path = next(filter(None, found), None)
    if path is None:
        raise SceneshiftError(
            "no browser was found to debug the page in",
            hint="install Chromium, Chrome or Edge, or open the page from the editor",
        )
    return path
