"""What stands before a switch: checks, a protected environment's name, migrations."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from stacks import STAY
from support import free_port
from switching import (
    FILES,
    MIGRATIONS,
    WEB,
    active,
    begin_switch,
    environments,
    refuse,
    switch,
)

if TYPE_CHECKING:
    from pathlib import Path

    from reloading import Stack
    from stacks import MakeProject, Project

TASKS = "from sceneshift import namespace\nns = namespace()\n"
UNFIT = 'databases = { default = "sqlite:///none.db" }\n'
PRODUCTION = "[tool.sceneshift.environments.production]\nprotected = true\n"
LOCKED = f"[tool.sceneshift.environments.staging]\n{PRODUCTION}aliases = ['live']\n"


def configure(*ports: int) -> dict[str, str]:
    """Return the files of a project whose staging has a database that is missing."""
    settings = environments(development=ports[0], staging=ports[1]) + UNFIT
    return {**FILES, "tasks.py": TASKS, "pyproject.toml": settings}


# -- checks


@pytest.mark.parametrize("is_running", [True, False])
def test_a_failed_check_is_a_refusal_unless_it_is_forced(
    stack: Stack, *, is_running: bool
) -> None:
    """What failed is named with what mends it; nothing was begun."""
    files = configure(stack.port, stack.port)
    stack.write(files)
    if is_running:
        stack.start(files)
        stack.wait_page("development")
    said = refuse(stack, "staging", "--validate", code=4)
    assert "database default: failed: sqlite: " in said
    assert ": make it, or mend DATABASE_URL" in said
    assert said.splitlines()[-2:] == [
        "error: not switched to `staging`: a check has failed: database default",
        "hint: mend what the lines above say, or switch nevertheless: --force",
    ]
    assert active(stack) is None
    forced = stack.inv("env.switch", "staging", "--validate", "--force")
    assert (forced.returncode, active(stack)) == (0, "staging\n")
    assert "database default: failed: " in forced.stderr


SETUP = 'setup = { run = "python make.py", when = ["make.py"] }\n'
MAKING = """\
import os, sqlite3
path = os.environ.get("DATABASE_URL", "").removeprefix("sqlite:///")
sqlite3.connect(path or ":memory:").execute("create table made as select 1 as id")
"""


@pytest.mark.parametrize("is_running", [True, False])
def test_what_a_set_up_makes_first_hinders_no_switch(
    stack: Stack, *, is_running: bool
) -> None:
    """It is a warning that names the step; where that has been, it is a failure."""
    files = configure(stack.port, stack.port)
    files["pyproject.toml"] += f"[tool.sceneshift.processes.web]\n{SETUP}"
    stack.write({**files, "make.py": MAKING})
    if is_running:
        stack.start(files)
        stack.wait_page("development")
    done = stack.inv("env.switch", "staging", "--validate")
    assert done.returncode == 0, done.stderr
    assert (
        "database default: warning: sqlite: the file does not exist: "
        "left to the set-up of `web`, `python make.py`\n" in done.stderr
    )
    assert (stack.root / "none.db").exists() is is_running
    if is_running:
        switch(stack, "development")
        (stack.root / "none.db").unlink()
        said = refuse(stack, "staging", "--validate", code=4)
        assert "database default: failed: sqlite: the file does not exist: make" in said


def test_packages_that_a_set_up_installs_hinder_no_switch(stack: Stack) -> None:
    """Where the step is to run; elsewhere, where nothing would, they do."""
    files = configure(stack.port, stack.port)
    setup = 'setup = { run = "mkdir node_modules", when = ["package-lock.json"] }\n'
    plain = files["pyproject.toml"].replace(UNFIT, "")
    plain += f"[tool.sceneshift.processes.web]\n{setup}"
    lock = '{"packages": {}}'
    files |= {"pyproject.toml": plain, "package-lock.json": lock}
    stack.write({**files, "other/package-lock.json": lock})
    said = refuse(stack, "staging", "--validate", code=4)
    assert (
        "node packages: warning: there is no node_modules: "
        "left to the set-up of `web`, `mkdir node_modules`\n" in said
    )
    assert "node packages of other: failed: there is no node_modules: npm " in said


def test_an_address_that_is_handed_over_is_free_for_a_switch(stack: Stack) -> None:
    """The stack itself has it, and gives it up; another program would not."""
    files = configure(stack.port, stack.port)
    stack.start(files)
    stack.wait_page("development")
    (stack.root / "none.db").touch()
    said = stack.ask("env.switch", "staging", "--validate")
    found = {each["name"]: each["state"] for each in said["checks"]}
    assert (found["ports"], found["database default"]) == ("ok", "ok")
    assert stack.get() == "staging"


@pytest.mark.parametrize("is_running", [True, False])
def test_a_plan_has_the_checks_too(stack: Stack, *, is_running: bool) -> None:
    """All of both is shown before it is said that this would be refused."""
    files = configure(stack.port, free_port())
    stack.write(files)
    if is_running:
        stack.start(files)
        stack.wait_page("development")
    words = ["env.switch", "staging", "--dry-run", "--validate"]
    done = stack.inv(*words)
    assert done.returncode == 4
    assert "database default" in done.stdout
    assert ("replace" in done.stdout) is is_running
    as_json = stack.inv(*words, "--json")
    said = json.loads(as_json.stdout)
    assert (as_json.returncode, said["outcome"]) == (4, "planned")
    failed = [each["name"] for each in said["checks"] if each["state"] == "failed"]
    assert failed == ["database default"]
    assert stack.inv(*words, "--force").returncode == 0
    assert active(stack) is None


def test_what_cannot_be_read_is_a_check_that_has_failed(
    make_project: MakeProject,
) -> None:
    """The only one: everything else would be guessing."""
    files = {".env.staging": "A=1\nB='open\n"}
    project = make_project(files, processes={"app": STAY})
    said = project.refuse("env.switch", "staging", "--validate", code=4)
    assert "configuration: failed: .env.staging:2: " in said
    said = project.refuse("env.switch", "stagign", "--validate", code=2)
    assert said.startswith("error: there is no environment `stagign`\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no environment is named to switch to"),
        (
            ["staging", "--force"],
            "`--force` goes with `--validate`: nothing is checked",
        ),
        (["staging", "--env", "x"], "one environment is to be named, found: staging"),
        (["staging", "--within", "x"], "`--within` is to be a number from 1 on"),
    ],
)
def test_what_a_switch_cannot_mean_is_refused(
    make_project: MakeProject, words: list[str], message: str
) -> None:
    """By what is wrong, and with what to type instead."""
    project = make_project(processes={"app": STAY})
    said = project.refuse("env.switch", *words, code=2)
    assert said.startswith(f"error: {message}")
    assert "\nhint: " in said


# -- a protected environment


def protect(make_project: MakeProject) -> Project:
    """Return a project with a protected environment."""
    return make_project(processes={"app": STAY}, settings=LOCKED)


def read_active(project: Project) -> str:
    """Return the environment that the next start would be in."""
    return (project.root / ".sceneshift" / "environment").read_text().strip()


@pytest.mark.parametrize("is_running", [True, False])
def test_a_protected_environment_needs_a_word(
    make_project: MakeProject, *, is_running: bool
) -> None:
    """Where nobody can be asked; its plan needs none."""
    project = protect(make_project)
    if is_running:
        project.start().wait_status(app="ready")
    said = project.refuse("env.switch", "live", code=4)
    assert said == (
        "error: `production` is protected, and nobody can be asked here\n"
        "hint: confirm it: inv env.switch production --yes\n"
    )
    assert project.ask("env.switch", "live", "--dry-run")["is_protected"]
    assert not (project.root / ".sceneshift" / "environment").exists()
    assert project.ask("env.switch", "live", "--yes")["environment"] == "production"
    assert read_active(project) == "production"
    again = project.ask("env.switch", "live")  # it is there: nothing is asked
    assert again["outcome"] == "already"


@pytest.mark.parametrize("is_running", [True, False])
@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (b"production\r", 0, "in `production`"),
        (b"live\r", 4, "`live` was typed: nothing was done"),
        (b"\x04", 4, "its name was not typed: nothing was done"),
        (b"\x03", 130, "type its name"),
    ],
    ids=["name", "alias", "end", "interrupt"],
)
def test_its_name_is_asked_for_on_a_terminal(
    make_project: MakeProject, typed: bytes, code: int, said: str, *, is_running: bool
) -> None:
    """Its own, no alias; the plan is shown before."""
    project = protect(make_project)
    if is_running:
        project.start().wait_status(app="ready")
        said = said.replace("in `production`", "from `development` to `production`")
    terminal = project.start_in_terminal("env.switch", "live")
    terminal.wait_for("`production` is protected, and this switches to it; type its")
    assert "from `development` to `production`; nothing is done yet" in terminal.output
    assert ("replace" in terminal.output) is is_running
    terminal.type(typed)
    terminal.wait_for(said)
    assert terminal.process.wait(30) == code
    is_switched = (project.root / ".sceneshift" / "environment").exists()
    assert is_switched is (code == 0)


def test_what_is_no_text_is_another_name(make_project: MakeProject) -> None:
    """A terminal may send any bytes."""
    project = protect(make_project)
    project.env["PYTHONIOENCODING"] = "utf-8:strict"
    terminal = project.start_in_terminal("env.switch", "live")
    terminal.wait_for("type its name:")
    terminal.type(b"production\xff\r")
    terminal.wait_for("was typed: nothing was done")
    assert terminal.process.wait(30) == 4


def test_yes_is_the_answer_on_a_terminal_too(make_project: MakeProject) -> None:
    """Nothing is asked."""
    project = protect(make_project)
    terminal = project.start_in_terminal("env.switch", "live", "--yes")
    terminal.wait_for("the next `inv dev` starts in `production`")
    assert terminal.process.wait(30) == 0
    assert "type its name" not in terminal.output


# -- migrations


def start_lacking(stack: Stack, *, is_running: bool = True) -> None:
    """Have a project whose staging lacks two migrations."""
    stack.env["INVOKE_SCENESHIFT_MIGRATIONS"] = "known_migrations"
    pyproject = environments(development=stack.port, staging=free_port())
    files = {**FILES, "pyproject.toml": pyproject, "known_migrations.py": MIGRATIONS}
    lacking = {"pending-staging": "a1 b2", "pending-development": ""}
    stack.write({**files, **lacking, "tasks.py": TASKS})
    if is_running:
        stack.start({**files, "Procfile.dev": WEB + "worker: python worker.py\n"})
        stack.wait_page("development")
        stack.wait_ready("worker")


def lacks(folder: Path) -> list[str]:
    """Return the migrations that staging lacks."""
    return (folder / "pending-staging").read_text().split()


@pytest.mark.parametrize("is_running", [True, False])
def test_pending_migrations_are_told(stack: Stack, *, is_running: bool) -> None:
    """By a plan as after a switch; none is applied."""
    start_lacking(stack, is_running=is_running)
    entries = [
        {
            "database": "default",
            "revisions": ["a1", "b2"],
            "is_applied": False,
            "problem": None,
        },
        {
            "database": "cache",
            "revisions": [],
            "is_applied": False,
            "problem": "it is no table",
        },
    ]
    plan = stack.ask("env.switch", "staging", "--dry-run", "--migrate")
    assert plan["migrations"] == entries
    done = stack.inv("env.switch", "staging")
    assert done.returncode == 0
    assert done.stderr.splitlines()[-3:] == [
        "migrations: default: pending: a1, b2",
        "migrations: cache: it is no table",
        "apply them: inv env.switch staging --migrate",
    ]
    assert stack.ask("env.switch", "staging")["migrations"] == entries
    assert lacks(stack.root) == ["a1", "b2"]


def test_what_cannot_be_known_of_migrations_hinders_no_switch(stack: Stack) -> None:
    """It is told, whatever went wrong there."""
    start_lacking(stack)
    (stack.root / "unknown").touch()
    done = stack.inv("env.switch", "staging")
    assert done.stderr.splitlines()[-1] == "migrations: no database answers"
    (stack.root / "unknown").unlink()
    (stack.root / "pending-development").unlink()
    done = stack.inv("env.switch", "development")
    assert (done.returncode, stack.ask("dev.status")["environment"]) == (
        0,
        "development",
    )
    assert done.stderr.splitlines()[-1].startswith("migrations: FileNotFoundError: ")
    stack.edit("known_migrations.py", "import time", "import nowhere")
    done = stack.inv("env.switch", "staging")
    assert done.returncode == 0
    assert "migrations: ModuleNotFoundError: No module named 'now" in done.stderr


@pytest.mark.parametrize("is_running", [True, False])
def test_migrations_are_applied_before_anything_starts(
    stack: Stack, *, is_running: bool
) -> None:
    """And told as applied."""
    start_lacking(stack, is_running=is_running)
    if is_running:
        look = "import os\nif os.environ['NAME'] == 'staging':\n"
        look += "    print('lacks', open('pending-staging').read(), '.', flush=True)\n"
        stack.write({"worker.py": look + FILES["worker.py"]})
        stack.wait_output("worker.*reloaded")
    done = stack.inv("env.switch", "staging", "--migrate")
    assert done.returncode == 0, done.stderr
    assert "migrations: default: applied: a1, b2" in done.stderr
    assert lacks(stack.root) == []
    if is_running:
        stack.wait_output(r"lacks\s+\.")
    again = stack.inv("env.switch", "staging", "--migrate")
    assert (again.returncode, "migrations" in again.stderr) == (0, False)
    said = stack.ask("env.switch", "development", "--migrate")
    assert said["migrations"] == [
        {
            "database": "default",
            "revisions": [],
            "is_applied": True,
            "problem": None,
        }
    ]


def test_who_migrates_for_long_is_told_so(stack: Stack) -> None:
    """A table may be locked by somebody else."""
    start_lacking(stack, is_running=False)
    (stack.root / "hold").touch()
    client = begin_switch(stack, "staging", "--migrate")
    assert client.stderr is not None
    assert client.stderr.readline() == "1 s: applying migrations to `staging`\n"
    (stack.root / "hold").unlink()
    _said, errors = client.communicate(timeout=30)
    assert (client.returncode, "applied: a1, b2" in errors) == (0, True)


@pytest.mark.parametrize("is_running", [True, False])
def test_a_migration_that_fails_is_no_switch(stack: Stack, *, is_running: bool) -> None:
    """Exit code 1; what runs is as it was."""
    start_lacking(stack, is_running=is_running)
    (stack.root / "broken").touch()
    pid = stack.pid("web") if is_running else None
    said = refuse(stack, "staging", "--migrate")
    assert said == (
        "error: not switched to `staging`: `default`: revision b2 has failed\n"
        "hint: mend it\n"
    )
    assert active(stack) is None
    if is_running:
        assert (stack.pid("web"), stack.get()) == (pid, "development")
        assert stack.ask("dev.why")["switches"] == []


def test_nothing_is_migrated_for_what_cannot_be_switched_to(stack: Stack) -> None:
    """A name that is not there, a protected one, a stack that is at it already."""
    start_lacking(stack)
    locked = "[tool.sceneshift.environments.locked]\nprotected = true\n"
    pyproject = (stack.root / "pyproject.toml").read_text()
    stack.write({"pyproject.toml": pyproject + locked})
    refuse(stack, "stagign", "--migrate", code=2)
    refuse(stack, "locked", "--migrate", code=4)
    assert not (stack.root / "migrating").exists()


@pytest.mark.parametrize("is_running", [True, False])
def test_who_is_killed_while_migrating_leaves_no_half_switch(
    stack: Stack, *, is_running: bool
) -> None:
    """The environment is the old one, and the next command does it all."""
    start_lacking(stack, is_running=is_running)
    (stack.root / "hold").touch()
    client = begin_switch(stack, "staging", "--migrate")
    stack.wait((stack.root / "migrating").exists)
    if is_running:
        assert stack.ask("dev.status")["switch"] is None
    os.kill(client.pid, signal.SIGKILL)
    client.communicate()
    (stack.root / "hold").unlink()
    assert (active(stack), lacks(stack.root)) == (None, ["a1", "b2"])
    switch(stack, "staging", "--migrate")
    assert (active(stack), lacks(stack.root)) == ("staging\n", [])


def test_a_stack_that_is_killed_while_migrating_starts_where_it_was(
    stack: Stack,
) -> None:
    """It is said that it has ended; what was applied stays so."""
    start_lacking(stack)
    (stack.root / "hold").touch()
    client = begin_switch(stack, "staging", "--migrate")
    stack.wait((stack.root / "migrating").exists)
    os.kill(stack.supervisor, signal.SIGKILL)
    stack.wait_end()
    (stack.root / "hold").unlink()
    _said, errors = client.communicate(timeout=30)
    assert client.returncode == 1
    assert "migrations: default: applied: a1, b2" in errors
    assert "error: the stack has just ended" in errors
    assert active(stack) is None
    stack.wait(lambda: not stack.leftovers())
    stack.start({"pyproject.toml": (stack.root / "pyproject.toml").read_text()})
    stack.wait_page("development")
