"""A switch that takes its time says what it waits for, here and to others."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING, Any

from support import free_port
from switching import FILES, WEB, begin_switch, environments, refuse, switch

if TYPE_CHECKING:
    from reloading import Stack
    from switching import Slow


def is_told(stack: Stack) -> dict[str, Any] | None:
    """Return what `inv dev.status` tells of the switch that is under way."""
    found: dict[str, Any] | None = stack.ask("dev.status")["switch"]
    return found


def test_who_asks_is_told_what_it_waits_for(slow: Slow) -> None:
    """On standard error, after a second; once, while it is the same."""
    assert slow.client.stderr is not None
    line = slow.client.stderr.readline()
    text = "waits for web (starting); ready: worker"
    assert re.fullmatch(rf"\d s: {re.escape(text)}\n", line)
    slow.let_go()
    code, errors = slow.wait_client()
    assert (code, errors.count(text)) == (0, 0)


def test_others_are_told_how_far_it_is(slow: Slow) -> None:
    """By `inv dev.status`, until it is over."""
    stack = slow.stack
    told = is_told(stack)
    assert told is not None
    assert told.pop("since").endswith("Z")
    assert told == {
        "environment": "staging",
        "former": "development",
        "waiting": [
            {"name": "web", "state": "starting", "setup": None, "breakpoint": None}
        ],
        "ready": ["worker"],
    }
    said = stack.inv("dev.status").stderr
    assert "a switch to `staging` is under way since " in said
    assert ": waits for web (starting); ready: worker" in said
    (open_,) = stack.ask("dev.why")["switches"]
    assert (open_["outcome"], open_["duration_s"]) == ("under way", None)
    slow.let_go()
    assert slow.wait_client()[0] == 0
    assert is_told(stack) is None


def test_ctrl_c_leaves_the_switch_alone(slow: Slow) -> None:
    """It is said that it goes on."""
    slow.client.send_signal(signal.SIGINT)
    code, errors = slow.wait_client()
    assert (code, "the switch goes on" in errors) == (130, True)
    slow.let_go()
    slow.stack.wait_output("switched to `staging` in")


SETUP = """\
[tool.sceneshift.processes.web]
setup = { run = "sh step.sh", when = ["step.sh"] }
[tool.sceneshift.processes.worker]
depends_on = ["web"]
"""


STEP = """\
test $NAME = development && exit
touch at-it
until test -e go; do sleep 0.02; done
"""


def test_a_set_up_step_is_told_by_its_command(stack: Stack) -> None:
    """And what has to wait for it."""
    pyproject = environments(SETUP, development=stack.port, staging=free_port())
    procfile = WEB + "worker: python worker.py\n"
    files = {**FILES, "step.sh": STEP, "Procfile.dev": procfile}
    stack.start({**files, "pyproject.toml": pyproject})
    stack.wait_ready("worker")
    (stack.root / ".sceneshift" / "setup" / "web.json").unlink()
    client = begin_switch(stack, "staging")
    stack.wait((stack.root / "at-it").exists)
    told = is_told(stack)
    assert client.stderr is not None
    line = client.stderr.readline()
    (stack.root / "go").touch()
    assert client.wait(30) == 0
    client.communicate()
    assert told is not None
    web, worker = told["waiting"]
    assert (web["state"], web["setup"]) == ("setup", "sh step.sh")
    assert (worker["name"], worker["state"], worker["setup"]) == (
        *("worker", "waiting"),
        None,
    )
    expected = "waits for web (sh step.sh), worker (waiting); ready: none yet"
    assert line.partition(" s: ")[2] == f"{expected}\n"


TURN = """\
[tool.sceneshift.processes.worker]
health = { command = "test $NAME = development || test -e go" }
"""


def test_what_waits_for_its_turn_is_told_to_wait(stack: Stack) -> None:
    """A shell's command, whose port is another's until all else is ready."""
    pyproject = environments(TURN, development=stack.port, staging=stack.port)
    by_shell = "web: true; exec python -m http.server $PORT --bind 127.0.0.1\n"
    procfile = by_shell + "worker: python worker.py\n"
    stack.start({**FILES, "pyproject.toml": pyproject, "Procfile.dev": procfile})
    stack.wait_page("asgi.py")
    stack.wait_ready("worker")
    client = begin_switch(stack, "staging")

    def is_waiting() -> bool:
        told = is_told(stack)
        return told is not None and {
            each["name"]: each["state"] for each in told["waiting"]
        } == {"web": "waiting", "worker": "starting"}

    stack.wait(is_waiting)
    (stack.root / "go").touch()
    assert client.wait(30) == 0
    client.communicate()


def test_switches_are_in_the_history(stack: Stack) -> None:
    """Among the reloads: from where to where, how long, and why not."""
    crash = "import os\nassert os.environ['NAME'] != 'broken'\n"
    pyproject = environments(
        development=stack.port, staging=stack.port, broken=free_port()
    )
    files = {**FILES, "asgi.py": crash + FILES["asgi.py"]}
    stack.start({**files, "pyproject.toml": pyproject})
    stack.wait_page("development")
    switch(stack, "staging")
    refuse(stack, "broken")
    stack.inv("dev.restart", "web")
    said = stack.ask("dev.why")
    done, failed = said["switches"]
    assert {key: done[key] for key in done if key not in ("at", "duration_s")} == {
        "former": "development",
        "environment": "staging",
        "processes": ["web"],
        "outcome": "switched",
        "error": None,
    }
    assert done["duration_s"] > 0
    assert (failed["former"], failed["environment"]) == ("staging", "broken")
    assert failed["outcome"] == "failed"
    assert failed["error"].startswith("`web`: asgi.py:2: AssertionError")
    table = stack.inv("dev.why").stdout.splitlines()
    assert [line.split("  ")[-1].strip() for line in table] == [
        "because of",
        "development -> staging",
        "staging -> broken",
        "asked",
    ]
    assert stack.ask("dev.why", "--count", "1")["switches"] == []
    assert len(stack.ask("dev.why", "web", "--count", "2")["switches"]) == 1
