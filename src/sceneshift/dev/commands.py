"""`inv dev`: run a stack here, in the background, or only say what would run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

from sceneshift.core.client import Client
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.example import apply_copy, plan_copy
from sceneshift.core.paths import StateFolder
from sceneshift.core.wording import describe_moment
from sceneshift.dev.claim import already_runs
from sceneshift.dev.inquiries import find_failed, print_status
from sceneshift.dev.request import check_ports

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.dev.request import Request

_DETACH_S = 600.0  # a first start installs packages
_PROGRESS_S = 1.0  # who waits longer is told for what
_ARRIVED = frozenset({"ready", "completed", "failed", "stopped", "debugging"})


def run(request: Request) -> NoReturn:
    """Run the stack until it is ended, in place of this process.

    Where one runs already, its output is followed instead.

    Raises:
        SceneshiftError: Nothing was started, and why.
    """
    running = Client.find(request.root)
    if running is not None:
        _follow(running)
        sys.exit(0)
    copy_example(request)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, _command(request))  # noqa: S606


def _follow(client: Client) -> None:
    """Say who runs, and show what it writes."""
    from sceneshift.dev.logbook import follow  # noqa: PLC0415 - rarely needed here

    answer = client.ask({"op": "status"})
    StreamConsole().note(
        f"a stack runs here already: pid {answer['pid']}, environment "
        f"{answer['status']['environment']}, "
        f"since {describe_moment(answer['began_at'])}; "
        "this follows its output, Ctrl-C leaves it running"
    )
    client.ask({"op": "follow", "names": [], "grep": ""})
    follow(client)


def detach(request: Request, *, as_json: bool) -> None:
    """Start the stack in the background; return when everything is ready.

    Raises:
        BusyError: One runs already.
        SceneshiftError: It did not come up: why.
    """
    if Client.find(request.root) is not None:
        raise already_runs(request.root)
    copy_example(request)
    check_ports(request.load())
    state = StateFolder(request.root)
    with state.being_written():
        log = state.make("logs") / "dev.out"
        output = log.open("wb")
    with output:
        process = subprocess.Popen(
            _command(request),
            cwd=request.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # each process has its own log
            stderr=output,
            start_new_session=True,
        )
    status = _await_ready(request.root, process, log)
    print_status(status, as_json=as_json)
    if down := find_failed(status):
        raise SceneshiftError(
            f"the stack runs, but not: {', '.join(down)}",
            hint=f"see why: inv dev.logs {down[0]}",
        )


def copy_example(request: Request) -> None:
    """Begin `.env` with what the project offers for it, at a first start.

    Raises:
        SceneshiftError: It cannot be written, or a file says what cannot be.
    """
    copy = plan_copy(request.root, os.environ, request.environment)
    if copy is not None:
        apply_copy(copy)
        StreamConsole().note(str(copy))


def _command(request: Request) -> list[str]:
    """Return what runs the stack: an interpreter that never loads invoke."""
    # -P: the project's folder must not come before the interpreter's own modules.
    words = [sys.executable, "-P", "-m", "sceneshift.dev"]
    return [*words, json.dumps(request.as_json())]


def _await_ready(
    root: Path, process: subprocess.Popen[bytes], log: Path
) -> dict[str, Any]:
    deadline = time.monotonic() + _DETACH_S
    while time.monotonic() < deadline:
        client = Client.find(root)
        if client is not None:
            return _await_settled(client, deadline)
        if process.poll() is not None:
            words = log.read_text(errors="replace").strip()
            raise SceneshiftError(
                f"the stack ended with code {process.returncode}: {words[-500:]}",
                hint=f"see {log}",
            )
        time.sleep(0.02)
    raise SceneshiftError("the stack does not answer", hint=f"see {log}")


def _await_settled(client: Client, deadline: float) -> dict[str, Any]:
    """Return the status in the end; say meanwhile what is on its way.

    Raises:
        SceneshiftError: The end does not come.
    """
    said = ""
    while time.monotonic() < deadline:
        answer = client.ask({"op": "ready", "within_s": _PROGRESS_S})
        status: dict[str, Any] = answer["status"]
        if answer["is_settled"]:
            return status
        coming = [p for p in status["processes"] if p["state"] not in _ARRIVED]
        words = ", ".join(f"{each['name']} ({each['state']})" for each in coming)
        if words != said:
            StreamConsole().note(f"on the way: {words}")
            said = words
    raise SceneshiftError(
        f"not everything is ready within {_DETACH_S:g} s: {said}",
        hint="see why: inv dev.logs; end it: inv dev.stop",
    )


def show_plan(request: Request, *, as_json: bool) -> None:
    """Print what would be started, and start nothing.

    Raises:
        UsageError: The request or a file says what cannot be.
    """
    from sceneshift.dev.plan import plan_start  # noqa: PLC0415 - only here

    stack = request.load()
    steps = plan_start(stack)
    console = StreamConsole()
    if as_json:
        console.json({"environment": stack.environment, "actions": steps})
        return
    console.note(f"environment: {stack.environment}; nothing is started")
    copy = plan_copy(request.root, os.environ, request.environment)
    if copy is not None:
        console.note(f"a start would begin so: {copy}")
    head = ("process", "after", "how", "command", "address")
    console.table(
        [head]
        + [
            (
                step["process"],
                ", ".join(step["after"]) or "-",
                step["how"],
                step["command"],
                step["url"] or "-",
            )
            for step in steps
        ]
    )
