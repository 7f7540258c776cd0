"""`inv dev`: run a stack here, or only say what would run.

On the path of every start: what only a stack that runs already needs is imported there.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from sceneshift.core.client import Client
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import BusyError
from sceneshift.core.example import apply_copy, plan_copy
from sceneshift.core.inheritance import inherit, plan_inheritance
from sceneshift.core.wording import describe_moment

if TYPE_CHECKING:
    from sceneshift.dev.request import Request

_BROWSER_S = 600.0  # its page may have to be set up first


def run(request: Request) -> NoReturn:
    """Run the stack until it is ended, in place of this process.

    Where one runs already, its output is followed instead.

    Raises:
        SceneshiftError: Nothing was started, and why.
    """
    running = Client.find(request.root)
    if running is not None:
        _follow(running, request)
        sys.exit(0)
    copy_example(request)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, list_words(request))  # noqa: S606


def _follow(client: Client, request: Request) -> None:
    """Say who runs, and show what it writes.

    Raises:
        BusyError: It has no debuggers, or is of another environment, than asked for.
        SceneshiftError: Its page can be shown in no browser.
    """
    from sceneshift.dev.logbook import follow  # noqa: PLC0415 - rarely needed here

    answer = client.ask({"op": "status"})
    _check_environment(request, answer["status"]["environment"])
    processes = answer["status"]["processes"]
    if request.debug and not any(each["debug_port"] for each in processes):
        raise BusyError(
            "a stack runs in this checkout already, and nothing of it is debugged",
            hint="end it first: inv dev.stop",
        )
    if request.browser:
        client.ask({"op": "browse", "how": request.browser}, wait_s=_BROWSER_S)
    StreamConsole().note(
        f"a stack runs here already: pid {answer['pid']}, environment "
        f"{answer['status']['environment']}, "
        f"since {describe_moment(answer['began_at'])}; "
        "this follows its output, Ctrl-C leaves it running"
    )
    client.ask({"op": "follow", "names": [], "grep": ""})
    follow(client)


def _check_environment(request: Request, running: str) -> None:
    if request.environment is None:
        return
    from sceneshift.core.config import load_config  # noqa: PLC0415 - as above
    from sceneshift.core.selection import choose_environment  # noqa: PLC0415

    config = load_config(request.root)
    asked, _ = choose_environment(request.root, config, {}, request.environment)
    if asked != running:
        raise BusyError(
            f"a stack runs in this checkout already, in {running}",
            hint=f"switch it: inv env.switch {asked}; or end it: inv dev.stop",
        )


def copy_example(request: Request) -> None:
    """Begin env files with what there is for them, at a first start.

    Raises:
        SceneshiftError: One cannot be written, or a file says what cannot be.
    """
    inherit(request.root)
    copy = plan_copy(request.root, os.environ, request.environment)
    if copy is not None:
        apply_copy(copy)
        StreamConsole().note(str(copy))


def list_words(request: Request) -> list[str]:
    """Return what runs the stack: an interpreter that never loads invoke."""
    # -P: the project's folder must not come before the interpreter's own modules.
    words = [sys.executable, "-P", "-m", "sceneshift.dev"]
    return [*words, json.dumps(request.as_json())]


def show_plan(request: Request, *, as_json: bool) -> None:
    """Print what would be started, and start nothing.

    Raises:
        UsageError: The request or a file says what cannot be.
    """
    from sceneshift.core.firstuse import list_missing  # noqa: PLC0415 - only here
    from sceneshift.core.paths import StateFolder  # noqa: PLC0415
    from sceneshift.dev.plan import plan_start  # noqa: PLC0415

    stack = request.load()
    steps = plan_start(stack)
    console = StreamConsole()
    if as_json:
        console.json({"environment": stack.environment, "actions": steps})
        return
    console.note(f"environment: {stack.environment}; nothing is started")
    for copy in (
        plan_inheritance(request.root),
        plan_copy(request.root, os.environ, request.environment),
    ):
        if copy is not None:
            console.note(f"a start would begin so: {copy}")
    for database in list_missing(stack.separation.own, StateFolder(stack.root)):
        console.note(f"a start would make database {database.name}: {database.place}")
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
