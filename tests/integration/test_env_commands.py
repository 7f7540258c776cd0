"""`inv env.*` from the command line, and beside a stack that runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.processes import find_process
from stacks import STAY
from support import free_port, wait_until

if TYPE_CHECKING:
    from stacks import MakeProject

SERVER = """
import http.server, os
handler = http.server.BaseHTTPRequestHandler
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), handler).serve_forever()
"""
STAGING = "[tool.sceneshift.environments.staging]\n"


def test_the_environment_that_runs_is_told(make_project: MakeProject) -> None:
    """By the stack itself, whichever is active."""
    project = make_project(processes={"app": STAY}, settings=STAGING)
    project.start("--env", "staging").wait_status(app="ready")
    listed = {each["name"]: each for each in project.ask("env.list")["environments"]}
    assert {name: each["is_running"] for name, each in listed.items()} == {
        "development": False,
        "staging": True,
    }
    assert listed["development"]["is_active"]


@pytest.mark.parametrize(
    "words", [("env.show", "staging"), ("env.show", "--env", "staging")]
)
def test_an_environment_is_named_with_or_without_a_flag(
    make_project: MakeProject, words: tuple[str, ...]
) -> None:
    """Both mean the same."""
    project = make_project(processes={"app": STAY}, settings=STAGING)
    assert project.ask(*words)["environment"] == "staging"
    both = project.ask("env.show", "staging", "--env", "staging")
    assert both["environment"] == "staging"


def test_two_environments_at_once_are_refused(make_project: MakeProject) -> None:
    """Bad usage, said in the usual two lines."""
    project = make_project(processes={"app": STAY}, settings=STAGING)
    said = project.refuse("env.show", "staging", "--env", "development", code=2)
    assert said == (
        "error: one environment is to be named, found: staging, development\n"
        "hint: see which there are: inv env.list\n"
    )


SHOW = (
    "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), "
    "os.getpid(), os.getcwd()]))"
)


def test_a_command_gets_what_a_process_gets(make_project: MakeProject) -> None:
    """Its words as they are, the variables, and `.venv` on PATH."""
    files = {".env": "LEVEL=debug", ".venv/bin/activate": ""}
    project = make_project(files, processes={"app": STAY}, settings=STAGING)
    words = ["a  b", "--json", "", "--", "'"]
    done = project.inv("env.run", "staging", "--", "python3", "-c", SHOW, *words)
    argv, env, _, folder = json.loads(done.stdout)
    assert (argv, folder) == (words, str(project.root))
    assert (env["ENVIRONMENT"], env["SCENESHIFT_ENV"]) == ("staging", "staging")
    assert (env["LEVEL"], env["APP_PORT"]) == ("debug", "5000")
    assert env["PATH"].startswith(f"{project.root}/.venv/bin:")
    assert env["VIRTUAL_ENV"] == f"{project.root}/.venv"
    assert not env.keys() & {"PORT", "SCENESHIFT_ROOT", "HONCHO_PROCESS_NAME"}


def test_a_command_can_stand_for_a_process(make_project: MakeProject) -> None:
    """With its port and its own variables, and without the marks of a stack."""
    settings = STAGING + "[tool.sceneshift.processes.b]\nenv = { OWN = 'x$PORT' }"
    project = make_project(processes={"a": STAY, "b": STAY}, settings=settings)
    done = project.inv(
        *("env.run", "staging", "--process", "b", "--", "python3", "-c", SHOW)
    )
    env = json.loads(done.stdout)[1]
    assert (env["PORT"], env["OWN"]) == ("5100", "x$PORT")
    assert "SCENESHIFT_ROOT" not in env


def test_inv_within_a_command_means_its_own_files(make_project: MakeProject) -> None:
    """What the command was given does not bend another environment."""
    files = {".env": "LEVEL=debug", ".env.staging": "LEVEL=staging"}
    project = make_project(files, processes={"a": STAY, "b": STAY}, settings=STAGING)
    inner = ("inv", "env.show", "staging", "--json")
    done = project.inv("env.run", "dev", "--process", "b", "--", *inner)
    variables = {v["name"]: v["value"] for v in json.loads(done.stdout)["variables"]}
    assert (variables["LEVEL"], variables["A_PORT"]) == ("staging", "5000")


@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("kill -TERM $$", -signal.SIGTERM)]
)
def test_a_commands_end_is_its_own(
    make_project: MakeProject, script: str, code: int
) -> None:
    """By a code or by a signal, for it has taken the place of `inv`."""
    project = make_project()
    assert project.inv("env.run", "--", "sh", "-c", script).returncode == code


def test_a_broken_pipe_ends_a_command(make_project: MakeProject) -> None:
    """Python ignores that signal, and its children are not to."""
    project = make_project()
    done = project.inv("env.run", "--", "grep", "SigIgn", "/proc/self/status")
    assert int(done.stdout.split()[1], 16) & (1 << (signal.SIGPIPE - 1)) == 0


def test_a_script_without_a_first_line_is_run_by_a_shell(
    make_project: MakeProject,
) -> None:
    """As a shell itself does."""
    project = make_project({"x.sh": "echo $ENVIRONMENT $1\n", "y": "\0"})
    (project.root / "x.sh").chmod(0o755)
    done = project.inv("env.run", "--", "./x.sh", "a")
    assert done.stdout == "development a\n"


def test_a_command_that_cannot_be_run_is_told(make_project: MakeProject) -> None:
    """In the usual two lines: its first line names what is not there."""
    project = make_project({"x": "#!/none/such\n"})
    (project.root / "x").chmod(0o755)
    said = project.refuse("env.run", "--", "./x", code=2)
    assert said.startswith("error: `./x` cannot be run: no such file")


def test_an_export_is_for_eval(make_project: MakeProject) -> None:
    """And the next command of that shell understands it."""
    files = {".env": "URL=postgresql://u:a'b@h/d", ".env.staging": "URL=other"}
    project = make_project(files, processes={"app": STAY}, settings=STAGING)
    script = (
        'eval "$(inv env.export staging)"; echo "$URL"; eval "$(inv env.export dev)"; '
        'echo "$URL"; inv env.show staging --json'
    )
    done = subprocess.run(
        ["sh", "-ec", script],
        cwd=project.root,
        env=project.env,
        capture_output=True,
        text=True,
        check=True,
    )
    first, second, rest = done.stdout.split("\n", 2)
    assert (first, second) == ("other", "postgresql://u:a'b@h/d")
    variables = {v["name"]: v["value"] for v in json.loads(rest)["variables"]}
    assert variables["URL"] == "other"


EXAMPLE = {".env.example": "LEVEL=debug\nAPI_KEY=your-key\n"}
FIRST_START = (
    ".env is a copy of .env.example; you still have to fill in: API_KEY (.env:2)\n"
)


@pytest.mark.parametrize("flags", [(), ("--detach",)])
def test_a_first_start_copies_the_example(
    make_project: MakeProject, flags: tuple[str, ...]
) -> None:
    """The processes have its values, and a person is told what is left to do."""
    project = make_project(EXAMPLE, processes={"app": f"echo level $LEVEL; {STAY}"})
    stack = project.start(*flags)
    stack.wait_for(FIRST_START)
    stack.wait_status(app="ready")
    assert "level debug" in project.read_texts("app")
    assert project.inv("dev.stop").returncode == 0


def test_a_plan_says_what_a_first_start_copies(make_project: MakeProject) -> None:
    """And copies nothing."""
    project = make_project(EXAMPLE, processes={"app": STAY})
    said = project.inv("dev", "--dry-run").stderr
    assert f"a start would begin so: {FIRST_START}" in said
    assert not (project.root / ".env").exists()


@pytest.mark.parametrize("command", ["env.check-example", "env.check-secrets"])
def test_a_check_that_fails_ends_with_3(
    make_project: MakeProject, command: str
) -> None:
    """And still prints its data."""
    project = make_project({**EXAMPLE, ".env": "OTHER_TOKEN=1"})
    assert project.inv(command).returncode == (0 if "secrets" in command else 3)
    subprocess.run(["git", "init", "-q"], cwd=project.root, check=True)
    done = project.inv(command, "--json")
    assert done.returncode == 3
    assert "OTHER_TOKEN" in done.stdout


def test_the_ports_of_a_stack_are_its_own_until_it_is_killed(
    make_project: MakeProject,
) -> None:
    """What is left then is told apart, and can be ended."""
    port = free_port()
    settings = f"[tool.sceneshift.environments.development]\nports = {{ app = {port} }}"
    files, command = {"app.py": SERVER}, "python3 app.py & wait"
    project = make_project(files, processes={"app": command}, settings=settings)
    stack = project.start()
    stack.wait_status(app="ready")
    (row,) = project.ask("env.ports")["ports"]
    assert (row["state"], row["is_ours"]) == ("running", True)
    said = project.inv("env.ports", "--free", "app")
    assert said.returncode == 4
    assert "is held by the running stack\nhint: end the stack: inv dev.stop" in (
        said.stderr
    )
    # Each of the two would end what the other leaves.
    for pid in (guard := stack.guard(), stack.process.pid):
        os.kill(pid, signal.SIGSTOP)
    for pid in (guard, stack.process.pid):
        os.kill(pid, signal.SIGKILL)
    stack.process.wait()
    (row,) = project.ask("env.ports")["ports"]
    assert (row["state"], row["is_ours"]) == ("leftover", True)
    freed = project.ask("env.ports", "--free", "development")
    assert row["pid"] in [action["pid"] for action in freed["actions"]]
    assert project.ask("env.ports")["ports"][0]["state"] == "free"
    project.assert_nothing_left()


def test_a_plan_goes_with_what_it_is_the_plan_of(make_project: MakeProject) -> None:
    """Bad usage."""
    said = make_project().refuse("env.ports", "--dry-run", code=2)
    assert said.startswith("error: `--dry-run` goes with `--free`")


def test_a_stack_that_runs_is_validated(make_project: MakeProject) -> None:
    """Its processes are asked, and what a start needs is looked at."""
    port = free_port()
    settings = (
        f"[tool.sceneshift.environments.development]\nports = {{ app = {port} }}\n"
    )
    project = make_project(
        {"app.py": SERVER}, processes={"app": "python3 app.py"}, settings=settings
    )
    project.start().wait_status(app="ready")
    said = project.ask("env.validate")
    found = {each["name"]: each for each in said["checks"]}
    assert (said["environment"], said["is_ok"]) == ("development", True)
    assert found["ports"]["detail"] == f"app {port}"
    assert found["process app"]["detail"].startswith(f"port {port}: accepts, ")
    assert found["commands"]["detail"] == "all can be started: app"


def test_what_fails_is_said_with_its_remedy(make_project: MakeProject) -> None:
    """A row each, then the remedies, then the error that ends with 3."""
    project = make_project({".env": "A=1"}, processes={"app": "no-such-program"})
    done = project.inv("env.validate", "dev")
    assert done.returncode == 3
    assert "\ncommands " in done.stdout
    assert done.stderr.endswith(
        "commands: install it, or mend the line; looked in `.venv/bin` and PATH\n"
        "error: a check has failed: commands\n"
        "hint: the line of each above says what mends it\n"
    )


def test_a_configuration_that_cannot_be_read_is_a_finding(
    make_project: MakeProject,
) -> None:
    """The only one: everything else would be guessing. A mistyped name is none."""
    project = make_project({".env": "hello world"}, processes={"app": STAY})
    done = project.inv("env.validate", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["environment"], said["is_ok"]) == (3, None, False)
    (found,) = said["checks"]
    assert (found["name"], found["detail"]) == (
        "configuration",
        ".env:1: no assignment can be read here: `hello world`",
    )
    project.refuse("env.validate", "stagin", code=2)


def test_a_stack_that_is_suspended_is_told(make_project: MakeProject) -> None:
    """Nothing waits for its answer."""
    project = make_project(processes={"app": STAY})
    stack = project.start()
    stack.wait_status(app="ready")
    stack.send(signal.SIGSTOP)
    wait_until(lambda: "T" in find_state(stack.process.pid))
    done = project.inv("env.list")
    assert (done.returncode, done.stderr) == (
        0,
        f"the stack of this checkout is suspended: pid {stack.process.pid}\n",
    )
    found = project.ask("env.validate")["checks"]
    (told,) = [each for each in found if each["name"] == "processes"]
    assert told["detail"].startswith("the stack of this checkout is suspended")
    stack.send(signal.SIGCONT)


def find_state(pid: int) -> str:
    """Return the state of a process."""
    entry = find_process(pid)
    return "" if entry is None else entry.state


def test_the_machine_is_examined(make_project: MakeProject) -> None:
    """A project in which nothing is asked for is in order."""
    assert make_project().ask("env.doctor")["is_ok"]


SLOW = ["alembic", "asyncio", "docker", "jinja2", "pathspec", "psutil"]
SLOW += ["sqlalchemy", "watchfiles"]
LOADED = """
import sys
from invoke.main import program
before = set(sys.modules)
program.run(["inv", *sys.argv[1:]], exit=False)
print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "command", ["env.list", "env.show", "env.export", "env.ports", "env.check-example"]
)
def test_a_command_imports_nothing_slow(
    make_project: MakeProject, command: str
) -> None:
    """Each is typed often, and answered at once."""
    project = make_project(processes={"app": STAY}, settings=STAGING)
    done = subprocess.run(
        [sys.executable, "-c", LOADED, command],
        cwd=project.root,
        env=project.env,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = done.stderr.splitlines()[-1].split()
    assert "sceneshift.core.project" in loaded
    assert set(loaded).isdisjoint(SLOW)
