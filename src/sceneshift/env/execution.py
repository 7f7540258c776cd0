"""`inv env.run`: one command in an environment, in place of `inv` itself."""

from __future__ import annotations

import os
import shlex
import shutil
from typing import TYPE_CHECKING, NoReturn

from sceneshift.core.commandenv import build_command_env, mark_command_env
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import RefusedError, UsageError
from sceneshift.core.execution import become
from sceneshift.core.inheritance import inherit
from sceneshift.core.project import load_project
from sceneshift.core.services.use import find_services, use_services
from sceneshift.core.wording import quote
from sceneshift.env.firstuse import make_databases

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def run_command(  # noqa: PLR0913 - options, each by its name
    root: Path,
    environ: Mapping[str, str],
    words: Sequence[str],
    *,
    name: str | None,
    process: str | None,
    maker: str = "",
) -> NoReturn:
    """Become the command: its output, exit code and signals are its own.

    Args:
        root: The project's folder.
        environ: The process environment.
        words: Program and arguments.
        name: Name or alias of the environment; None means the active one.
        process: The process whose PORT and own variables it gets; None means none.
        maker: The module that makes databases of a worktree; empty: none are made.

    Raises:
        UsageError: There is no command, no such program, environment or process.
        RefusedError: The environment is protected, and was not named.
    """
    if not words:
        raise UsageError(
            "no command is given", hint="write it so: inv env.run NAME -- COMMAND"
        )
    inherit(root)
    project = load_project(root, environ=environ, environment=name, is_looking=True)
    if project.environment.protected and name is None:
        active = project.environment.name
        raise RefusedError(
            f"{quote(active)} is active and protected, and was not named",
            hint=f"if it is meant: inv env.run {active} -- {shlex.join(words)}",
        )
    env = build_command_env(project, process)
    env |= mark_command_env(env, environ)
    path = shutil.which(words[0], path=env.get("PATH", os.defpath))
    if path is None:
        raise UsageError(
            f"there is no program {quote(words[0])}",
            hint="it is looked for in `.venv/bin` and PATH",
        )
    use_services(find_services(project), environ, StreamConsole().note)
    make_databases(project, env, maker)
    become(path, words, env)
