"""The environment of a command that is none of the stack's processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.errors import UsageError
from sceneshift.core.exported import EXPORTED_VARIABLE, mark_exported
from sceneshift.core.marks import ROOT_VARIABLE
from sceneshift.core.project import build_common_env, build_env
from sceneshift.core.selection import VARIABLE
from sceneshift.core.wording import quote, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.core.instances import Instance
    from sceneshift.core.project import Project

_KEPT = frozenset({"PATH", "VIRTUAL_ENV", VARIABLE})


def build_command_env(project: Project, process: str | None) -> dict[str, str]:
    """Return what a command gets: what the processes get, without their marks.

    Raises:
        UsageError: There is no such process.
    """
    if process is None:
        env = build_common_env(project)
    else:
        env = build_env(project, get_instance(project, process))
        del env[ROOT_VARIABLE]  # it is none of a stack, and must not be ended as one
    return env | {VARIABLE: project.environment.name}


def get_instance(project: Project, process: str) -> Instance:
    """Return the first instance of a type, or the one of a label.

    Raises:
        UsageError: There is no such process.
    """
    by_name = {each.label: each for each in reversed(project.instances)}
    by_name |= {each.type: each for each in reversed(project.instances)}
    if process not in by_name:
        known = [each.type for each in project.instances]
        raise UsageError(
            f"there is no process {quote(process)}", hint=suggest(process, known)
        )
    return by_name[process]


def mark_command_env(
    env: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, str]:
    """Say what is no person's word, for an `inv` within that means other files.

    Args:
        env: What the command gets.
        environ: The process environment.
    """
    ours = {
        name: text
        for name, text in env.items()
        if environ.get(name) != text and name not in _KEPT
    }
    return {EXPORTED_VARIABLE: mark_exported(ours)}
