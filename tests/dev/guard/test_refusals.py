"""What the guard cannot start."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.errors import SceneshiftError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.dev.guard.spawner import Spawner

    Run = Callable[[Callable[[Spawner], Any]], Any]

HERE = Path(__file__).parent


def refusal(run: Run, argv: list[str], cwd: Path, **env: str) -> SceneshiftError:
    """Return the error that a start ends with."""

    async def use(spawner: Spawner) -> None:
        await spawner.spawn(argv, env={**os.environ, **env}, cwd=cwd, fds={})

    with pytest.raises(SceneshiftError) as raised:
        run(use)
    return raised.value


def test_a_command_that_does_not_exist_is_named(run: Run, tmp_path: Path) -> None:
    """By name or by path, and folders that are none in PATH do not matter."""
    error = refusal(run, ["no-such-command"], tmp_path, PATH="/etc/passwd:/nowhere:")
    assert error.message == "the command was not found: no-such-command"
    assert error.hint
    error = refusal(run, ["./nothing"], tmp_path)
    assert error.message == "the command was not found: ./nothing"


def test_a_folder_that_does_not_exist_is_named(run: Run, tmp_path: Path) -> None:
    """The folder is to blame, not the command."""
    error = refusal(run, ["true"], tmp_path / "gone")
    assert f"{tmp_path / 'gone'}: no such file or directory" in error.message
    assert error.hint == "correct `cwd` in [tool.sceneshift.processes]"


@pytest.mark.parametrize(
    ("mode", "text", "hint"), [(0o644, "", "chmod"), (0o755, "nothing", "#!/bin/sh")]
)
def test_a_file_that_is_no_program_is_refused(
    run: Run, tmp_path: Path, mode: int, text: str, hint: str
) -> None:
    """The hint says what it lacks."""
    program = tmp_path / "program"
    program.write_text(text)
    program.chmod(mode)
    assert hint in str(refusal(run, [str(program)], tmp_path).hint)


def test_too_large_an_environment_is_refused(run: Run, tmp_path: Path) -> None:
    """The kernel's limit of one variable is told as such."""
    error = refusal(run, ["true"], tmp_path, LARGE="x" * 200_000)
    assert error.message.endswith(os.strerror(errno.E2BIG).lower())


def test_impossible_requests_are_our_mistake(run: Run) -> None:
    """No words, or more descriptors than a message can carry."""

    async def use(spawner: Spawner) -> None:
        with pytest.raises(ValueError, match="no words"):
            await spawner.spawn([], env={}, cwd=HERE, fds={})
        many = dict.fromkeys(range(300), 0)
        with pytest.raises(ValueError, match="too many"):
            await spawner.spawn(["true"], env={}, cwd=HERE, fds=many)

    run(use)
