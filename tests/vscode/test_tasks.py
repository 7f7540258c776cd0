from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from support import wait_until

if TYPE_CHECKING:
    from vscode.conftest import Photograph
    from vscode.demo import Demo
    from vscode.editor import Editor

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(600)]

START = "stack: start (development)"
# VS Code starts it when that one is ready, by what a problem matcher says of it.
AFTER = {
    "label": "after",
    "type": "process",
    "command": "true",
    "dependsOn": START,
    "problemMatcher": [],
}


def test_all_tasks_are_known(
    editor: Editor, demo: Demo, photograph: Photograph
) -> None:
    """Those of the file, and no others beside npm's."""
    tasks = json.loads((demo.root / ".vscode/tasks.json").read_text())["tasks"]
    labels = sorted(each["label"] for each in tasks)
    wait_until(lambda: sorted(editor.ask("tasks")) == labels)
    editor.clear()
    editor.show_command("workbench.action.tasks.runTask")
    photograph(
        "tasks", until=lambda: "data: reset (development)" in editor.list_picks()
    )
    editor.run_command("workbench.action.closeQuickOpen")


@pytest.mark.parametrize(
    "name",
    [
        "data: migrate (development)",
        "data: seed (development)",
        "environment: validate (development)",
    ],
)
def test_a_task_runs(editor: Editor, name: str) -> None:
    """To its end, and well."""
    assert editor.run_task(name) == 0


def test_a_stack_in_the_background_is_ready_when_it_is(
    editor: Editor, demo: Demo
) -> None:
    """What waits for it goes on while it runs, and it is switched to what is picked."""
    file = demo.root / ".vscode/tasks.json"
    text = file.read_text()
    tasks = json.loads(text)
    file.write_text(json.dumps({**tasks, "tasks": [*tasks["tasks"], AFTER]}))
    wait_until(lambda: "after" in editor.ask("tasks"))
    assert editor.run_task("after") == 0
    assert START in editor.ask("running")
    assert read_status(demo) == ("development", {"ready"})
    assert editor.run_task("environment: switch", picked="staging") == 0
    assert read_status(demo) == ("staging", {"ready"})
    assert editor.run_task("stack: stop") == 0
    wait_until(lambda: START not in editor.ask("running"))
    file.write_text(text)


def read_status(demo: Demo) -> tuple[str, set[str]]:
    """Return which environment runs, and in which states its processes are."""
    status = demo.ask("dev.status")
    return status["environment"], {each["state"] for each in status["processes"]}
