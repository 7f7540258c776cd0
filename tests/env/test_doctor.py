from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import DriftError
from sceneshift.env.doctor import examine

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [
    "python",
    "node",
    "git",
    "docker",
    "package managers",
    "database clients",
    "inotify",
    "case",
    "file system",
    "disk speed",
    "disk space",
    "proxy",
    "clock",
]


def test_every_part_of_the_machine_is_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And said in one shape."""
    environ = {"PATH": os.environ["PATH"]}
    examine(tmp_path, environ, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said.keys() == {"is_ok", "checks"}
    assert [each["name"] for each in said["checks"]] == NAMES
    assert said["is_ok"]


def test_what_does_not_work_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken configuration hides only the check that reads it."""
    (tmp_path / "pyproject.toml").write_text("[project]\nrequires-python='>=4'\n[tool")
    with pytest.raises(DriftError) as caught:
        examine(tmp_path, {"PATH": os.environ["PATH"]}, as_json=False)
    message = "2 checks have failed: python, database clients"
    assert caught.value.message == message
    assert "rm -r .venv" in capsys.readouterr().err
