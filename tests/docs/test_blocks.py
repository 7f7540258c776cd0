from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from documents import (
    DOCUMENTS,
    KINDS,
    ROOT,
    Block,
    read_all,
    read_blocks,
    read_document,
    read_files,
)
from editing import collect, make_project, render
from sceneshift.core.config import load_config
from sceneshift.dev.stack import load_stack
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.xdist_group("docs")


class Project(Protocol):
    """What `conftest.py` makes."""

    root: Path

    def expect(self, command: str, place: str = "") -> str:
        """Run a command that succeeds; return its standard output."""
        ...


class MakeProject(Protocol):
    """What makes one."""

    def __call__(self, document: str) -> Project:
        """Make a project of a document's files."""
        ...


def name_of(block: Block) -> str:
    """Name a test after its block."""
    return block.place


def each(blocks: Sequence[Block]) -> pytest.MarkDecorator:
    """Run a test for each block."""
    return pytest.mark.parametrize("block", blocks, ids=name_of)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_says_how_it_is_tried(document: str) -> None:
    """By a comment of a known kind; what is skipped has a reason."""
    for block in read_blocks(document):
        assert block.kind in KINDS, block.place
        needs_more = block.kind not in {"run", "run-here", "live", "background"}
        assert bool(block.about) is needs_more, block.place


@each(read_all("run"))
def test_commands_succeed(block: Block, readme_project: Project) -> None:
    """In a project of the README's files."""
    readme_project.expect(block.text, block.place)


@each(read_all("run-files"))
def test_commands_succeed_with_the_documents_files(
    block: Block, make_project: MakeProject
) -> None:
    """One after the other."""
    make_project(block.about).expect(block.text, block.place)


@each(read_all("background"))
def test_commands_in_the_background_succeed(
    block: Block, readme_project: Project
) -> None:
    """They start the README's project and end it."""
    readme_project.expect(block.text, block.place)


@each(read_all("run-here"))
def test_commands_of_this_repository_succeed(block: Block, tmp_path: Path) -> None:
    """By the `inv` of the tests in place of the wrapper, which has its own tests."""
    programs = Path(sys.executable).parent
    path = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    for line in block.text.splitlines():
        done = subprocess.run(
            ["/bin/sh", "-c", line.replace("./inv", "inv")],
            cwd=ROOT,
            env={**os.environ, "PATH": path, "HOME": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block.place}\n{line}\n{done.stderr}"


@each(read_all("live"))
def test_commands_succeed_while_it_runs(block: Block, running_project: Project) -> None:
    """Each as it stands."""
    running_project.expect(block.text, block.place)


@each(read_all("json"))
def test_json_has_the_documented_keys(block: Block, running_project: Project) -> None:
    """These and no others, at every depth."""
    save_greeting(running_project, block.place)
    said = running_project.expect(block.about, block.place)
    assert shape(json.loads(said)) == shape(json.loads(block.text))


def save_greeting(project: Project, text: str) -> None:
    """Have one reload in the history and one line in the log."""
    (project.root / "greeting.py").write_text(f"GREETING = {text!r}\n")

    def is_served() -> bool:
        said = json.loads(project.expect("inv dev.why web --json"))
        return any(one["outcome"] == "served" for one in said["reloads"])

    wait_until(is_served, deadline_s=30)


@each(read_all("json-last"))
def test_json_of_the_end_has_the_documented_keys(
    block: Block, readme_project: Project
) -> None:
    """What `inv dev.stop` prints."""
    readme_project.expect("inv dev --detach")
    said = readme_project.expect(block.about, block.place)
    assert shape(json.loads(said)) == shape(json.loads(block.text))


def shape(value: Any) -> Any:
    """Return nothing but the keys of a document; a list is like its first entry."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [shape(value[0])]
    return None


@pytest.mark.parametrize("document", ["README.md", "docs/configuration.md"])
def test_configuration_is_read(document: str, tmp_path: Path) -> None:
    """With the Procfile of the same document, to the stack that would be started."""
    make_project(tmp_path, read_files(document))
    (tmp_path / "web").mkdir()
    (tmp_path / "worker.py").touch()
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in re.findall(
        r"^\w+: (\S+)", read_files(document)["Procfile.dev"], re.MULTILINE
    ):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    environ = {"PATH": str(programs)}
    configured = load_config(tmp_path).processes
    stack = load_stack(tmp_path, environ=environ)
    assert configured.keys() == {process.name for process in stack.processes}


def test_templates_are_rendered(tmp_path: Path) -> None:
    """In the project of their document."""
    make_project(tmp_path, read_files("docs/configuration.md"))
    launch = collect(render(tmp_path)[".vscode/launch.json"])
    assert "Report" in [each["name"] for each in launch["configurations"]]


def test_every_toml_block_is_a_file_that_is_read() -> None:
    """Else it would be tried by nothing."""
    for block in read_all():
        if block.language == "toml":
            assert (block.kind, block.about) == ("file", "pyproject.toml"), block.place


def test_processes_get_the_documented_variables(running_project: Project) -> None:
    """Each of the table; the names in angle brackets stand for the processes'."""
    file = running_project.root / "environment.json"
    wait_until(file.exists, deadline_s=30)
    environment = json.loads(file.read_text())
    section = read_document("docs/reference.md").partition("What every process")[2]
    rows = re.findall(
        r"^\| (`.+?) \|", section.partition("What you can")[0], re.MULTILINE
    )
    names = re.findall(r"`([A-Z_<>]+)`", " ".join(rows))
    assert len(names) > 10
    not_here = {"DATABASE_URL", "DATABASE_URL_<NAME>", "VIRTUAL_ENV", "PATH"}
    for name in set(names) - not_here:
        assert name.replace("<PROCESS>", "WEB") in environment
