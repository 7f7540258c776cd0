"""What a switch is refused for, with a stack that runs and with none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from stacks import STAY
from switching import (
    FILES,
    MIGRATIONS,
    active,
    begin_switch,
    environments,
    refuse,
)

if TYPE_CHECKING:
    from reloading import Stack
    from stacks import MakeProject, Project
    from switching import Slow

PROCESSES = {"app": STAY, "other": STAY}
TABLE = "[tool.sceneshift.environments.staging]\n"
CASES = {
    "an unknown name": (
        {},
        "stagign",
        ("there is no environment `stagign`\n", "did you mean `staging`?"),
    ),
    "no name that is near": (
        {},
        "x",
        ("there is no environment `x`\n", "known: `development`, `staging`"),
    ),
    "a port of two": (
        {"pyproject.toml": TABLE + "ports = { app = 4321, other = 4321 }\n"},
        "staging",
        (
            "pyproject.toml: `tool.sceneshift.environments.staging.ports.other`: ",
            "4321",
        ),
    ),
    "a port of no process": (
        {"pyproject.toml": TABLE + "ports = { ap = 4321 }\n"},
        "staging",
        (
            "pyproject.toml: `tool.sceneshift.environments.staging.ports.ap`: ",
            "did you mean `app`?",
        ),
    ),
    "a file that cannot be read": (
        {".env.staging/x": ""},
        "staging",
        (".env.staging: cannot be read: Is a directory\n", "hint: "),
    ),
    "a file that cannot be parsed": (
        {".env.staging": "A=1\nB='open\nC=3\n"},
        "staging",
        (".env.staging:2: ", "B"),
    ),
    "a Procfile that is not there": (
        {".env.staging": "PROCFILE=Procfile.stagign\n"},
        "staging",
        ("there is no Procfile, looked for: `Procfile.stagign`\n", "hint: "),
    ),
    "a circle": (
        {".env.staging": "A=1\nB=${C}\nC=${D}\nD=${B}\n"},
        "staging",
        (".env.staging:2: variables refer to each other: B -> C -> D -> B\n", "hint: "),
    ),
}


def read_active(project: Project) -> str | None:
    """Return the environment that the next start would be in, as it is kept."""
    file = project.root / ".sceneshift" / "environment"
    return file.read_text() if file.exists() else None


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "idle"])
@pytest.mark.parametrize("case", CASES)
def test_bad_input_gets_one_line_and_nothing_is_lost(
    make_project: MakeProject, case: str, *, is_running: bool
) -> None:
    """Exit code 2, what is wrong and where; what runs goes on as it was."""
    files, name, (message, more) = CASES[case]
    project = make_project({"pyproject.toml": TABLE}, processes=PROCESSES)
    before = {}
    if is_running:
        before = project.start().wait_status(app="ready", other="ready")
    project.write(files)
    for flags in ([], ["--dry-run"], ["--migrate"]):
        said = project.refuse("env.switch", name, *flags, code=2)
        assert said.startswith(f"error: {message}")
        assert more in said
        assert [line.split(":")[0] for line in said.splitlines()] == ["error", "hint"]
    assert read_active(project) is None
    if is_running:
        status = project.ask("dev.status")
        assert status["environment"] == "development"
        assert status["switch"] is None
        assert {one["name"]: one for one in status["processes"]} == before
        assert project.ask("dev.why")["switches"] == []


def test_a_procfile_that_is_named_and_missing_is_a_failed_check(
    make_project: MakeProject,
) -> None:
    """A start could not begin; where none is named, there may be none."""
    files = {"pyproject.toml": TABLE, ".env.staging": "PROCFILE=Procfile.stagign\n"}
    project = make_project(files)
    checks = json.loads(project.inv("env.validate", "staging", "--json").stdout)
    found = {each["name"]: each["state"] for each in checks["checks"]}
    assert found["commands"] == "failed"
    found = {each["name"]: each for each in project.ask("env.validate")["checks"]}
    assert found["commands"]["detail"] == "there is no Procfile"


def test_what_is_active_already_is_said_to_be(make_project: MakeProject) -> None:
    """Exit code 0, and nothing is touched, running or not."""
    project = make_project({"pyproject.toml": TABLE}, processes={"app": STAY})
    assert project.inv("env.switch", "staging").returncode == 0
    again = project.inv("env.switch", "staging")
    assert again.stderr == "`staging` is active already; start it: inv dev\n"
    assert (again.returncode, again.stdout) == (0, "")
    assert project.ask("env.switch", "staging", "--dry-run")["outcome"] == "already"
    stack = project.start()
    before = stack.wait_status(app="ready")
    again = project.inv("env.switch", "staging")
    assert (again.returncode, again.stderr) == (0, "`staging` is active already\n")
    assert stack.status() == before


def test_what_was_taken_out_can_be_left(make_project: MakeProject) -> None:
    """The environment that was active is not there any more."""
    project = make_project({"pyproject.toml": TABLE}, processes={"app": STAY})
    project.inv("env.switch", "staging")
    (project.root / "pyproject.toml").write_text("")
    said = project.refuse("env.show", code=2)
    assert "`staging` (asked for by .sceneshift/environment)" in said
    plan = project.ask("env.switch", "development", "--dry-run")
    assert plan["former"] is None
    shown = project.inv("env.switch", "development", "--dry-run").stderr
    assert shown.startswith("from `none` to `development`; nothing is done yet\n")
    assert project.inv("env.switch", "development").returncode == 0
    assert read_active(project) == "development\n"


def test_two_that_switch_at_once_leave_one_of_both(stack: Stack) -> None:
    """With none running there is nothing to wait for; neither file is half written."""
    pyproject = environments(development=1, staging=2, third=3)
    tasks = "from sceneshift import namespace\nns = namespace()\n"
    stack.write({**FILES, "pyproject.toml": pyproject, "tasks.py": tasks})
    both = [begin_switch(stack, name) for name in ("staging", "third")]
    assert [each.wait(30) for each in both] == [0, 0]
    for each in both:
        each.communicate()
    assert active(stack) in ("staging\n", "third\n")
    left = [path.name for path in (stack.root / ".sceneshift").iterdir()]
    assert sorted(left) == [".gitignore", "environment"]


def test_a_switch_while_one_runs_migrates_nothing(slow: Slow) -> None:
    """It is refused before that."""
    stack = slow.stack
    stack.write({"known_migrations.py": MIGRATIONS})
    stack.env["INVOKE_SCENESHIFT_MIGRATIONS"] = "known_migrations"
    said = refuse(stack, "development", "--migrate", code=5)
    assert said == (
        "error: a switch to `staging` is under way\n"
        "hint: see how far it is: inv dev.status\n"
    )
    assert not (stack.root / "migrating").exists()
    slow.let_go()
    assert slow.wait_client()[0] == 0
