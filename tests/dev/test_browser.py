"""A browser for a page: what becomes of the wait for it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from sceneshift.core.browsers import has_screen, read_version
from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.core.marks import ROOT_VARIABLE
from sceneshift.core.paths import StateFolder
from sceneshift.core.ports import is_free
from sceneshift.dev import machine as m
from sceneshift.dev.browser import (
    Browser,
    find_address,
    get_program,
    is_open,
    wait_up,
)
from sceneshift.dev.model import ProcessSpec
from staging import open_spawner
from supervising import run_supervised
from support import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from supervising import Supervised


def make_page(folder: Path, port: int) -> ProcessSpec:
    """Return a page on a machine without programs."""
    env = {"PATH": "/nowhere"}
    return ProcessSpec(
        name="page",
        label="page.1",
        command="",
        cwd=folder,
        env=env,
        port=port,
        open="/",
    )


def test_a_page_that_is_taken_out_before_it_is_ready_has_none(tmp_path: Path) -> None:
    """As where its line of the Procfile gets another name: the others run on."""

    async def use(it: Supervised) -> None:
        async with open_spawner() as spawner:
            browser = Browser(it.supervisor, spawner, StateFolder(tmp_path))
            waiting = asyncio.create_task(browser.show(is_headless=True))
            await it.until_started()
            it.supervisor.feed(m.Configured(dependencies={}))
            await asyncio.wait_for(waiting, 30)
        assert "web" not in it.supervisor.machine.states

    port = free_port()
    run_supervised("shell", tmp_path, use, listens=True, port=port, debug_port=port + 1)


def test_where_no_page_is_debugged_none_is_opened(tmp_path: Path) -> None:
    """The stack was started without; its port is nobody's."""

    async def use(it: Supervised) -> None:
        async with open_spawner() as spawner:
            browser = Browser(it.supervisor, spawner, StateFolder(tmp_path))
            with pytest.raises(BusyError, match="is debugged in no browser"):
                await browser.show(is_headless=True)

    run_supervised("shell", tmp_path, use)


@pytest.mark.needs("chromium")
def test_a_browser_goes_with_its_environment(tmp_path: Path) -> None:
    """After a switch its port is another one: what was opened before is ended."""

    async def use(it: Supervised) -> None:
        supervisor = it.supervisor
        async with open_spawner() as spawner:
            browser = Browser(supervisor, spawner, StateFolder(tmp_path))
            await browser.show(is_headless=True)
            assert read_version(debug_port)
            other = free_port()
            page = replace(it.spec, debug_port=other)
            supervisor.stack = replace(supervisor.stack, processes=(page,))
            await browser.show(is_headless=True)
            await browser.show(is_headless=True)
            assert read_version(other)
            assert is_free(debug_port)
        assert sum("is in a browser" in line for line in it.said()) == 2

    port, debug_port = free_port(), free_port()
    command = f"{sys.executable} -m http.server {port} --bind 127.0.0.1 | cat"
    env = {"PATH": os.environ["PATH"], ROOT_VARIABLE: str(tmp_path)}
    page = {"command": command, "port": port, "debug_port": debug_port, "env": env}
    run_supervised("shell", tmp_path, use, listens=True, **page)


# Says where it listens, and when it is asked, whether anybody has connected.
FOREIGN = """\
import select, socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    input()
    print(len(select.select([server], [], [], 0)[0]))
"""


def test_another_program_at_the_port_is_not_connected_to(tmp_path: Path) -> None:
    """It may be a debugpy of another checkout, which takes one connection alone."""
    with subprocess.Popen(
        [sys.executable, "-c", FOREIGN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as foreign:
        assert foreign.stdout is not None
        port = int(foreign.stdout.readline())
        words = rf"port {port} of the debugger of `page` is taken by pid {foreign.pid}"
        with pytest.raises(SceneshiftError, match=words):
            is_open(port, "page", tmp_path)
        assert foreign.communicate("\n")[0] == "0\n"
    assert not is_open(port, "page", tmp_path)


def test_without_a_browser_that_is_told(tmp_path: Path) -> None:
    """With what to install."""
    with pytest.raises(SceneshiftError, match="no browser was found"):
        get_program(make_page(tmp_path, 1))


def test_a_browser_that_does_not_come_up_is_told(tmp_path: Path) -> None:
    """One without a screen ends; another may wait for a person's answer."""

    async def start() -> None:
        async with open_spawner() as spawner:
            words = ["/bin/sh", "-c", "exit 3"]
            child = await spawner.spawn(words, env={}, cwd=tmp_path, fds={})
            with pytest.raises(SceneshiftError, match="has ended: exit code 3"):
                await wait_up(child, free_port())
            words = ["/bin/sleep", "100"]
            child = await spawner.spawn(words, env={}, cwd=tmp_path, fds={})
            with pytest.raises(SceneshiftError, match="does not listen at 127"):
                await wait_up(child, free_port(), limit_s=0)

    asyncio.run(start())


def test_a_page_is_opened_where_it_listens(tmp_path: Path) -> None:
    """Node takes `localhost` for ::1 alone, where that comes first."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        spec = make_page(tmp_path, port)
        assert find_address(spec) == f"http://localhost:{port}/"
        with socket.create_server(("127.0.0.1", port)):
            assert find_address(spec) == f"http://127.0.0.1:{port}/"


def test_a_window_needs_a_screen() -> None:
    """Of either kind, where there are two."""
    assert has_screen({"WAYLAND_DISPLAY": "wayland-0"})
    assert has_screen({"DISPLAY": ":0"})
    assert not has_screen({"DISPLAY": ""})
