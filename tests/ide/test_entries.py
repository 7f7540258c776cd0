"""Which entries of an editor attach where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sceneshift.ide.entries import find_entries

if TYPE_CHECKING:
    from pathlib import Path

LAUNCH = """\
{
  // by hand
  "configurations": [
    {"name": "web", "request": "attach", "connect": {"host": "h", "port": 5678}},
    {"name": "mine", "request": "attach", "connect": {"port": "5678"}},
    {"name": "page", "type": "chrome", "request": "attach", "port": 9222},
    {"name": "other", "request": "launch", "port": 5678},
    {"name": "by pid", "request": "attach", "processId": 1},
    {"name": "odd", "request": "attach", "connect": 5678},
    "no entry",
  ],
}
"""


def test_entries_are_found_by_the_port_that_they_attach_to(tmp_path: Path) -> None:
    """Whoever wrote them."""
    assert find_entries(tmp_path) == {}
    (tmp_path / ".vscode").mkdir()
    (tmp_path / ".vscode" / "launch.json").write_text(LAUNCH)
    assert find_entries(tmp_path) == {5678: ["web", "mine"], 9222: ["page"]}


@pytest.mark.parametrize("text", ["{", "[]", '{"configurations": 1}', "// nothing"])
def test_a_file_that_says_nothing_has_no_entries(tmp_path: Path, text: str) -> None:
    """What is wrong with it is told by whoever writes to it."""
    (tmp_path / ".vscode").mkdir()
    (tmp_path / ".vscode" / "launch.json").write_text(text)
    assert find_entries(tmp_path) == {}
