"""`inv debug.*`: a stack with debuggers, and what listens."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from typing import TYPE_CHECKING

import pytest

from debugging import Page
from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.browser import find_browser
from sceneshift.dev.model import ProcessSpec
from support import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from reloading import Stack

PAGE = "sh -c 'exec python -m http.server $PORT --bind 127.0.0.1'"
WORKER = "import time\ntime.sleep(300)\n"
LAUNCH = """\
{"configurations": [
  {"name": "Worker", "request": "attach", "connect": {"port": %d}}, // by hand
]}
"""


@pytest.mark.needs("chromium")
def test_everything_is_debugged_in_its_own_way(stack: Stack) -> None:
    """Python by debugpy, the page by a browser that ends with the stack."""
    worker, page = free_port(), free_port()
    stack.start(
        {
            "Procfile.dev": f"page: {PAGE}\nworker: python work.py\n",
            "work.py": WORKER,
            "pyproject.toml": (
                "[tool.sceneshift.environments.development]\n"
                f"debug_ports = {{ worker = {worker}, page = {page} }}\n"
            ),
            ".vscode/launch.json": LAUNCH % worker,
            "index.html": "<script src=app.js></script>",
            "app.js": "let first = 1;\nfirst += 1;\n",
        },
        "--headless",
        command="debug.full",
    )
    stack.wait_output(rf"is in a browser, its debugger at 127\.0\.0\.1:{page}")
    stack.wait_ready("worker")
    address = f"http://127.0.0.1:{stack.port}/"
    stack.wait(lambda: address in list_pages(page))
    said = stack.ask("debug.attach")
    assert said["environment"] == "development"
    assert said["debuggers"] == [
        {"process": "page", "port": page, "listens": True, "entries": []},
        {"process": "worker", "port": worker, "listens": True, "entries": ["Worker"]},
    ]
    assert "Worker" in stack.inv("debug.attach").stdout
    with contextlib.closing(Page(list_pages(page)[address])) as shown:
        shown.ask("Debugger.enable")
        place = {"url": f"{address}app.js", "lineNumber": 1}
        known = shown.ask("Debugger.setBreakpointByUrl", **place)
        shown.ask("Page.reload")
        paused = shown.wait("Debugger.paused")
        assert paused["hitBreakpoints"] == [known["breakpointId"]]


def list_pages(port: int) -> dict[str, str]:
    """Return what a browser shows: where each page is debugged, by its address."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            return {
                each["url"]: each["webSocketDebuggerUrl"] for each in json.load(answer)
            }
    except OSError:
        return {}


def test_where_nothing_is_debugged_it_is_said_how(stack: Stack) -> None:
    """The stack runs without."""
    stack.start({"Procfile.dev": "worker: python work.py\n", "work.py": WORKER})
    stack.wait_ready("worker")
    refused = stack.inv("debug.attach")
    assert refused.returncode == 1
    assert "error: nothing is debugged in the stack" in refused.stderr
    assert "inv dev --debug" in refused.stderr
    refused = stack.inv("debug.worker")
    assert refused.returncode == 5
    assert "nothing of it is debugged" in refused.stderr


def test_without_a_browser_the_stack_runs_on(tmp_path: Path) -> None:
    """What is missing is told among its output."""
    spec = ProcessSpec(
        name="page", label="page.1", command="", cwd=tmp_path, env={"PATH": "/nowhere"}
    )
    with pytest.raises(SceneshiftError, match="no browser was found"):
        find_browser(spec)
