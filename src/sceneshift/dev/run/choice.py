"""How a process is run: by fork, or by a shell, and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.program import PythonProgram, analyse
from sceneshift.dev.model import ReloadPolicy
from sceneshift.dev.reloader import without_reloader
from sceneshift.dev.selfreload import is_self_reloading
from sceneshift.dev.zygote import workers

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.dev.model import ProcessSpec


ANY_SOURCE = ("*.py",)
_PYTHON = re.compile(
    r"\b(python[\d.]*|uvicorn|gunicorn|hypercorn|daphne|flask|fastapi|celery|"
    r"django-admin|[\w./-]+\.py)\b"
)


class Choice(Struct, frozen=True, kw_only=True):
    """How one process is run.

    Attributes:
        program: What is forked; None where a shell starts the command.
        reason: Why it is not forked; None where it is.
        globs: What restarts it, relative to the project; None means: the files that it
            reports to use.
    """

    program: PythonProgram | None
    reason: str | None
    globs: tuple[str, ...] | None


def choose(spec: ProcessSpec, root: Path) -> Choice:
    """Tell how a process is run."""
    found = analyse(spec.command, cwd=spec.cwd, env=spec.env)
    own = is_self_reloading(spec.command, spec.cwd)
    is_known = own is not None and spec.reload is ReloadPolicy.AUTO
    if is_known or spec.reload is ReloadPolicy.SELF:
        return Choice(
            program=None,
            reason="it reloads itself",
            globs=spec.watch or _below(spec.cwd, root, own or ()),
        )
    globs = () if spec.reload is ReloadPolicy.OFF else spec.watch
    if not isinstance(found, PythonProgram):
        return _by_shell(spec, found.reason, globs)
    if _has_own_workers(found):
        return _by_shell(spec, "its workers are fresh interpreters", globs)
    reason = "`reload` is set to cold" if spec.reload is ReloadPolicy.COLD else None
    program = replace(without_reloader(found), debug_port=spec.debug_port)
    return Choice(program=program, reason=reason, globs=globs)


def _by_shell(spec: ProcessSpec, reason: str, globs: tuple[str, ...] | None) -> Choice:
    """Tell how a command of the shell is run.

    Nothing reports what it uses: where it looks like Python, any source counts.
    """
    if globs is None:
        globs = ANY_SOURCE if _PYTHON.search(spec.command) else ()
    return Choice(program=None, reason=reason, globs=globs)


def _has_own_workers(program: PythonProgram) -> bool:
    """Say whether a server's workers are interpreters that it starts by spawn.

    Where a fork is safe they are forks.
    """
    if workers.IS_FORK_SAFE or program.name not in ("hypercorn", "uvicorn"):
        return False
    found = re.search(r"(?:^| )(?:--workers|-w)[= ]?(\d+)", " ".join(program.argv))
    if program.name == "uvicorn":
        return found is not None and int(found[1]) > 1
    return found is None or found[1] != "0"


def _below(cwd: Path, root: Path, globs: tuple[str, ...]) -> tuple[str, ...]:
    """Return globs of a folder as globs of the project."""
    if not cwd.is_relative_to(root):
        return ()
    folder = cwd.relative_to(root).as_posix()
    return globs if folder == "." else tuple(f"{folder}/{glob}" for glob in globs)
