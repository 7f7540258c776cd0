"""`inv dev --detach`: a stack in the background, and the prompt when it is ready."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING, Any

from sceneshift.core.client import Client
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import StateFolder
from sceneshift.dev.claim import already_runs
from sceneshift.dev.commands import copy_example, list_words
from sceneshift.dev.inquiries import find_failed, print_status
from sceneshift.dev.request import check_ports

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.dev.request import Request

_DETACH_S = 600.0  # a first start installs packages
_PROGRESS_S = 1.0  # who waits longer is told for what
_ARRIVED = frozenset({"ready", "completed", "failed", "stopped", "debugging"})


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
            list_words(request),
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
        if all(each["state"] == "waiting" for each in coming) and any(
            each["breakpoint"] for each in status["processes"]
        ):
            return status  # a person is to go on
        words = ", ".join(f"{each['name']} ({each['state']})" for each in coming)
        if words != said:
            StreamConsole().note(f"on the way: {words}")
            said = words
    raise SceneshiftError(
        f"not everything is ready within {_DETACH_S:g} s: {said}",
        hint="see why: inv dev.logs; end it: inv dev.stop",
    )
