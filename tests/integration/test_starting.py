from __future__ import annotations

import fcntl
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from stacks import DEADLINE_S, FAILING_SETUP, POLITE, STAY
from support import wait_until

if TYPE_CHECKING:
    from stacks import MakeProject, Project

TWO = """\
[tool.sceneshift.environments.development]
env = { WHERE = "at home" }
[tool.sceneshift.environments.staging]
aliases = ["stage"]
env = { WHERE = "on stage" }
[tool.sceneshift.processes.app]
depends_on = { base = "started" }
"""


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """Return a project with two processes."""
    return make_project(processes={"app": STAY, "worker": f"echo pid $$; {POLITE}"})


def test_a_second_dev_says_who_runs_and_follows(project: Project) -> None:
    """It shows what comes, and ends with the stack that it follows.

    Another environment than that one's is not what was asked for.
    """
    first = project.start()
    first.wait_status(app="ready", worker="ready")
    second = project.start()
    second.wait_for(f"a stack runs here already: pid {first.process.pid}, environment")
    local = r"environment development, since (\d{4}-\d\d-\d\d )?\d\d:\d\d; "
    assert re.search(local, second.output)
    project.inv("dev.restart", "worker")
    second.wait_for("worker | bye")
    project.write({".env.staging": ""})
    said = project.refuse("dev", "--env", "staging", code=5)
    assert said == (
        "error: a stack runs in this checkout already, in development\n"
        "hint: switch it: inv env.switch staging; or end it: inv dev.stop\n"
    )
    third = project.start("--env", "dev")
    third.wait_for("a stack runs here already")
    assert first.stop() == 130
    assert second.wait() == third.wait() == 0


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
        "debug_port",
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


def test_a_stack_needs_no_open_descriptor(project: Project) -> None:
    """As in a line of `nohup`; what is opened next must not take their place."""

    def start(words: str) -> subprocess.Popen[bytes]:
        command = f"exec {project.inv_path} {words} <&- >&- 2>&-"
        return subprocess.Popen(
            ["/bin/sh", "-c", command], cwd=project.root, env=project.env
        )

    assert start("dev --detach").wait(DEADLINE_S) == 0
    assert start("dev.logs").wait(DEADLINE_S) == 0
    assert project.inv("dev.stop").returncode == 0
    stack = start("dev")
    wait_until(lambda: project.inv("dev.status").returncode == 0, DEADLINE_S)
    assert project.inv("dev.stop").returncode == 0
    assert stack.wait(DEADLINE_S) == 0
    project.assert_nothing_left()


def test_detach_tells_what_did_not_come_up(make_project: MakeProject) -> None:
    """What can run does, and the exit code is 1."""
    project = make_project(processes={"app": STAY, "bad": STAY}, settings=FAILING_SETUP)
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


def test_detach_needs_no_tasks_of_a_usual_name(project: Project) -> None:
    """What runs in the background does not look for them again."""
    (project.root / "tasks.py").rename(project.root / "other.py")
    assert project.ask("-c", "other", "dev", "--detach")["processes"]
    assert project.inv("-c", "other", "dev.stop").returncode == 0
    project.assert_nothing_left()


def test_detach_shows_why_nothing_runs(project: Project) -> None:
    """A stack that ends at once is an error with its last words."""
    lock = project.root / ".sceneshift" / "dev.lock"
    lock.parent.mkdir()
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # a stack that does not answer yet
        done = project.inv("dev", "--detach")
    assert done.returncode == 1
    assert "the stack ended with code 5: error: a stack runs in this" in done.stderr
    assert done.stderr.endswith(f"hint: see {lock.parent / 'logs' / 'dev.out'}\n")
    project.assert_nothing_left()


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
    assert len(stack.project.read_texts("b")) == 2
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
