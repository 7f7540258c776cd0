from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest

from browser import Browser
from sceneshift.ide.dap.client import Client
from sceneshift.ide.doctor.call import Call
from sceneshift.ide.jsonc import parse
from stacks import DEADLINE_S
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stacks import Project, Stack, TerminalStack

_START_S = 240.0  # packages come over the network
_ENTRIES_S = 150.0  # a browser, a stack, and four programs under a debugger
ATTACH = "backend: attach (development)"
SAVES = 20
ENTRIES = [
    "backend: debug (staging)",
    "worker: debug (development)",
    "Tests: all",
    ATTACH,
    "frontend: Chrome (development)",
]
OVERVIEW = "demo/backend/routes/overview.py"
FIELD = "environment=request.app.state.settings.environment,"
APP = "demo/frontend/src/App.tsx"
BRAND = "<span>Orchestrator</span>"


def _edit(project: Project, file: str, old: str, new: str) -> None:
    path = project.root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _get(url: str) -> tuple[int, str]:
    """Return status and body; 0 while nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def _environment(backend: str) -> str:
    status, body = _get(f"{backend}/api/overview")
    return str(json.loads(body)["environment"]) if status == 200 else str(status)


def _start(project: Project) -> tuple[TerminalStack, dict[str, str]]:
    """Start it as a user does; return it and the addresses that it tells."""
    stack = project.start_in_terminal()
    found = re.compile(r"system.* (backend|frontend): (http://\S+:\d+)")

    def addresses() -> dict[str, str]:
        assert stack.process.poll() is None, stack.output
        told = dict(found.findall(stack.output))
        return told if len(told) == 2 else {}

    try:
        return stack, wait_until(addresses, _START_S)
    except AssertionError:
        raise AssertionError(stack.output) from None


@pytest.mark.timeout(400)
@pytest.mark.needs("node", "chromium")
def test_a_new_user_edits_the_demo_live(clone: Project, tmp_path: Path) -> None:
    """From a clone in an empty home to saves that are seen, and to nothing left."""
    stack, urls = _start(clone)
    with Browser(tmp_path / "profile", clone.env) as page:
        page.open(urls["frontend"])
        page.wait_for("Development")
        _edit_and_see(clone, page, urls["backend"])
    _break_and_mend(clone, stack, urls["backend"])
    _debug(clone, stack, urls["backend"])
    stack.type(b"\x03")
    assert stack.wait() == 130
    for url in urls.values():
        with socket.socket() as sock:
            assert sock.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0
    _run_entries(clone)
    _stop_after_each_save(clone, urls["backend"])
    _run_by_honcho(clone)


def _edit_and_see(project: Project, page: Browser, backend: str) -> None:
    """Save a route, then a component: the page has both, and was never loaded anew."""
    assert page.evaluate("window.was_here = 'yes'") == "yes"
    _edit(project, OVERVIEW, FIELD, 'environment="edited live",')
    wait_until(lambda: _environment(backend) == "edited live", DEADLINE_S)
    page.wait_for("Edited live")
    _edit(project, APP, BRAND, "<span>Component edited</span>")
    page.wait_for("Component edited")
    assert page.evaluate("window.was_here") == "yes"
    (reload,) = project.ask("dev.why", "backend")["reloads"]
    assert (reload["files"], reload["rung"]) == ([OVERVIEW], "fork")


def _break_and_mend(project: Project, stack: Stack, backend: str) -> None:
    """The old code answers, the error has its place, and the mended code comes."""
    path = project.root / OVERVIEW
    good = path.read_text()
    line = good.count("\n") + 1
    path.write_text(f"{good}def broken(:\n")
    stack.wait_for(f"{OVERVIEW}:{line}")
    assert _environment(backend) == "edited live"
    path.write_text(good.replace("edited live", "mended"))
    wait_until(lambda: _environment(backend) == "mended", DEADLINE_S)


def _debug(project: Project, stack: Stack, backend: str) -> None:
    """A breakpoint waits for a terminal, and goes on when it is told to."""
    first = "    task = models.Task\n    status"
    _edit_and_wait(project, first, f"    breakpoint()\n{first}")
    with ThreadPoolExecutor(1) as threads:
        # The page is closed: whoever asks first is stopped, and that is the test.
        answer = threads.submit(_environment, backend)
        stack.wait_for("waits at a breakpoint")
        told = project.inv("dev.attach", "backend", stdin="p 6 * 7\nc\n")
        assert (told.returncode, "42" in told.stdout) == (0, True), told
        assert answer.result(DEADLINE_S) == "mended"
    _edit_and_wait(project, "    breakpoint()\n", "")
    assert _environment(backend) == "mended"


def _edit_and_wait(project: Project, old: str, new: str) -> None:
    """Edit the route, and wait for the reload without asking for the route."""
    before = _count_served(project)
    _edit(project, OVERVIEW, old, new)
    wait_until(lambda: _count_served(project) > before, DEADLINE_S)


def _count_served(project: Project) -> int:
    reloads = project.ask("dev.why", "backend", "--count", "99")["reloads"]
    return [each["outcome"] for each in reloads].count("served")


def _run_entries(project: Project) -> None:
    """Breakpoints are hit by entries of its launch.json, and nothing runs on."""
    assert project.inv("ide.generate").returncode == 0
    done = project.inv("ide.doctor", *ENTRIES, "--json", wait_s=_ENTRIES_S)
    said = json.loads(done.stdout)["configurations"]
    assert {each["name"]: each["outcome"] for each in said} == dict.fromkeys(
        ENTRIES, "hit"
    ), done
    project.assert_nothing_left()


def _stop_after_each_save(project: Project, backend: str) -> None:
    """By the entry that attaches, which is begun once."""
    assert project.inv("dev", "--debug", "--detach").returncode == 0
    file = project.root / ".vscode" / "launch.json"
    entries = parse(file.read_bytes(), name=file.name).get(("configurations",))
    (entry,) = [each for each in entries if each["name"] == ATTACH]
    route = project.root / OVERVIEW
    line = 1 + route.read_text().splitlines().index("    status = task.status")
    last = "mended"
    with Client(project.env) as client:
        client.break_at({str(route): [line]})
        client.start(entry)
        stops = Stops(client, int(backend.rpartition(":")[2]))
        wait_until(lambda: stops.has_hit(line, last, is_new=False), DEADLINE_S)
        for number in range(SAVES):
            former, last = last, f"save {number}"
            _edit(project, OVERVIEW, f'"{former}",', f'"{last}",')
            wait_until(partial(stops.has_hit, line, last), DEADLINE_S)
    assert project.inv("dev.stop").returncode == 0
    project.assert_nothing_left()


class Stops(NamedTuple):
    """What stands still where a route is asked.

    Attributes:
        client: Has the breakpoint.
        port: Where it is asked.
    """

    client: Client
    port: int

    def has_hit(self, line: int, answer: str, *, is_new: bool = True) -> bool:
        """Ask, and say whether code stood there that answers so.

        What is new never answers without; as long as one attaches, code does.
        """
        call = Call(self.client, "127.0.0.1", self.port, "/api/overview")
        self._wait(lambda: call.is_over or self.client.find_stop() is not None)
        stop = self.client.find_stop()
        if stop is not None:
            assert self.client.find_frame(stop).line == line
            self.client.resume(stop)
            self._wait(lambda: call.is_over)
        said = json.loads(call.body)["environment"] if call.status == 200 else None
        assert stop is not None or said != answer or not is_new
        return stop is not None and said == answer

    def _wait(self, is_done: Callable[[], bool]) -> None:
        assert self.client.wait(is_done, limit_s=DEADLINE_S)


def _run_by_honcho(project: Project) -> None:
    """`honcho start -f Procfile.dev` runs the same, on ports of its own."""
    folder = project.root / ".venv" / "bin"
    env = {**project.env, "PATH": f"{folder}{os.pathsep}{project.env['PATH']}"}
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    process = subprocess.Popen(
        [folder / "honcho", "start", "-f", "Procfile.dev", "-p", str(port)],
        cwd=project.root,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        backend, frontend = (f"http://127.0.0.1:{port + x}" for x in (0, 200))
        wait_until(lambda: _get(f"{backend}/health")[0] == 200, DEADLINE_S)
        wait_until(partial(_has_both, frontend), DEADLINE_S)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_S)
    project.assert_nothing_left()


def _has_both(frontend: str) -> bool:
    page, api = _get(f"{frontend}/"), _get(f"{frontend}/api/overview")
    return page[0] == api[0] == 200 and "root" in page[1]
