"""What a new user has: this repository, and a machine that knows nothing of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stacks import Project
from support import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
_OF_THE_TESTS = ("PYTHONPATH", "VIRTUAL_ENV", "COVERAGE_PROCESS_CONFIG")
# How packages come onto a machine is the machine's matter, not its user's.
_INSTALLERS = {
    "PIP_CONFIG_FILE": ".config/pip/pip.conf",
    "UV_CONFIG_FILE": ".config/uv/uv.toml",
    "NPM_CONFIG_USERCONFIG": ".npmrc",
}


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Project]:
    """Return a fresh clone with ports of its own, and a user without a history."""
    root, home = tmp_path / "clone", tmp_path / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, root], check=True)
    project = Project(root, {"tasks.py": (REPOSITORY / "tasks.py").read_text()})
    project.inv_path = root / "inv"
    project.env = _strip(project.env, home)
    pyproject = root / "pyproject.toml"
    text = pyproject.read_text()
    ports = f"ports = {{ backend = {free_port()}, frontend = {free_port()} }}\n"
    ports += "debug_ports = {{ backend = {}, worker = {}, frontend = {} }}".format(
        *(free_port() for _ in range(3))
    )
    changed = text.replace("ports = { backend = 8000, frontend = 5174 }", ports)
    assert changed != text
    pyproject.write_text(changed)
    yield project
    project.close()


def _strip(env: dict[str, str], home: Path) -> dict[str, str]:
    """Take out what the tests' own Python and user have set."""
    own = {str(Path(sys.executable).parent), str(Path(sys.prefix) / "bin")}
    places = env["PATH"].split(os.pathsep)
    kept = {name: value for name, value in env.items() if name not in _OF_THE_TESTS}
    kept["PATH"] = os.pathsep.join(place for place in places if place not in own)
    installers = {
        name: str(Path.home() / file)
        for name, file in _INSTALLERS.items()
        if name not in env and (Path.home() / file).exists()
    }
    return {**kept, **installers, "HOME": str(home)}
