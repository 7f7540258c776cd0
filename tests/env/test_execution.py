from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sceneshift.core.commandenv import build_command_env
from sceneshift.core.errors import RefusedError, UsageError
from sceneshift.core.project import load_project
from sceneshift.env.execution import run_command

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        ([], {}, "no command is given"),
        (["no-such"], {}, "there is no program `no-such`"),
        (["true"], {"process": "wbe"}, "there is no process `wbe`"),
        (["true"], {"name": "stagin"}, "there is no environment `stagin`"),
    ],
)
def test_what_cannot_be_run_is_refused(
    tmp_path: Path, words: list[str], options: dict[str, str], message: str
) -> None:
    """Bad usage, and nothing was run."""
    (tmp_path / "Procfile").write_text("web: sleep 1")
    named, process = options.get("name"), options.get("process")
    with pytest.raises(UsageError, match=f"^{message}$"):
        run_command(tmp_path, {}, words, name=named, process=process)


def test_a_protected_environment_has_to_be_named(tmp_path: Path) -> None:
    """What is active was perhaps forgotten."""
    toml = "[tool.sceneshift.environments.production]\nprotected = true"
    (tmp_path / "pyproject.toml").write_text(toml)
    environ = {"SCENESHIFT_ENV": "prod"}
    with pytest.raises(RefusedError) as caught:
        run_command(tmp_path, environ, ["rm", "a b"], name=None, process=None)
    assert caught.value.message == (
        "`production` is active and protected, and was not named"
    )
    assert caught.value.hint == ("if it is meant: inv env.run production -- rm 'a b'")


def test_a_command_stands_for_the_first_instance_of_a_process(tmp_path: Path) -> None:
    """By its type or its label, and without the mark of a stack."""
    (tmp_path / "Procfile").write_text("web: sleep 1\napi: sleep 1")
    project = load_project(
        tmp_path, environ={}, concurrency={"web": 2}, is_looking=True
    )
    ports = {
        name: build_command_env(project, name)["PORT"]
        for name in ("web", "web.1", "web.2", "api")
    }
    assert ports == {"web": "5000", "web.1": "5000", "web.2": "5001", "api": "5100"}
    assert "SCENESHIFT_ROOT" not in build_command_env(project, "web")
    assert "PORT" not in build_command_env(project, None)
