"""Whether the program of a command line is there, before its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.commandline import find_program
from sceneshift.core.program import find_executable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def find_missing_program(
    command: str, *, cwd: Path, env: Mapping[str, str]
) -> str | None:
    """Return the program that a simple command would run and that does not exist.

    Args:
        command: The command line.
        cwd: Where it is run.
        env: Its environment; PATH is looked up in it.

    Returns:
        The program as the line says it, or None.
    """
    program = find_program(command)
    if program is None or find_executable(program, cwd, env):
        return None
    return program
