"""What a command says that was mistyped."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

TASKS = "from sceneshift import namespace\nns = namespace()\nagain = namespace()\n"
OWN = "from invoke import task\n@task\ndef go(c, where):\n    pass\n"
SEE = "see: inv --help"
MISTAKES = {
    "dev.statos": (
        "there is no command `dev.statos`",
        "did you mean `dev.status`? see: inv --list",
    ),
    "dev.status somewhere": (
        "there is no command `somewhere`",
        f"{SEE} dev.status",
    ),
    "--help dev.statos": (
        "there is no command `dev.statos`",
        "did you mean `dev.status`? see: inv --list",
    ),
    "dev --jsn": (
        "there is no flag `--jsn` of `dev.up`",
        f"did you mean `--json`? {SEE} dev.up",
    ),
    "--nothing-like-it": (
        "there is no flag `--nothing-like-it`",
        "see: inv --list",
    ),
    "dev.logs --lines": (
        "the flag `--lines` needs a value",
        f"{SEE} dev.logs",
    ),
    "own.go": (
        "'own.go' did not receive required positional arguments: 'where'",
        f"{SEE} own.go",
    ),
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistyped_command_is_bad_usage(tmp_path: Path, line: str) -> None:
    """It says in two lines what is wrong and what is near, and ends with 2."""
    (tmp_path / "tasks.py").write_text(TASKS)
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks/own.py").write_text(OWN)
    done = subprocess.run(
        [sys.executable, "-m", "invoke", *line.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    message, hint = MISTAKES[line]
    assert done.stderr == f"error: {message}\nhint: {hint}\n"
    assert (done.returncode, done.stdout) == (2, "")
