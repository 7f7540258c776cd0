"""`inv debug.*`: a stack with debuggers, and what listens."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reloading import TASKS
from sceneshift.composition import ENTRIES
from sceneshift.core.browsers import read_version
from sceneshift.core.devtools import DevTools
from sceneshift.core.ports import is_free
from sceneshift.dev import debuggers
from sceneshift.ide.doctor import Outcome, Request, examine
from sceneshift.ide.doctor.browsing import matches
from sceneshift.ide.doctor.sourcemaps import Locator, decode_data, parse_source_map
from sceneshift.ide.generation import GenerateRequest, apply
from support import free_port, wait_until

if TYPE_CHECKING:
    from reloading import Stack

WORKER = "import time\ntime.sleep(300)\n"
# As Vite does it: code is made of a source, with its map within.
VITE = """\
const fs = require("fs"), http = require("http"), path = require("path");
const [root, , port] = process.argv.slice(2);
const serve = (request, response) => {
  const name = new URL(request.url, "http://x").pathname;
  const file = path.join(root, name === "/" ? "index.html" : name);
  if (!fs.existsSync(file)) return response.writeHead(404).end();
  const text = fs.readFileSync(file, "utf8");
  if (!name.endsWith(".ts")) return response.end(text);
  const map = {
    version: 3,
    sources: [path.basename(name)],
    mappings: ";;AAAA" + ";AACA".repeat(text.split("\\n").length - 1),
  };
  const data = Buffer.from(JSON.stringify(map)).toString("base64");
  response.setHeader("Content-Type", "text/javascript");
  response.end(
    `import.meta;\\n\\n${text.replace(/: number/g, "")}` +
      `\\n//# sourceMappingURL=data:application/json;base64,${data}`,
  );
};
http.createServer(serve).listen(Number(port), "127.0.0.1");
"""
MAIN = """\
let first: number = 1;
first += 1;
document.title = `${first}`;
"""
FILES = {
    "Procfile.dev": (
        "page: node web/node_modules/vite/bin/vite.js web --port $PORT\n"
        "worker: python work.py\n"
    ),
    "work.py": "import time\ntime.sleep(300)\n",
    "web/node_modules/vite/bin/vite.js": VITE,
    "web/vite.config.js": 'export default { server: { host: "127.0.0.1" } };\n',
    "web/index.html": "<script type=module src=/src/main.ts></script>",
    "web/src/main.ts": MAIN,
}
ENTRY = "page: attach Chrome (development)"


@pytest.mark.needs("chromium", "node")
def test_everything_is_debugged_in_its_own_way(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python by debugpy, the page by a browser that ends with the stack."""
    worker, page = free_port(), free_port()
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        stack.env.pop(name, None)  # no window
    settings = (
        "[tool.sceneshift.environments.development]\n"
        f"ports = {{ page = {stack.port} }}\n"
        f"debug_ports = {{ worker = {worker}, page = {page} }}\n"
    )
    stack.write({"tasks.py": TASKS, "pyproject.toml": settings, **FILES})
    apply(GenerateRequest(root=stack.root))
    (stack.root / ".venv").symlink_to(sys.prefix)
    launch = json.loads((stack.root / ".vscode/launch.json").read_text())
    entries = {each["name"]: each for each in launch["configurations"]}
    stack.start({"pyproject.toml": settings}, "--headless", command="debug.full")
    tasks = json.loads((stack.root / ".vscode/tasks.json").read_text())["tasks"]
    known = {each["label"]: each for each in tasks}
    first = known[known[entries[ENTRY]["preLaunchTask"]]["dependsOn"]]
    stack.wait_output(first["problemMatcher"]["background"]["endsPattern"])
    states = [each["state"] for each in stack.ask("dev.status")["processes"]]
    assert states == ["ready", "ready"]  # what a page asks is there before
    debuggers.show(stack.root, as_json=True, entries=ENTRIES)
    said = json.loads(capsys.readouterr().out)
    assert said["environment"] == "development"
    shown, program = said["debuggers"]
    assert (shown.pop("browser") or "").startswith(("Chrome/", "HeadlessChrome/"))
    edge = ENTRY.replace("Chrome", "Edge")
    assert shown == make_row("page", page, "browser", [ENTRY, edge])
    assert program == {
        **make_row("worker", worker, "debugpy", ["worker: attach (development)"]),
        "browser": None,
    }
    check_stop(stack.root, entries[ENTRY])
    close_browser(stack, page)
    debuggers.show(stack.root, as_json=True, entries=ENTRIES)
    shown, program = json.loads(capsys.readouterr().out)["debuggers"]
    assert (shown["listens"], program["listens"]) == (False, True)
    with socket.create_server(("127.0.0.1", page)) as server:
        table = stack.inv("debug.attach").stdout
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()  # a debugpy would be wedged by it
    assert f"no: taken by pid {os.getpid()}" in table
    assert ENTRY in table
    # Its task has the stack open another one.
    (found,) = examine(stack.root, [ENTRY], Request(environ=stack.env))
    assert (found.outcome, found.detail) == (Outcome.HIT, "web/src/main.ts:1")
    assert read_version(page)


@pytest.mark.needs("chromium", "node")
def test_a_browser_is_opened_in_a_stack_that_is_debugged(stack: Stack) -> None:
    """Whichever an editor attaches to first, the program or the page."""
    page, worker = free_port(), free_port()
    settings = (
        "[tool.sceneshift.environments.development]\n"
        f"ports = {{ page = {stack.port} }}\n"
        f"debug_ports = {{ page = {page}, worker = {worker} }}\n"
    )
    stack.start({**FILES, "pyproject.toml": settings}, "--debug")
    stack.wait_ready("page")
    shown = json.loads(stack.inv("debug.attach", "--json").stdout)["debuggers"][0]
    row = make_row("page", page, "browser", [])
    assert shown == {**row, "listens": False, "browser": None}
    with subprocess.Popen(
        [sys.executable, "-m", "invoke", "debug.frontend", "--headless"],
        cwd=stack.root,
        env=stack.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as follower:
        stack.wait_output("is in a browser, its debugger at")
        follower.terminate()
    assert read_version(page)


def test_the_backend_alone_is_debugged(stack: Stack) -> None:
    """By its usual name; what else runs has no debugger."""
    line = "python work.py"
    files = {"Procfile.dev": f"worker: {line}\nbackend: {line} $PORT\n"}
    port = free_port()
    settings = (
        "[tool.sceneshift.environments.development]\n"
        f"ports = {{ backend = {stack.port} }}\n"
        f"debug_ports = {{ backend = {port} }}\n"
    )
    files |= {"work.py": WORKER, "pyproject.toml": settings}
    stack.start(files, command="debug.backend")
    stack.wait_ready("worker")
    found = {
        each["name"]: (each["debug_port"], each["debugger"])
        for each in stack.ask("dev.status")["processes"]
    }
    assert found == {"worker": (None, None), "backend": (port, "debugpy")}


def make_row(
    process: str, port: int, debugger: str, entries: list[str]
) -> dict[str, Any]:
    """Return what is said of a debugger that listens, but for the browser's name."""
    return {
        "process": process,
        "debugger": debugger,
        "port": port,
        "listens": True,
        "taken_by": None,
        "entries": entries,
    }


def check_stop(root: Path, entry: dict[str, Any]) -> None:
    """Have the page that was opened stop in a line of its source, by the entry."""
    version = read_version(entry["port"], host=entry["address"])
    assert version is not None
    web_root = entry["webRoot"].replace("${workspaceFolder}", str(root))
    with DevTools.connect(version["webSocketDebuggerUrl"]) as tools:
        (target,) = wait_until(lambda: list_pages(tools, entry["urlFilter"]))
        session = tools.ask("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        tools.ask("Debugger.enable", session=session)
        while (script := tools.take("Debugger.scriptParsed", limit_s=30)) is not None:
            source_map = parse_source_map(decode_data(script["sourceMapURL"]) or b"")
            if source_map is not None:
                break
        assert script is not None
        assert source_map is not None
        (source,) = source_map.sources
        file = Locator(Path(web_root), root=root).find_source(script["url"], source)
        assert file == root / "web/src/main.ts"
        line = next(each.line for each in source_map.segments if each.source_line == 1)
        place = {"url": script["url"], "lineNumber": line}
        known = tools.ask("Debugger.setBreakpointByUrl", session=session, **place)
        tools.ask("Page.reload", session=session)
        paused = tools.take("Debugger.paused", limit_s=30)
        assert paused is not None
        assert paused["hitBreakpoints"] == [known["breakpointId"]]
        assert "first += 1;" in file.read_text().splitlines()[1]


def list_pages(tools: DevTools, pattern: str) -> list[str]:
    """Return the ids of the pages that a filter fits."""
    return [
        each["targetId"]
        for each in tools.ask("Target.getTargets")["targetInfos"]
        if each["type"] == "page" and matches(pattern, each["url"])
    ]


def close_browser(stack: Stack, port: int) -> None:
    """Close the browser, as a person does it."""
    version = read_version(port)
    assert version is not None
    with DevTools.connect(version["webSocketDebuggerUrl"]) as tools:
        tools.ask("Browser.close")
    stack.wait(lambda: is_free(port))


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
