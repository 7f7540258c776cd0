from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from stacks import DEADLINE_S, POLITE, STAY

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
    """`{"environment", "processes": [{…}]}`, as the design says."""
    status = stack.project.ask("dev.status")
    assert status.keys() == {"environment", "processes"}
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
    project = make_project(processes={"app": STAY, "bad": STAY}, settings=BAD)
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
    assert stack.project.ask("dev.why") == {"reloads": []}
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
        "error: there is no process of that name: wrker\n"
        "hint: did you mean `worker`? the processes are: app, worker\n"
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


def test_a_second_dev_says_who_runs_and_follows(stack: Stack) -> None:
    """It shows what comes, and ends with the stack that it follows."""
    second = stack.project.start()
    second.wait_for(f"a stack runs here already: pid {stack.process.pid}, environment")
    local = r"environment development, since (\d{4}-\d\d-\d\d )?\d\d:\d\d; "
    assert re.search(local, second.output)
    stack.project.inv("dev.restart", "worker")
    second.wait_for("worker | bye")
    assert stack.stop() == 130
    assert second.wait() == 0


# -- what is started


def test_a_dry_run_starts_nothing(project: Project) -> None:
    """`--dry-run` is a table of what would be started, or JSON."""
    plan = project.ask("dev", "--dry-run")
    assert plan.keys() == {"environment", "actions"}
    app, worker = plan["actions"]
    assert app["process"] == "app"
    assert worker["command"] == f"echo pid $$; {POLITE}"
    assert app.keys() == {
        "process",
        "command",
        "after",
        "how",
        "reason",
        "setup",
        "port",
        "url",
    }
    done = project.inv("dev", "--dry-run")
    assert [row.split()[0] for row in done.stdout.splitlines()] == [
        "process",
        "app",
        "worker",
    ]
    assert "nothing is started" in done.stderr
    assert not (project.root / ".sceneshift").exists()
    assert not project.left()


def test_detach_returns_when_everything_is_ready(project: Project) -> None:
    """The prompt is back, the stack runs on, and `dev.stop` ends it."""
    status = project.ask("dev", "--detach")
    assert [each["state"] for each in status["processes"]] == ["ready", "ready"]
    assert project.ask("dev.status") == status
    said = project.refuse("dev", "--detach", code=5)
    assert said.startswith("error: a stack runs in this checkout already: ")
    assert project.inv("dev.stop").returncode == 0
    project.assert_nothing_left()


def test_detach_tells_what_did_not_come_up(make_project: MakeProject) -> None:
    """What can run does, and the exit code is 1."""
    project = make_project(processes={"app": STAY, "bad": STAY}, settings=BAD)
    done = project.inv("dev", "--detach")
    assert done.returncode == 1
    assert "error: the stack runs, but not: bad\n" in done.stderr
    assert project.inv("dev.stop").returncode == 0
    project.assert_nothing_left()


def test_detach_says_what_it_waits_for(make_project: MakeProject) -> None:
    """A first start may take minutes, and the prompt is away all the while."""
    wait = "until test -e go; do sleep 0.02; done"
    project = make_project(
        processes={"app": STAY, "slow": f"{wait}; echo open; exec sleep 300"},
        settings='[tool.sceneshift.processes.slow]\nhealth = { log = "open" }\n',
    )
    command = project.start_command("dev", "--detach")
    command.wait_for("on the way: slow (starting)")
    project.write({"go": ""})
    assert command.process.wait(DEADLINE_S) == 0
    assert project.inv("dev.stop").returncode == 0
    project.assert_nothing_left()


def test_detach_passes_its_flags_on(make_project: MakeProject) -> None:
    """What runs in the background is what was asked for."""
    project = make_project(
        {"Procs": f"app: {STAY}\nbase: {STAY}\nx: {STAY}\n"}, settings=TWO
    )
    words = ["--procfile", "Procs", "--env", "stage", "--only", "app"]
    status = project.ask("dev", "--detach", *words, "--concurrency", "app=2")
    assert status["environment"] == "staging"
    assert [each["name"] for each in status["processes"]] == ["app.1", "app.2", "base"]
    assert project.inv("dev.stop").returncode == 0


def test_detach_shows_why_nothing_runs(make_project: MakeProject) -> None:
    """A stack that ends at once is an error with its last words."""
    project = make_project(processes={"app": "echo gone"})
    done = project.inv("dev", "--detach")
    if done.returncode:  # else the command was quicker than the process
        assert "the stack ended with code 0" in done.stderr or (
            "the stack has just ended" in done.stderr
        )
    project.assert_nothing_left()


BAD = '[tool.sceneshift.processes.bad]\nsetup = { run = "exit 3" }\n'
TWO = """\
[tool.sceneshift.environments.development]
env = { WHERE = "at home" }
[tool.sceneshift.environments.staging]
aliases = ["stage"]
env = { WHERE = "on stage" }
[tool.sceneshift.processes.app]
depends_on = { base = "started" }
"""


def test_only_starts_what_is_named_and_needed(make_project: MakeProject) -> None:
    """`--only app` starts its dependencies too."""
    processes = {"other": STAY, "base": STAY, "app": STAY}
    project = make_project(processes=processes, settings=TWO)
    stack = project.start("--only", "app")
    assert stack.wait_status(base="ready", app="ready").keys() == {"base", "app"}
    assert stack.stop() == 130


def test_concurrency_starts_several(make_project: MakeProject) -> None:
    """`--concurrency app=2` gives each its own name and port."""
    line = 'echo "$HONCHO_PROCESS_NAME at" `printenv PORT`; exec sleep 300'
    stack = make_project(processes={"a": line, "b": line}).start("--concurrency", "b=2")
    status = stack.wait_status(**{"a": "ready", "b.1": "ready", "b.2": "ready"})
    ports = [status[name]["port"] for name in ("a", "b.1", "b.2")]
    assert [port - ports[0] for port in ports] == [0, 100, 101]
    stack.wait_for(f"b.2    | b.2 at {ports[2]}\n")
    stack.wait_for(f"b.1    | b.1 at {ports[1]}\n")
    assert len(_texts(stack.project, "b")) == 2
    _a, one, two = stack.project.ask("dev.stop", "b")["processes"]
    assert one["state"] == two["state"] == "stopped"
    assert stack.stop() == 130


def test_the_environment_is_chosen_by_name_or_alias(make_project: MakeProject) -> None:
    """`--env stage` gives the processes that environment's values."""
    line = 'echo "$WHERE, $SCENESHIFT_ENV"; exec sleep 300'
    project = make_project(processes={"base": line, "app": line}, settings=TWO)
    stack = project.start("--env", "stage")
    stack.wait_for("app.1  | on stage, staging\n")
    assert project.ask("dev.status")["environment"] == "staging"
    assert stack.stop() == 130


def test_another_procfile_is_taken(make_project: MakeProject) -> None:
    """`--procfile` wins over `Procfile.dev`."""
    project = make_project({"procs/other": "one: echo here; exec sleep 300\n"})
    stack = project.start("--procfile", "procs/other")
    stack.wait_for("one.1  | here\n")
    assert stack.stop() == 130


# -- logs


@pytest.fixture
def logged(make_project: MakeProject) -> Project:
    """Return a project whose stack has run and ended."""
    processes = {"a": "echo one; echo two", "b": "echo three; echo four >&2"}
    project = make_project(processes=processes)
    assert project.start().wait() == 0
    return project


def _texts(project: Project, *words: str) -> list[str]:
    lines = project.inv("dev.logs", *words, "--json").stdout.splitlines()
    entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [each["text"] for each in entries if not each["note"]]


def test_logs_outlive_the_stack(logged: Project) -> None:
    """All, some, filtered and counted."""
    assert sorted(_texts(logged)) == ["four", "one", "three", "two"]
    assert _texts(logged, "a") == _texts(logged, "a.1") == ["one", "two"]
    assert _texts(logged, "b", "a", "--grep", "^t") in (
        ["two", "three"],
        ["three", "two"],
    )
    assert _texts(logged, "--since", "2099-01-01") == []
    assert len(_texts(logged, "--since", "1h")) == 4
    line = json.loads(logged.inv("dev.logs", "a", "--json").stdout.splitlines()[0])
    assert line.keys() == {"process", "time", "text", "note"}


def test_logs_for_people_have_time_and_name(logged: Project) -> None:
    """`HH:MM:SS name | text`."""
    at, name, mark, text = logged.inv("dev.logs", "a").stdout.splitlines()[0].split()
    assert len(at) == len("12:34:56")
    assert (name, mark, text) == ("a", "|", "one")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--grep", "("], "`--grep` is no regular expression: ("),
        (["--since", "soon"], "`--since` is neither a span nor a time: soon"),
        (["--lines", "-1"], "`--lines` is to be a number from 1 on, found: -1"),
        (["--lines", "few"], "`--lines` is to be a number from 1 on, found: few"),
        (["bb"], "there is no log of a process `bb`"),
    ],
)
def test_logs_refuse_what_they_cannot_mean(
    logged: Project, words: list[str], complaint: str
) -> None:
    """Exit code 2 and one line."""
    said = logged.refuse("dev.logs", *words, code=2)
    assert said.startswith(f"error: {complaint}")
    assert "\nhint: " in said


def test_output_that_nobody_reads_is_no_traceback(logged: Project) -> None:
    """As in `inv dev.logs | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [logged.inv_path, "dev.logs"],
        cwd=logged.root,
        env=logged.env,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_logs_follow_until_the_stack_ends(stack: Stack) -> None:
    """`-f` shows what was and what comes, filtered by name and pattern."""
    log = stack.project.start_command("dev.logs", "worker", "-f", "--grep", "^[ub]")
    log.wait_for("worker | up")
    stack.project.inv("dev.restart")
    log.wait_for("worker | bye")
    log.wait_for("worker | up", 2)
    assert stack.stop() == 130
    assert log.wait() == 0
    assert {line.split(" | ")[0][9:] for line in log.output.splitlines()} == {"worker"}


def test_the_processes_logs_are_private(stack: Stack) -> None:
    """The state folder is the user's own, and ignored by git."""
    folder = stack.project.root / ".sceneshift"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "dev.sock").stat().st_mode & 0o777 == 0o600
    assert (folder / ".gitignore").read_text() == "*\n"
