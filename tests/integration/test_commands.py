from __future__ import annotations

import signal
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from stacks import FAILING_SETUP, POLITE, STAY

if TYPE_CHECKING:
    from stacks import MakeProject, Project, Stack

STATUS_KEYS = {
    "name",
    "state",
    "pid",
    "port",
    "url",
    "restarts",
    "started_at",
    "is_broken",
    "breakpoint",
    "debug_port",
    "debugger",
    "reload",
    "reload_reason",
    "left_out",
}
RELOAD_KEYS = {
    "process",
    "at",
    "cause",
    "files",
    "rung",
    "reason",
    "duration_s",
    "outcome",
    "error",
}


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """Return a project with two processes."""
    return make_project(processes={"app": STAY, "worker": f"echo pid $$; {POLITE}"})


@pytest.fixture
def stack(project: Project) -> Stack:
    """Return the two, running."""
    running = project.start()
    running.wait_status(app="ready", worker="ready")
    return running


def test_status_has_the_documented_shape(stack: Stack) -> None:
    """`{"environment", "switch", "processes": [{…}]}`, as the design says."""
    status = stack.project.ask("dev.status")
    assert status.keys() == {"environment", "switch", "processes"}
    assert status["switch"] is None
    assert status["environment"] == "development"
    app, worker = status["processes"]
    assert app.keys() == worker.keys() == STATUS_KEYS
    assert (app["name"], app["state"], app["restarts"]) == ("app", "ready", 0)
    assert (worker["port"], worker["url"]) == (app["port"] + 100, None)
    assert datetime.fromisoformat(app["started_at"]).tzinfo is not None
    stack.wait_for(f"pid {worker['pid']}\n")


def test_status_is_a_table_for_people(stack: Stack) -> None:
    """Data is on standard output, and the environment's name beside it."""
    done = stack.project.inv("dev.status")
    head, app, worker = done.stdout.splitlines()
    assert head.split() == ["process", "state", "pid", "restarts", "address"]
    assert app.split()[:2] == ["app", "ready"]
    assert worker.split()[:2] == ["worker", "ready"]
    assert done.stderr == "environment: development\n"


def test_restart_takes_another_process(stack: Stack) -> None:
    """One process is restarted, the other stays what it was."""
    before = stack.status()
    done = stack.project.ask("dev.restart", "worker")
    after = {each["name"]: each for each in done["processes"]}
    assert after["worker"]["pid"] != before["worker"]["pid"]
    assert (after["worker"]["state"], after["worker"]["restarts"]) == ("ready", 1)
    assert after["app"] == before["app"]
    stack.wait_for("bye")


def test_restart_without_a_name_restarts_all(stack: Stack) -> None:
    """No name means every process."""
    done = stack.project.ask("dev.restart")
    assert [each["restarts"] for each in done["processes"]] == [1, 1]


def test_a_stopped_process_is_started_again(stack: Stack) -> None:
    """`dev.stop NAME` and `dev.start NAME` leave the rest alone."""
    _app, worker = stack.project.ask("dev.stop", "worker")["processes"]
    assert (worker["state"], worker["pid"]) == ("stopped", None)
    app, worker = stack.project.ask("dev.start", "worker")["processes"]
    assert (app["state"], worker["state"]) == ("ready", "ready")
    assert stack.process.poll() is None


def test_a_failed_start_is_told_by_the_exit_code(make_project: MakeProject) -> None:
    """`dev.start` ends with 1 where the process is not up after it."""
    project = make_project(processes={"app": STAY, "bad": STAY}, settings=FAILING_SETUP)
    project.start().wait_status(bad="failed")
    done = project.inv("dev.start", "bad")
    assert done.returncode == 1
    assert "error: not up: bad\nhint: see why: inv dev.logs bad\n" in done.stderr


def test_a_restart_into_broken_code_is_told_by_the_exit_code(
    make_project: MakeProject,
) -> None:
    """`dev.restart` ends with 1 where the old code goes on, and says of which."""
    files = {"app.py": "import signal\n\nsignal.pause()\n"}
    project = make_project(files, processes={"app": "python app.py", "other": STAY})
    running = project.start()
    running.wait_status(app="ready", other="ready")
    project.write({"app.py": "signal.pause(\n"})
    running.wait_for("the old code goes on")
    done = project.inv("dev.restart", "app", "other")
    assert done.returncode == 1
    assert (
        "error: the new code is broken, and the old code goes on: app\n"
        "hint: see why: inv dev.logs app\n"
    ) in done.stderr
    assert project.inv("dev.restart", "other").returncode == 0


def test_stop_without_a_name_ends_the_stack(stack: Stack) -> None:
    """The command returns when nothing is left."""
    assert stack.project.ask("dev.stop") == {"stopped": True, "pid": stack.process.pid}
    assert stack.wait() == 0
    assert stack.lines.count("bye") == 1


def test_stop_says_which_stack_has_ended(stack: Stack) -> None:
    """For people it is a sentence."""
    done = stack.project.inv("dev.stop")
    assert f"the stack has ended (pid {stack.process.pid})" in done.stderr
    assert stack.wait() == 0


def test_why_tells_the_last_reloads(stack: Stack) -> None:
    """Which file or word, which process, which rung, how long."""
    said = stack.project.ask("dev.why")
    assert said == {"reloads": [], "switches": [], "left_out": {}}
    assert "nothing was reloaded yet" in stack.project.inv("dev.why").stderr
    stack.project.inv("dev.restart", "app")
    stack.project.inv("dev.restart", "worker")
    reloads = stack.project.ask("dev.why")["reloads"]
    assert [each["process"] for each in reloads] == ["app", "worker"]
    (reload,) = stack.project.ask("dev.why", "app")["reloads"]
    assert reload.keys() == RELOAD_KEYS
    assert (reload["cause"], reload["rung"], reload["outcome"]) == (
        "asked",
        "cold",
        "served",
    )
    assert reload["reason"]
    assert reload["duration_s"] > 0
    table = stack.project.inv("dev.why", "--count", "1").stdout.splitlines()
    assert len(table) == 2
    assert table[1].split()[1] == "worker"


@pytest.mark.parametrize("count", ["0", "-1", "few"])
def test_why_refuses_a_count_that_is_none(project: Project, count: str) -> None:
    """Exit code 2 and one line, not an empty table."""
    said = project.refuse("dev.why", "--count", count, code=2)
    assert said.startswith("error: `--count` is to be a number from 1 on, found: ")


@pytest.mark.parametrize(
    "words",
    [
        ["dev.restart"],
        ["dev.stop"],
        ["dev.start"],
        ["dev.why"],
        ["dev.attach"],
        ["dev.logs", "-f"],
    ],
    ids=" ".join,
)
def test_an_unknown_name_is_a_usage_error(stack: Stack, words: list[str]) -> None:
    """Exit code 2, and the nearest name."""
    said = stack.project.refuse(*words, "wrker", code=2)
    assert said == (
        "error: there is no process `wrker`\nhint: did you mean `worker`?\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ["dev.status"],
        ["dev.status", "--json"],
        ["dev.restart"],
        ["dev.start", "app"],
        ["dev.stop"],
        ["dev.why"],
        ["dev.attach", "app"],
        ["dev.logs", "-f"],
    ],
    ids=" ".join,
)
def test_where_nothing_runs_the_commands_say_so(
    project: Project, words: list[str]
) -> None:
    """Exit code 1, and how to start."""
    said = project.refuse(*words, code=1)
    where = project.root.resolve()
    assert said == (
        f"error: nothing runs in this checkout: {where}\nhint: start it: inv dev\n"
    )


@pytest.mark.parametrize("words", [["dev.status"], ["dev.stop"], ["dev"]], ids=str)
def test_a_suspended_stack_is_told_at_once(stack: Stack, words: list[str]) -> None:
    """Ctrl-Z was pressed in its terminal: it would not answer."""
    pid = stack.process.pid
    stack.send(signal.SIGSTOP)
    try:
        said = stack.project.refuse(*words, code=1)
    finally:
        stack.send(signal.SIGCONT)
    assert said.startswith(f"error: the stack of this checkout is suspended: pid {pid}")
    assert stack.status()


def test_attach_needs_a_breakpoint(stack: Stack) -> None:
    """A process that runs has no prompt to give."""
    said = stack.project.refuse("dev.attach", "app", code=1)
    assert said.startswith("error: `app` stands at no breakpoint\nhint: ")


def test_the_processes_logs_are_private(stack: Stack) -> None:
    """The state folder is the user's own, and ignored by git."""
    folder = stack.project.root / ".sceneshift"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "dev.sock").stat().st_mode & 0o777 == 0o600
    assert (folder / ".gitignore").read_text() == "*\n"
