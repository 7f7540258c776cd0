"""Projects made of the documentation's own blocks."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from documents import read_files
from support import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OWN = ("PORT", "SCENESHIFT_ENV", "SCENESHIFT_DEBUG", "FLASK_APP", "NO_COLOR")
# What the commands of the documents' Procfiles run, and what JSON shows of it.
_PROGRAMS = {
    "greeting.py": 'GREETING = "Hello"\n',
    "app.py": """\
from flask import Flask

from greeting import GREETING

app = Flask(__name__)


@app.get("/")
def index():
    return GREETING
""",
    "worker.py": """\
import json
import os
import time
from pathlib import Path

print("job", flush=True)
draft = Path("environment.new")
draft.write_text(json.dumps(dict(os.environ)))
draft.rename("environment.json")
time.sleep(600)
""",
    "web/package.json": "{}\n",
    ".env": "API_KEY=abc\nDATABASE_URL=sqlite:///app.db\n",
    "app.db": "",
}


class DocumentedProject:
    """A folder with the files of a document, and commands run in it."""

    def __init__(self, root: Path, document: str) -> None:
        self.root = root
        files = read_files("README.md") if document != "README.md" else {}
        for name, text in {**_PROGRAMS, **files, **read_files(document)}.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        programs = str(Path(sys.executable).parent)
        inherited = {k: v for k, v in os.environ.items() if k not in _OWN}
        path = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
        self.env = {**inherited, "PATH": path, "PORT": str(free_port())}

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a shell's line or block to its end."""
        return subprocess.run(
            ["/bin/sh", "-e", "-c", command],
            cwd=self.root,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def expect(self, command: str, place: str = "") -> str:
        """Run a command that succeeds; return its standard output."""
        done = self.run(command)
        assert done.returncode == 0, f"{place}\n{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def end(self) -> None:
        """Leave nothing running, whatever a test did."""
        self.run("inv dev.stop")


@pytest.fixture(name="readme_project")
def make_readme_project(tmp_path: Path) -> Iterator[DocumentedProject]:
    """Return the README's project, in which nothing runs."""
    project = DocumentedProject(tmp_path, "README.md")
    yield project
    project.end()


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[[str], DocumentedProject]:
    """Return what makes the project of a document, in which nothing runs."""
    return partial(DocumentedProject, tmp_path)


@pytest.fixture(scope="module", name="running_project")
def make_running_project(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[DocumentedProject]:
    """Return the README's project while it runs."""
    project = DocumentedProject(tmp_path_factory.mktemp("readme"), "README.md")
    try:
        project.expect("inv dev --detach")
        yield project
    finally:
        project.end()
