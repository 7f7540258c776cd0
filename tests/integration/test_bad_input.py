from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from stacks import STAY

if TYPE_CHECKING:
    from stacks import MakeProject, Project

APP = f"app: touch started; {STAY}\n"
CYCLE = """\
[tool.sceneshift.processes.app]
depends_on = ["other"]
[tool.sceneshift.processes.other]
depends_on = ["app"]
"""
CASES = {
    "no Procfile": ({}, "there is no Procfile, looked for: `Procfile.dev`, `Procfile`"),
    "an empty one": ({"Procfile.dev": "# none\n"}, "Procfile.dev: names no process"),
    "a line honcho drops": (
        {"Procfile.dev": APP + "we b: sleep 1\n"},
        "Procfile.dev:2: no process can be read here: `we b: sleep 1`",
    ),
    "two of a name": (
        {"Procfile.dev": APP + APP},
        "Procfile.dev:2: there is a second process `app`, the first is in line 1",
    ),
    "no such command": (
        {"Procfile.dev": APP + "other: no-such-program --flag\n"},
        "Procfile.dev:2: `other` runs a program that does not exist: `no-such-program`",
    ),
    "no such script": (
        {"Procfile.dev": APP + "other: python -u none.py --flag\n"},
        "Procfile.dev:2: `other` runs a script that does not exist: `none.py`",
    ),
    "no such module": (
        {"Procfile.dev": APP + "other: python -m nosuch.module\n"},
        "Procfile.dev:2: `other` runs a module that does not exist: `nosuch.module`",
    ),
    "no such folder": (
        {"pyproject.toml": '[tool.sceneshift.processes.app]\ncwd = "nowhere"\n'},
        "pyproject.toml: `tool.sceneshift.processes.app.cwd`: there is no folder `now",
    ),
    "a port of letters": (
        {".env": "PORT=eighty\n"},
        "PORT is to be a number from 1 to 65535, found: `eighty`",
    ),
    "a port of letters in the table": (
        {
            "pyproject.toml": "[tool.sceneshift.environments.development]\n"
            'ports = { app = "eighty" }\n'
        },
        "pyproject.toml: `tool.sceneshift.environments.development.ports.app`",
    ),
    "no table": (
        {"pyproject.toml": "tool.sceneshift = 3\n"},
        "pyproject.toml: `tool.sceneshift`: expected a table",
    ),
    "an alias of two": (
        {
            "pyproject.toml": "[tool.sceneshift.environments]\n"
            "one.aliases = ['x']\ntwo.aliases = ['x']\n"
        },
        "pyproject.toml: `tool.sceneshift.environments.two.aliases`: `x` already",
    ),
    "a value of another type": (
        {"pyproject.toml": "[tool.sceneshift.processes.app]\nhealth = 3\n"},
        "pyproject.toml: `tool.sceneshift.processes.app.health`: expected a path",
    ),
    "an unknown key": (
        {"pyproject.toml": "[tool.sceneshift.processes.app]\nhelth = '/'\n"},
        "pyproject.toml: `tool.sceneshift.processes.app",
    ),
    "a settings' process that is none": (
        {"pyproject.toml": "[tool.sceneshift.processes.ap]\nhealth = '/'\n"},
        "pyproject.toml: `tool.sceneshift.processes.ap`: the Procfile has no process",
    ),
    "no TOML": ({"pyproject.toml": "[tool\n"}, "pyproject.toml:1: "),
    "a circle": (
        {"Procfile.dev": APP + f"other: {STAY}\n", "pyproject.toml": CYCLE},
        (
            "pyproject.toml: `tool.sceneshift.processes.app.depends_on`: processes "
            "wait for each other: app -> other -> app"
        ),
    ),
    "no signal": (
        {"pyproject.toml": "[tool.sceneshift.processes.app]\nstop = {signal='TREM'}\n"},
        "pyproject.toml: `tool.sceneshift.processes.app.stop.signal`: `TREM` is no",
    ),
}


def _assert_refused(project: Project, said: str, complaint: str) -> None:
    assert said.startswith(f"error: {complaint}"), said
    assert [line.split(":")[0] for line in said.splitlines()[1:]] == ["hint"]
    assert not (project.root / "started").exists()
    assert not project.left()


@pytest.mark.parametrize("case", CASES)
def test_bad_files_get_one_line_and_nothing_starts(
    make_project: MakeProject, case: str
) -> None:
    """Exit code 2, what is wrong and where, and what to do."""
    files, complaint = CASES[case]
    start = {} if case == "no Procfile" else {"Procfile.dev": APP}
    project = make_project({**start, **files})
    _assert_refused(project, project.refuse("dev", code=2), complaint)


def test_a_file_that_cannot_be_read_is_named(make_project: MakeProject) -> None:
    """A folder is what nobody reads, the superuser neither."""
    project = make_project({"Procfile.dev": APP, ".env/x": ""})
    said = project.refuse("dev", code=2)
    _assert_refused(project, said, ".env: cannot be read: Is a directory")


@pytest.mark.parametrize("words", [[], ["--detach"]], ids=str)
def test_a_state_folder_that_cannot_be_written_is_named(
    make_project: MakeProject, words: list[str]
) -> None:
    """What is in the way stands for a disk that is full or read-only."""
    in_the_way = {f".sceneshift/{name}/x": "" for name in ("dev.lock", "logs/dev.out")}
    project = make_project({"Procfile.dev": APP, **in_the_way})
    said = project.refuse("dev", *words, code=1)
    complaint = "the state of this checkout cannot be written: "
    _assert_refused(project, said, complaint)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads everything")
def test_a_file_without_permission_is_named(make_project: MakeProject) -> None:
    """The mode says who may read."""
    project = make_project({"Procfile.dev": APP, ".env": "A=1"})
    (project.root / ".env").chmod(0)
    said = project.refuse("dev", code=2)
    _assert_refused(project, said, ".env: cannot be read: Permission denied")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--env", "devlopment"], "there is no environment `devlopment`"),
        (["--only", "ap"], "there is no process `ap`"),
        (["--concurrency", "app"], "`--concurrency` is not of the form name=number"),
        (["--concurrency", "app=10000"], "`--concurrency` is not of the form name=n"),
        (["--concurrency", "ap=2"], "there is no process `ap`"),
        (["--concurrency", "app=0"], "no process is left to start"),
        (["--procfile", "nowhere"], "there is no Procfile, looked for: `nowhere`"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--detach"]], ids=str)
def test_bad_flags_are_refused(
    make_project: MakeProject, words: list[str], complaint: str, more: list[str]
) -> None:
    """However the stack is wanted."""
    project = make_project({"Procfile.dev": APP})
    said = project.refuse("dev", *words, *more, code=2)
    _assert_refused(project, said, complaint)


def test_json_of_a_stack_in_the_foreground_is_refused(
    make_project: MakeProject,
) -> None:
    """Rather than taken and forgotten."""
    project = make_project({"Procfile.dev": APP})
    said = project.refuse("dev", "--json", code=2)
    _assert_refused(project, said, "`--json` goes with `--dry-run` or `--detach`")


def test_a_taken_port_is_told_with_its_holder(make_project: MakeProject) -> None:
    """Pid, user and command, before anything starts; the holder is left alone."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        project = make_project(
            {"Procfile.dev": APP},
            settings="[tool.sceneshift.environments.development]\n"
            f"ports = {{ app = {port} }}\n",
        )
        said = project.refuse("dev", code=1)
        _assert_refused(project, said, f"port {port}")
        assert f"{os.getpid()}" in said
        socket.create_connection(("127.0.0.1", port)).close()
