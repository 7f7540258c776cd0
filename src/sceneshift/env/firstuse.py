"""A worktree's own databases, made before a command uses them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole
from sceneshift.core.firstuse import (
    build_env,
    describe_order,
    list_missing,
    list_words,
)
from sceneshift.core.paths import StateFolder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.core.project import Project


def make_databases(project: Project, env: Mapping[str, str], maker: str) -> None:
    """Have another program make what is not there yet; it says what comes of it.

    Args:
        project: The project.
        env: What the command will get.
        maker: The program's module; empty where nothing is to be made.
    """
    own = project.environment.separation.own
    missing = list_missing(own, StateFolder(project.root))
    if not missing or not maker or project.worktree is None:
        return
    order = describe_order(
        project.worktree, project.root, missing, project.environment.name
    )
    with subprocess.Popen(
        list_words(maker),
        env=build_env(env, order),
        cwd=project.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,  # the command's own output may be read by a program
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            StreamConsole().note(line.rstrip("\n"))
