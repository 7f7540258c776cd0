from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from breakpoints import ENVIRON
from sceneshift.ide.dap.client import Client
from sceneshift.ide.doctor.prelaunch import Tasks
from sceneshift.ide.doctor.variables import Variables
from sceneshift.ide.doctor.workspace import load_workspace

if TYPE_CHECKING:
    from pathlib import Path

# A name of a group as JavaScript alone has it.
FOREIGN = {"background": {"endsPattern": "(?<port>[0-9]+)"}}


def run(root: Path, *tasks: dict[str, Any], limit_s: float = 10.0) -> str:
    """Run the first task; return what is told of it."""
    folder = root / ".vscode"
    folder.mkdir(exist_ok=True)
    (folder / "launch.json").write_text("{}")
    (folder / "tasks.json").write_text(json.dumps({"tasks": tasks}))
    workspace = load_workspace(root)
    environ = {**ENVIRON, "PATH": f"{root}{os.pathsep}{ENVIRON['PATH']}"}
    with Client(environ) as client:
        running = Tasks(
            client,
            workspace,
            Variables(workspace, environ=environ),
            environ=environ,
            limit_s=limit_s,
        )
        finding = running.run(tasks[0]["label"])
        running.stop()
    return "" if finding is None else finding.text


def test_a_task_waits_for_all_that_it_depends_on(tmp_path: Path) -> None:
    """One after the other, before its own program."""
    names = ("one", "two")
    made = [{"label": name, "command": f"echo {name} >> said"} for name in names]
    last = {"label": "last", "dependsOn": [*names], "command": "echo last >> said"}
    assert run(tmp_path, last, *made) == ""
    assert (tmp_path / "said").read_text().split() == ["one", "two", "last"]


def test_a_script_of_npm_is_run_by_it(tmp_path: Path) -> None:
    """It is found by PATH."""
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\necho "$@" > said\n')
    npm.chmod(0o755)
    assert run(tmp_path, {"label": "build", "type": "npm", "script": "build"}) == ""
    assert (tmp_path / "said").read_text() == "run build\n"


@pytest.mark.parametrize("matcher", [None, ["$tsc-watch", {}], FOREIGN])
def test_what_never_says_that_it_is_ready_is_not_waited_for(
    tmp_path: Path, matcher: object
) -> None:
    """An editor asks what to do then; here it is taken for a server."""
    task = {"label": "serve", "command": "exec sleep 99", "isBackground": True}
    assert run(tmp_path, {**task, "problemMatcher": matcher}) == ""


def test_a_task_that_does_not_end_is_told_with_its_last_words(tmp_path: Path) -> None:
    """What waits for a key would hold the entry up for ever."""
    task = {"label": "ask", "command": "echo password:; exec sleep 99"}
    assert run(tmp_path, task, limit_s=0.3) == (
        "task `ask` is not ready within 0.3 s: password:"
    )
