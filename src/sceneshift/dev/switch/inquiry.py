"""`switch`: what is asked, and how the answer is shown.

Nothing slow is imported here while a stack runs.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from sceneshift.core.client import Client
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.wording import describe_seconds

if TYPE_CHECKING:
    from pathlib import Path

_ANSWER_S = 600.0  # set-up steps may install packages
_WITHIN_S = 30.0


def switch(
    root: Path,
    name: str,
    *,
    dry_run: bool = False,
    as_json: bool = False,
    within_s: float = _WITHIN_S,
) -> None:
    """Have the running stack go over to another environment, and show how it went.

    Where nothing runs, it becomes that of the next `inv dev`.

    Args:
        root: The project's folder.
        name: The environment, or an alias of it.
        dry_run: Only say what would be done.
        as_json: Print JSON.
        within_s: Seconds in which each new process has to be ready.

    Raises:
        UsageError: There is no such environment, or it is configured badly.
        BusyError: A switch is under way.
        SceneshiftError: It came to nothing, and the old environment goes on.
    """
    client = Client.find(root)
    if client is None:
        answer = _set_active(root, name, dry_run=dry_run)
    else:
        request = {"op": "switch", "environment": name, "dry_run": dry_run}
        request["within_s"] = within_s
        answer = client.ask(request, wait_s=_ANSWER_S)
        del answer["ok"]
    _raise_failure(answer)
    if as_json:
        StreamConsole().json({k: v for k, v in answer.items() if k != "failure"})
    else:
        _print(answer)


def _set_active(root: Path, name: str, *, dry_run: bool) -> dict[str, Any]:
    """Make an environment that of the next start; nothing runs."""
    from sceneshift.core.config import load_config  # noqa: PLC0415 - where none runs
    from sceneshift.core.environment import resolve_environment  # noqa: PLC0415
    from sceneshift.core.paths import StateFolder  # noqa: PLC0415
    from sceneshift.core.selection import write_active  # noqa: PLC0415

    config = load_config(root)
    target = resolve_environment(root, config, environ=os.environ, flag=name)
    former = None
    with contextlib.suppress(UsageError):  # it may have been taken out since
        former = resolve_environment(root, config, environ=os.environ).name
    if not dry_run:
        write_active(StateFolder(root), target.name)
    return {
        "environment": target.name,
        "former": former,
        "outcome": "planned" if dry_run else "set",
        "duration_s": None,
        "actions": [],
        "processes": [],
        "links": [],
        "failure": None,
    }


def _raise_failure(answer: dict[str, Any]) -> None:
    """Say which process failed, after its last lines.

    Raises:
        SceneshiftError: One did.
    """
    failure = answer["failure"]
    if failure is None:
        return
    for line in failure["output"]:
        StreamConsole().note(f"{failure['process']} | {line}")
    who = "" if failure["process"] is None else f"`{failure['process']}`: "
    raise SceneshiftError(
        f"not switched to `{answer['environment']}`: {who}{failure['reason']}",
        hint=f"`{answer['former']}` goes on; see all: inv dev.logs",
    )


def _print(answer: dict[str, Any]) -> None:
    console = StreamConsole()
    name, former = answer["environment"], answer["former"]
    match answer["outcome"]:
        case "set":
            console.success(f"nothing runs; the next `inv dev` starts in `{name}`")
            _warn_of_pin(name)
        case "already":
            console.note(f"`{name}` is active already")
            _print_processes(answer)
        case "planned":
            console.note(f"from `{former}` to `{name}`; nothing is done")
            _print_plan(answer)
        case _:
            took = describe_seconds(answer["duration_s"])
            console.success(f"switched from `{former}` to `{name}` in {took}")
            _print_processes(answer)
            _warn_of_pin(name)


def _warn_of_pin(name: str) -> None:
    """Say where this shell would start another one all the same."""
    from sceneshift.core.selection import VARIABLE  # noqa: PLC0415 - at the end

    pinned = os.environ.get(VARIABLE)
    if pinned and pinned != name:
        StreamConsole().note(
            f"{VARIABLE} is set here, so the next `inv dev` starts in `{pinned}`"
        )


def _print_plan(answer: dict[str, Any]) -> None:
    rows = [
        (
            each["process"],
            each["action"],
            each["how"] or "-",
            _describe_ports(each),
            ", ".join([*each["settings"], *each["variables"]]) or "-",
        )
        for each in answer["actions"]
    ]
    head = ("process", "action", "how", "port", "because of")
    StreamConsole().table([head, *rows])


def _describe_ports(action: dict[str, Any]) -> str:
    old, new = action["old_port"], action["new_port"]
    if old == new:
        return str(new or "-")
    return f"{old or '-'} -> {new or '-'}"


def _print_processes(answer: dict[str, Any]) -> None:
    rows = [
        (each["name"], each["state"], each["url"] or "-", each["health"] or "-")
        for each in answer["processes"]
    ]
    StreamConsole().table([("process", "state", "address", "health"), *rows])
