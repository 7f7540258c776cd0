from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import DriftError
from sceneshift.env.doctor import examine
from serving_services import SETTINGS, find_major, write_project

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [
    "python",
    "node",
    "git",
    "docker",
    "package managers",
    "database clients",
    "servers",
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
    message = "3 checks have failed: python, database clients, servers"
    assert caught.value.message == message
    assert "rm -r .venv" in capsys.readouterr().err


@pytest.mark.needs("postgresql")
def test_programs_of_servers_are_looked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the version that is named; nothing is started or made."""
    environ = {"PATH": os.environ["PATH"]}
    write_project(tmp_path)
    examine(tmp_path, environ, as_json=True)
    checks = json.loads(capsys.readouterr().out)["checks"]
    (said,) = (each for each in checks if each["name"] == "servers")
    assert said["detail"].startswith(f"postgresql-{find_major()}: /")
    assert not (tmp_path / ".sceneshift/services").exists()
    write_project(tmp_path, SETTINGS.replace("{major}", "99"))
    with pytest.raises(DriftError, match="servers"):
        examine(tmp_path, environ, as_json=True)
    assert "no PostgreSQL 99" in capsys.readouterr().out
