"""Commands about a stack that runs: what is asked, and how it is shown.

On the path of `inv dev.status`: nothing slow is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.core.client import Client
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import (
    describe_progress,
    describe_seconds,
    local_clock,
    name_few,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_ACT_S = 600.0  # a start may install packages


def show_status(root: Path, *, as_json: bool) -> None:
    """Print the state of each process.

    Raises:
        SceneshiftError: Nothing runs here.
    """
    status = Client.get(root).ask({"op": "status"})["status"]
    print_status(status, as_json=as_json)


def print_status(status: dict[str, Any], *, as_json: bool) -> None:
    """Print a status as a table or as JSON."""
    console = StreamConsole()
    if as_json:
        console.json(status)
        return
    console.note(f"environment: {status['environment']}")
    switch = status["switch"]
    if switch is not None:
        since = local_clock(switch["since"])
        what = f"a switch to `{switch['environment']}` is under way since {since}"
        console.note(f"{what}: {describe_progress(switch)}")
    head = ("process", "state", "pid", "restarts", "address")
    has_debuggers = any(process["debug_port"] for process in status["processes"])
    rows = [
        (
            process["name"],
            _describe_state(process),
            process["pid"] or "-",
            process["restarts"],
            process["url"] or "-",
            *([_describe_debugger(process)] if has_debuggers else []),
        )
        for process in status["processes"]
    ]
    console.table([(*head, *(["debugger"] if has_debuggers else [])), *rows])


def _describe_debugger(process: dict[str, Any]) -> str:
    port = process["debug_port"]
    return f"127.0.0.1:{port}" if port else "-"


def find_failed(status: dict[str, Any]) -> list[str]:
    """Return the names of the processes that are down."""
    return [one["name"] for one in status["processes"] if one["state"] == "failed"]


def _describe_state(process: dict[str, Any]) -> str:
    if process["breakpoint"]:
        return f"at a breakpoint: {process['breakpoint']}"
    if process["is_broken"] and process["state"] == "ready":
        return "ready (old code: the new one is broken)"
    return str(process["state"])


def act(root: Path, verb: str, names: Sequence[str], *, as_json: bool) -> None:
    """Start, stop or restart processes and print what became of them.

    Raises:
        SceneshiftError: Nothing runs here, or one of them is not up in the end, or
            goes on with its old code after a restart.
        UsageError: There is no process of that name.
    """
    request = {"op": "act", "verb": verb, "names": list(names)}
    answer = Client.get(root).ask(request, wait_s=_ACT_S)
    status = answer["status"]
    print_status(status, as_json=as_json)
    if verb == "stop":
        return
    asked = [each for each in status["processes"] if each["name"] in answer["names"]]
    down = [each["name"] for each in asked if each["name"] in find_failed(status)]
    if down:
        raise SceneshiftError(
            f"not up: {', '.join(down)}", hint=f"see why: inv dev.logs {down[0]}"
        )
    old = [each["name"] for each in asked if each["is_broken"]]
    if old and verb == "restart":
        raise SceneshiftError(
            f"the new code is broken, and the old code goes on: {', '.join(old)}",
            hint=f"see why: inv dev.logs {old[0]}",
        )


def end_stack(root: Path, *, as_json: bool) -> None:
    """End the stack of this checkout and wait until nothing of it is left.

    Raises:
        SceneshiftError: Nothing runs here.
    """
    client = Client.get(root)
    answer = client.ask({"op": "shutdown"})
    client.wait_end()
    console = StreamConsole()
    if as_json:
        console.json({"stopped": True, "pid": answer["pid"]})
    else:
        console.success(f"the stack has ended (pid {answer['pid']})")


def show_reloads(
    root: Path, names: Sequence[str], *, count: int, as_json: bool
) -> None:
    """Print the last reloads and switches, and what each reload imports anew.

    The newest comes last.

    Raises:
        SceneshiftError: Nothing runs here.
        UsageError: There is no process of that name.
    """
    request = {"op": "why", "names": list(names), "count": count}
    answer = Client.get(root).ask(request)
    del answer["ok"]
    console = StreamConsole()
    if as_json:
        console.json(answer)
        return
    rows = [(each["at"], _describe_reload(each)) for each in answer["reloads"]]
    rows += [(each["at"], _describe_switch(each)) for each in answer["switches"]]
    if rows:
        head = ("when", "process", "took", "how", "outcome", "because of")
        console.table([head, *(row for _at, row in sorted(rows))])
    else:
        console.note("nothing was reloaded yet")
    for name, packages in answer["left_out"].items():
        reasons = (f"{package} ({reason})" for package, reason in packages.items())
        console.note(f"each reload of {name} imports anew: {', '.join(reasons)}")


def _describe_reload(reload: dict[str, Any]) -> tuple[str, ...]:
    took = reload["duration_s"]
    how = reload["rung"]
    return (
        local_clock(reload["at"]),
        reload["process"],
        "-" if took is None else describe_seconds(took),
        how if not reload["reason"] else f"{how}: {reload['reason']}",
        reload["outcome"] if not reload["error"] else reload["error"],
        name_few(reload["files"], 3) or reload["cause"],
    )


def _describe_switch(switch: dict[str, Any]) -> tuple[str, ...]:
    took = switch["duration_s"]
    return (
        local_clock(switch["at"]),
        "all",
        "-" if took is None else describe_seconds(took),
        "switch",
        switch["error"] or switch["outcome"],
        f"{switch['former']} -> {switch['environment']}",
    )
