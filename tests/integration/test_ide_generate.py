"""`inv ide.*` from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

from stacks import STAY

if TYPE_CHECKING:
    from stacks import MakeProject, Project

LAUNCH = ".vscode/launch.json"


def make(make_project: MakeProject) -> Project:
    """Return a project in which all is as generated."""
    project = make_project(processes={"app": STAY})
    project.write({"tests/test_a.py": ""})
    project.ask("ide.generate")
    return project


def test_flags_tell_and_write_nothing(make_project: MakeProject) -> None:
    """What would change, in words, as a difference and by an exit code."""
    project = make(make_project)
    assert project.inv("ide.generate", "--check").returncode == 0
    launch = project.root / LAUNCH
    text = launch.read_text()
    launch.write_text(text.replace('"name": "Tests: all"', '"name": "mine"'))
    (project.root / ".sceneshift-ide.json").unlink()
    for flag in ("--check", "--diff", "--dry-run"):
        done = project.inv("ide.generate", flag)
        assert done.returncode == (3 if flag == "--check" else 0)
        assert ("+++ b/.vscode/launch.json" in done.stdout) is (flag == "--diff")
        assert ("`Tests: all` is added" in done.stdout) is (flag == "--dry-run")
    assert "error: .vscode/launch.json" in project.inv("ide.generate", "--check").stderr
    assert '"name": "Tests: all"' not in launch.read_text()
    done = project.inv("ide")
    assert done.returncode == 0
    assert "written: .vscode/launch.json" in done.stderr
    assert '"name": "mine"' in launch.read_text()


def test_bad_usage_is_told(make_project: MakeProject) -> None:
    """In two lines; also where the project's own commands are not known."""
    project = make(make_project)
    for words, said in (
        (("ide.generate", "--editor", "vscoed"), "there is no editor `vscoed`"),
        (("ide.generate", "--force", "Tests: al"), "no entry is called `Tests: al`"),
        (("ide.generate", "--diff", "--json"), "`--diff` is text"),
        (("ide.explain",), "one entry is to be named, found: none"),
        (("ide.explain", "Tests"), "no entry is called `Tests`"),
        (("ide.doctor", "--answer", "x"), "an answer is written NAME=VALUE, found: x"),
        (("ide.eject", "vscode/x"), "there is no template `vscode/x`"),
    ):
        error, hint = project.refuse(*words, code=2).splitlines()
        assert error.startswith(f"error: {said}")
        assert hint.startswith("hint: ")
    project.write({"tasks/bad.py": "1 / 0"})
    *_, error, hint = project.refuse("ide.generate", code=1).splitlines()
    assert error.endswith("is not known: tasks/bad.py cannot be loaded")
    assert hint == "hint: mend what is told above"


def test_an_entry_is_explained_in_lines(make_project: MakeProject) -> None:
    """One a value."""
    project = make(make_project)
    lines = project.inv("ide.explain", "Tests: current file").stdout.splitlines()
    assert lines[0] == LAUNCH
    assert '  module = "pytest"  <- sceneshift/vscode/launch.json.jinja' in lines
    assert project.inv("ide.eject", "vscode/tasks.json").returncode == 0
    assert (project.root / "templates/vscode/tasks.json.jinja").exists()


def test_two_at_once_follow_each_other(make_project: MakeProject) -> None:
    """And one that is killed at any time leaves whole files."""
    project = make(make_project)
    before = {path: path.read_bytes() for path in project.root.rglob("*.json")}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [project.inv_path, "ide.generate"],
            cwd=project.root,
            env=project.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    for path in before:
        path.unlink()
    several = [start() for _ in range(3)]
    os.kill(several[0].pid, signal.SIGKILL)
    assert [each.wait() for each in several] == [-signal.SIGKILL, 0, 0]
    assert {path: path.read_bytes() for path in before} == before
    assert json.loads((project.root / LAUNCH).read_text())["version"] == "0.2.0"
