from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from documents import Block, read_all

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.xdist_group("docs")

_TASKS = "from sceneshift import namespace\n\nns = namespace()\n"
_WEB = "web: sleep 60\n"
_TABLE = "[tool.sceneshift.processes.{}]\n{}\n"


class Project(Protocol):
    """What `conftest.py` makes."""

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a shell's line or block to its end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How one message comes about in a project where nothing runs."""

    files: Mapping[str, str] = field(default_factory=dict)
    command: str = "dev"
    has_tasks: bool = True


CASES = {
    "no Procfile": Case(),
    "unknown key": Case(
        files={"Procfile": _WEB, "pyproject.toml": _TABLE.format("web", 'helth = "/"')}
    ),
    "unknown process": Case(
        files={"Procfile": _WEB, "pyproject.toml": _TABLE.format("wbe", 'open = "/"')}
    ),
    "missing program": Case(files={"Procfile.dev": "web: flsk run\n"}),
    "missing script": Case(files={"Procfile.dev": "worker: python work.py\n"}),
    "missing module": Case(files={"Procfile.dev": "worker: python -m work\n"}),
    "taken port": Case(files={"Procfile": _WEB}),
    "circle": Case(
        files={
            "Procfile": _WEB + "worker: sleep 60\n",
            "pyproject.toml": _TABLE.format("web", 'depends_on = ["worker"]')
            + _TABLE.format("worker", 'depends_on = ["web"]'),
        }
    ),
    "no tasks": Case(has_tasks=False),
    "nothing runs": Case(command="dev.status"),
}
# The same while the README's project runs.
LIVE = {"busy": "inv dev --detach", "no breakpoint": "inv dev.attach web"}
SAYINGS = {block.about: block for block in read_all("says")}


def test_every_message_is_tried() -> None:
    """Each case has a message in the document, and the other way round."""
    assert SAYINGS.keys() == {*CASES, *LIVE}


@pytest.mark.parametrize("name", CASES)
def test_a_message_is_as_documented(name: str, tmp_path: Path) -> None:
    """An ellipsis stands for what differs each time."""
    case = CASES[name]
    files = {**case.files, **({"tasks.py": _TASKS} if case.has_tasks else {})}
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    programs = str(Path(sys.executable).parent)
    path = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run(
            ["inv", case.command],
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "PORT": str(taken.getsockname()[1])},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode != 0
    assert_said(SAYINGS[name], done.stderr)


@pytest.mark.parametrize("name", LIVE)
def test_a_message_about_a_stack_is_as_documented(
    name: str, running_project: Project
) -> None:
    """In another terminal."""
    done = running_project.run(LIVE[name])
    assert done.returncode != 0
    assert_said(SAYINGS[name], done.stderr)


def assert_said(block: Block, said: str) -> None:
    """Compare the first line."""
    pattern = ".*".join(map(re.escape, block.text.strip().split("…")))
    assert re.fullmatch(pattern, said.splitlines()[0]), f"{block.place}: {said}"
