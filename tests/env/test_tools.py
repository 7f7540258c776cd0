from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.check import CheckState, Verdict, fail, ok, skip, warn
from sceneshift.env import tools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Machine = Callable[..., Mapping[str, str]]


@pytest.fixture(name="machine")
def make_machine(tmp_path: Path) -> Machine:
    """Return what makes a machine's PATH of programs, each with what it says."""

    def machine(**programs: str) -> Mapping[str, str]:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for name, said in programs.items():
            file = folder / name.replace("_", "-")
            file.write_text(f"#!/bin/sh\n{said}\n")
            file.chmod(0o755)
        return {"PATH": str(folder)}

    return machine


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files."""
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("script", "version"),
    [
        ("echo git version 2.39.5", "2.39.5"),
        ("echo 'psql (PostgreSQL) 15.6 (Debian 15.6-0)'", "15.6"),
        ("echo v20.11.1 >&2", "20.11.1"),
        ("echo 1.2; exit 1", None),
        ("echo none", None),
        ("exec sleep 60", None),
    ],
)
def test_a_version_is_what_a_program_says(
    machine: Machine, script: str, version: str | None
) -> None:
    """One that fails, says none or hangs has none."""
    env = {**machine(tool=script), "PATH": f"{machine()['PATH']}:{os.defpath}"}
    assert tools.ask_version("tool", env=env, limit_s=3.0) == version


def test_what_cannot_be_run_has_no_version(machine: Machine, tmp_path: Path) -> None:
    """It is not there, or it is no program."""
    env = machine()
    assert tools.ask_version("tool", env=env) is None
    (tmp_path / "bin" / "tool").write_bytes(b"\x7fELF")
    (tmp_path / "bin" / "tool").chmod(0o755)
    assert tools.ask_version("tool", env=env) is None


@pytest.mark.parametrize(
    ("wanted", "version", "state"),
    [
        (">=3.11", "3.11.7", CheckState.OK),
        (">=3.11,<3.13", "3.13.0", CheckState.FAILED),
        ("~=3.12.0", "3.12.9", CheckState.OK),
        ("==3.11.*", "3.12.0", CheckState.FAILED),
        ("three", "3.11.7", CheckState.FAILED),
        ("", "3.11.7", CheckState.OK),
    ],
)
def test_python_is_what_the_project_asks_for(
    tmp_path: Path, wanted: str, version: str, state: CheckState
) -> None:
    """That of its own environment, by what it was made with."""
    line = f"requires-python = '{wanted}'" if wanted else ""
    files = {
        "pyproject.toml": f"[project]\n{line}\n",
        ".venv/pyvenv.cfg": f"home = /usr/bin\nversion = {version}\n",
    }
    write(tmp_path, files)
    verdict = tools.check_python(tmp_path)
    assert verdict.state is state
    assert (verdict.remedy is None) is (state is CheckState.OK)


def test_without_a_project_this_interpreter_will_do(tmp_path: Path) -> None:
    """Nothing asks for another."""
    assert tools.check_python(tmp_path).state is CheckState.OK


def test_node_is_what_the_packages_ask_for(machine: Machine, tmp_path: Path) -> None:
    """A start brings its own where it is not: that is to be known, and no failure."""
    assert tools.check_node(tmp_path, machine()) == skip("there is no package.json")
    package = json.dumps({"engines": {"node": ">=22"}})
    write(tmp_path, {"web/package.json": package, "web/package-lock.json": "{}"})
    missing = tools.check_node(tmp_path, machine())
    assert missing.detail == (
        "there is no node, and package.json asks for >=22; `inv dev` brings its own"
    )
    without = tools.check_node(tmp_path, machine(node="echo v22.1.0"))
    assert without.detail.startswith("there is no npm, and package.json asks")
    env = machine(npm="echo 10.1.0")
    assert tools.check_node(tmp_path, env) == ok("22.1.0, as >=22 asks for")
    old = tools.check_node(tmp_path, machine(node="echo v18.1.0"))
    assert (old.state, old.detail) == (
        CheckState.WARNING,
        "18.1.0, and package.json asks for >=22; `inv dev` brings its own",
    )
    write(tmp_path, {"package.json": "{}", "web/package.json": "{}"})
    assert tools.check_node(tmp_path, env) == ok("18.1.0, as any asks for")


def test_git_is_needed_by_a_repository(machine: Machine, tmp_path: Path) -> None:
    """Also where the project is a folder in one."""
    root = tmp_path / "app"
    root.mkdir()
    assert tools.check_git(root, machine()) == skip("this is no git repository")
    (tmp_path / ".git").mkdir()
    verdict = tools.check_git(root, machine())
    assert (verdict.state, verdict.detail) == (CheckState.FAILED, "there is no git")
    env = machine(git="echo git version 2.40.1")
    assert tools.check_git(root, env) == ok("2.40.1")


def test_docker_is_needed_by_a_compose_file(machine: Machine, tmp_path: Path) -> None:
    """The program is not enough: an engine has to answer."""
    assert tools.check_docker(tmp_path, machine()) == skip("there is no compose file")
    write(tmp_path, {"compose.yaml": ""})
    verdict = tools.check_docker(tmp_path, machine())
    assert verdict.detail == "there is no docker for compose.yaml"
    verdict = tools.check_docker(tmp_path, machine(docker="exit 1"))
    assert verdict == fail(
        "no engine answers, for compose.yaml",
        "start it: sudo systemctl start docker, or Docker Desktop",
    )
    env = machine(docker="echo 24.0.7")
    assert tools.check_docker(tmp_path, env) == ok("24.0.7")


def test_each_lock_file_has_its_program(machine: Machine, tmp_path: Path) -> None:
    """In the project and in its frontends."""
    reason = "there is no lock file of a package manager"
    assert tools.check_managers(tmp_path, machine()) == skip(reason)
    files = {"uv.lock": "", "web/package-lock.json": "{}"}
    write(tmp_path, files)
    assert tools.check_managers(tmp_path, machine(npm="")) == warn(
        "there is no uv for uv.lock", "python3 -m pip install uv"
    )
    assert tools.check_managers(tmp_path, machine(uv="")) == ok("uv, npm")


def test_each_database_has_its_client(machine: Machine) -> None:
    """Whichever of its programs is there; SQLite needs none."""
    assert tools.check_clients(["sqlite"], machine()) == skip(
        "no database of the project has a client of its own"
    )
    env = machine(mariadb="echo mariadb from 11.4.2-MariaDB")
    systems = ["mysql", "sqlite", "mysql"]
    assert tools.check_clients(systems, env) == ok("mariadb 11.4.2")
    missing = tools.check_clients(["mysql", "postgresql"], env)
    assert missing.detail == "there is no psql for postgresql"


@pytest.mark.parametrize(
    ("manager", "program", "command"),
    [
        ("apt-get", "psql", "sudo apt-get install postgresql-client"),
        ("dnf", "node", "sudo dnf install nodejs npm"),
        ("pacman", "git", "sudo pacman -S git"),
        ("apk", "npm", "sudo apk add nodejs npm"),
        ("", "git", "install git by the system's package manager"),
        ("", "pnpm", "npm install -g pnpm"),
    ],
)
def test_the_remedy_is_this_machines_command(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    manager: str,
    program: str,
    command: str,
) -> None:
    """By the package manager that is there."""
    env = machine(**({manager.replace("-", "_"): ""} if manager else {}))
    monkeypatch.setenv("PATH", env["PATH"])
    assert tools.advise_install(program, "linux") == command


def test_on_a_mac_it_is_homebrews() -> None:
    """Its names of packages are others."""
    assert tools.advise_install("psql", "darwin") == "brew install libpq"
    assert tools.advise_install("git", "darwin") == "brew install git"


def test_a_verdict_without_a_remedy_is_none_to_mend() -> None:
    """What is in order asks for nothing."""
    assert ok("x") == Verdict(state=CheckState.OK, detail="x")
