from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support import wait_until

if TYPE_CHECKING:
    from vscode.demo import Demo
    from vscode.editor import Editor

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(600)]

# Each with a text of it, and what VS Code takes for a mistake in its place.
FILES = {
    ".vscode/launch.json": ('"console":', '"terminal":'),
    ".vscode/tasks.json": ('"isBackground": true', '"isBackground": "yes"'),
    ".vscode/extensions.json": ('"ms-python.python"', "1"),
    ".vscode/settings.json": (
        '"python.testing.pytestEnabled": true',
        '"python.testing.pytestEnabled": 1',
    ),
    "demo/frontend/package.json": ('"scripts": {', '"scripts": {,'),
}
_NO_SCHEMA = "Unable to load schema"


@pytest.mark.parametrize("file", FILES)
def test_no_problem_is_shown(editor: Editor, demo: Demo, file: str) -> None:
    """Neither in what is generated, nor for want of looking: a mistake is told of."""
    old, new = FILES[file]
    text = (demo.root / file).read_text()
    assert old in text
    editor.ask("open", file=file, line=1)
    editor.ask("type", file=file, text=text.replace(old, new, 1))
    wait_until(lambda: list_problems(editor, file))
    editor.ask("type", file=file, text=text)
    try:
        wait_until(lambda: not list_problems(editor, file))
    except AssertionError:
        raise AssertionError(list_problems(editor, file)) from None
    editor.run_command("workbench.action.revertAndCloseActiveEditor")


def list_problems(editor: Editor, file: str) -> list[dict[str, Any]]:
    """Return what the panel has of a file."""
    problems: list[dict[str, Any]] = editor.ask("problems", file=file)
    # Of a package.json VS Code has no schema of its own, and there may be no network.
    return [each for each in problems if not each["message"].startswith(_NO_SCHEMA)]
