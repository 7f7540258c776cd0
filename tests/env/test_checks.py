from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.check import (
    Check,
    CheckState,
    Subject,
    Verdict,
    fail,
    ok,
    skip,
    warn,
)
from sceneshift.core.databases import Database
from sceneshift.core.project import load_project
from sceneshift.dev.checks import check_commands
from sceneshift.env import checks
from sceneshift.env.running import RunningStack
from subjects import read_subject

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.core.project import Project

TABLE = "[tool.sceneshift.environments.development]\n"


def load(root: Path, files: Mapping[str, str]) -> Project:
    """Write files and read the project."""
    for name, text in files.items():
        (root / name).write_text(text)
    return load_project(root, environ={}, is_looking=True)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, skip("there are none")),
        ({".env": ""}, ok("read: .env")),
        (
            {"pyproject.toml": TABLE + "env_files = ['.env', 'x']", ".env": ""},
            warn(
                "listed and not there: x",
                "write x, or take it out of `env_files` of development",
            ),
        ),
    ],
)
def test_env_files_that_are_listed_are_expected(
    tmp_path: Path, files: Mapping[str, str], expected: Verdict
) -> None:
    """Those that are looked for by themselves need not be there."""
    assert checks.check_env_files(load(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, skip("there is no .env.example")),
        (
            {".env.example": "A=1", ".env": "A=2"},
            ok("the same names on both sides"),
        ),
        (
            {".env.example": "A=1\nB=1", ".env": "A=2"},
            warn("missing on one side: B", "inv env.check-example development"),
        ),
        (
            {".env.example": "A=1", ".env": "A="},
            warn("still to be filled in: A (.env:1)", "edit these lines"),
        ),
    ],
)
def test_the_example_is_compared(
    tmp_path: Path, files: Mapping[str, str], expected: Verdict
) -> None:
    """A difference hinders nobody, and is to be seen."""
    assert checks.check_example(load(tmp_path, files)) == expected


def test_secrets_are_looked_for(tmp_path: Path) -> None:
    """Git is asked, where there is one."""
    project = load(tmp_path, {".env": "API_KEY=abc"})
    reason = "this is no git repository, or git is missing"
    assert checks.check_secrets(project) == skip(reason)
    subprocess.run(["git", "-C", tmp_path, "init", "-q"], check=True)
    assert checks.check_secrets(project) == fail(
        "secrets in files that git has or would take in: .env",
        "printf '%s\\n' /.env >> .gitignore",
    )
    (tmp_path / ".gitignore").write_text(".env")
    expected = ok("git has none, and would take in none")
    assert checks.check_secrets(project) == expected


def test_ports_are_free_or_it_is_said_who_has_them(tmp_path: Path) -> None:
    """A process that does not listen has no need of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings = f"{TABLE}ports = {{ app = {port} }}"
        files = {"Procfile": "app: x\nworker: y", "pyproject.toml": settings}
        project = load(tmp_path, files)
        taken = checks.check_ports(project, None)
    assert checks.check_ports(project, None) == ok(f"app {port}")
    assert taken.detail.startswith(f"port {port} of `app` is held by pid ")
    assert taken.remedy == "end that program, or give the process another port"
    files = {"Procfile": "worker: y", "pyproject.toml": ""}
    quiet = load(tmp_path, files)
    assert checks.check_ports(quiet, None) == skip("no process listens")


def test_a_port_of_the_stack_that_goes_over_is_free_for_it(tmp_path: Path) -> None:
    """Who asks is to be in another environment; a foreign program holds it still."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings = f"{TABLE}ports = {{ app = {port} }}"
        project = load(tmp_path, {"Procfile": "app: x", "pyproject.toml": settings})
        own = RunningStack(environment="staging", pid=os.getpid())
        foreign = RunningStack(environment="staging", pid=1)
        assert checks.check_ports(project, own, is_next=True) == ok(f"app {port}")
        for running, is_next in ((own, False), (foreign, True)):
            verdict = checks.check_ports(project, running, is_next=is_next)
            assert verdict.state is CheckState.FAILED


def test_what_a_killed_stack_left_on_a_port_can_be_freed(
    tmp_path: Path,
) -> None:
    """The remedy is the command that does."""
    code = (
        "import socket, sys; server = socket.create_server(('127.0.0.1', 0)); "
        "print(server.getsockname()[1], flush=True); sys.stdin.read()"
    )
    marks = {"SCENESHIFT_ROOT": str(tmp_path), "SCENESHIFT_STACK": tmp_path.name}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **marks},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as left:
        assert left.stdout is not None
        port = int(left.stdout.readline())
        settings = f"{TABLE}ports = {{ app = {port} }}"
        project = load(tmp_path, {"Procfile": "app: x", "pyproject.toml": settings})
        verdict = checks.check_ports(project, None)
    assert verdict.state is CheckState.FAILED
    assert verdict.remedy == "inv env.ports --free app"


def process(**fields: Any) -> dict[str, Any]:
    """Return a process as the control socket tells it."""
    return {
        "name": "web",
        "state": "ready",
        "is_broken": False,
        "url": None,
        "port": None,
        **fields,
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"state": "failed"}, fail("it is down", "inv dev.logs web")),
        (
            {"is_broken": True},
            fail("its newest code is broken, older code is up", "inv dev.logs web"),
        ),
        ({"state": "stopped"}, warn("it is stopped", "inv dev.start web")),
        (
            {"state": "setup"},
            warn("it is on its way: setup", "inv dev.logs web --follow"),
        ),
        (
            {"state": "paused"},
            warn("it is on its way: paused", "inv dev.logs web --follow"),
        ),
        ({"state": "completed", "url": "http://x"}, ok("completed")),
        ({}, ok("ready")),
    ],
)
def test_a_process_is_as_its_state_says(
    tmp_path: Path, fields: dict[str, Any], expected: Verdict
) -> None:
    """One that listens is asked besides."""
    project = load(tmp_path, {"Procfile": "web: x"})
    assert checks.check_process(project, process(**fields)) == expected


def test_a_process_that_listens_is_asked(tmp_path: Path) -> None:
    """By its health's path, or for a connection."""
    project = load(tmp_path, {"Procfile": "web: x"})
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        there = checks.check_process(project, process(url="http://x", port=port))
    assert there.detail.startswith(f"port {port}: accepts, ")
    settings = "[tool.sceneshift.processes.web]\nhealth = '/up'"
    project = load(tmp_path, {"pyproject.toml": settings})
    gone = checks.check_process(project, process(url="http://x", port=port))
    assert gone.detail.startswith("GET /up: connection refused, ")
    assert gone.remedy == "inv dev.logs web"


@pytest.mark.parametrize(
    ("running", "names"),
    [
        (None, {"processes": "nothing runs in this checkout"}),
        (RunningStack(problem="it is suspended"), {"processes": "it is suspended"}),
        (
            RunningStack(environment="staging"),
            {"processes": "the stack runs in staging"},
        ),
        (
            RunningStack(environment="development", processes=[process()]),
            {"process web": "ready"},
        ),
    ],
)
def test_processes_are_looked_at_where_they_run(
    tmp_path: Path, running: RunningStack | None, names: dict[str, str]
) -> None:
    """Else it is said why not."""
    project = load(tmp_path, {"Procfile": "web: x"})
    found = list(checks.list_process_checks(project, running))
    assert {each.name: each.look().detail for each in found} == names


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite://", ok("sqlite: it can be reached")),
        (
            "sqlite:///none.db",
            fail(
                "sqlite: the file does not exist",
                "make it, or mend DATABASE_URL_MAIN",
            ),
        ),
        ("odd://h/d", skip("odd: the URL names no host and port")),
        (
            "mysql://h:x/d",
            fail(
                "mysql: this is no URL",
                "start its server, or mend DATABASE_URL_MAIN",
            ),
        ),
    ],
)
def test_a_database_is_looked_at(tmp_path: Path, url: str, expected: Verdict) -> None:
    """As far as it can be without its library."""
    database = Database(name="main", url=url)
    assert checks.check_database(database, read_subject(tmp_path)) == expected


def test_everything_is_looked_at(tmp_path: Path) -> None:
    """A table of contents."""
    settings = f"{TABLE}databases = {{ default = 'sqlite://' }}"
    (tmp_path / "web").mkdir()
    files = {"Procfile": "web: x", "pyproject.toml": settings}
    project = load(tmp_path, {**files, "web/package-lock.json": "{}"})
    found: list[Check] = list(checks.list_checks(Subject(project=project, environ={})))
    assert [each.name for each in found] == [
        "env files",
        "example",
        "secrets",
        "ports",
        "processes",
        "database default",
        "node packages of web",
        "python packages",
        "disk space",
        "clock",
    ]


def test_a_start_is_tried_without_being_made(tmp_path: Path) -> None:
    """What would stand in its way is raised, and nothing is written."""
    subject = Subject(project=load(tmp_path, {}), environ={})
    assert check_commands(subject) == skip("there is no Procfile")
    settings = f"{TABLE}ports = {{ web = 'auto' }}"
    files = {"Procfile": "web: sleep 1", "pyproject.toml": settings}
    subject = Subject(project=load(tmp_path, files), environ={})
    assert check_commands(subject) == ok("all can be started: web")
    assert not (tmp_path / ".sceneshift").exists()
