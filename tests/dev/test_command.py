from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.command import find_missing_program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with a `bin` that holds one program, and a file that is none."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "server").touch(mode=0o755)
    (tmp_path / "bin" / "notes").touch(mode=0o644)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "server --port $PORT",
        "exec server",
        "A=1 B='x y' server",
        "exec A=1 server",
        "bin/server",
        "./bin/server",
        "'server'",
    ],
)
def test_a_program_that_exists_is_found(programs: Path, command: str) -> None:
    """On the process's PATH, relative to its own folder."""
    found = find_missing_program(command, cwd=programs, env={"PATH": "/none:bin"})
    assert found is None


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("srever", "srever"),
        ("A=1 exec srever --x", "srever"),
        ("notes", "notes"),
        ("bin/none", "bin/none"),
        ("sh -c 'echo a; b'", "sh"),
    ],
)
def test_a_program_that_does_not_exist_is_named(
    programs: Path, command: str, missing: str
) -> None:
    """So is a file that nobody may execute."""
    found = find_missing_program(command, cwd=programs, env={"PATH": "bin"})
    assert found == missing


@pytest.mark.parametrize(
    "command",
    [
        "none && other",
        "none | other",
        "(none)",
        "none > file",
        "none & wait",
        "$NONE",
        "`none`",
        "~/none",
        "no*ne",
        "cd none",
        ". ./none",
        "if none",
        "A=$(none) none",
        "PATH=none none",
        "exec -a name none",
        "A=1",
        "none 'unclosed",
    ],
)
def test_what_only_the_shell_knows_is_left_to_it(programs: Path, command: str) -> None:
    """Nothing that may work is refused."""
    found = find_missing_program(command, cwd=programs, env={"PATH": "bin"})
    assert found is None


def test_without_a_path_the_system_decides(tmp_path: Path) -> None:
    """An empty environment still finds the shell."""
    assert find_missing_program("sh", cwd=tmp_path, env={}) is None
