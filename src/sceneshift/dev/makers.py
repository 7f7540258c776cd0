"""What a start makes before something needs it, and that may be missing until then."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sceneshift.core.check import Maker, Need
from sceneshift.core.databases import list_databases
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.firstuse import list_missing
from sceneshift.core.invocation import list_installed
from sceneshift.core.paths import StateFolder
from sceneshift.core.reach import find_local_port
from sceneshift.core.wording import quote
from sceneshift.dev.globs import is_pattern
from sceneshift.dev.model import Condition
from sceneshift.dev.setup import fills_databases, plan_setup
from sceneshift.dev.stack import load_stack

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from sceneshift.core.check import Subject
    from sceneshift.core.databases import Database
    from sceneshift.dev.model import ProcessSpec, SetupStep, StackSpec

_LOCKS = ("package-lock.json", "pnpm-lock.yaml", "yarn.lock")


def find_makers(subject: Subject) -> list[Maker]:
    """Return what a start in the environment would run that makes something.

    None where it could not begin: another check tells that.
    """
    project = subject.project
    databases = list_databases(project.environment.values)
    command = f"inv dev --env {project.environment.name}"
    found: list[Maker] = []
    with contextlib.suppress(SceneshiftError):
        stack = load_stack(
            project.root,
            environ=subject.environ,
            environment=project.environment.name,
            is_looking=True,
        )
        for name, needs in _find_all(stack, databases):
            found.append(Maker(name=name, command=command, needs=needs))
    return found


def _find_all(
    stack: StackSpec, databases: Collection[Database]
) -> Iterator[tuple[str, frozenset[Need]]]:
    """Yield what makes something, and what that is."""
    state = StateFolder(stack.root)
    for own in list_missing(stack.separation.own, state):
        name = f"its first use, which copies `{own.origin_place}`"  # whole, if long
        yield name, frozenset({Need("database", own.name)})
    every = frozenset(Need("database", each.name) for each in databases)
    completed = _list_completed(stack)
    for spec in stack.processes:
        if spec.setup is not None and _is_due(spec, spec.setup, state):
            name = f"the set-up of {quote(spec.name)}, {quote(spec.setup.run)}"
            filled = every if fills_databases(spec.setup) else frozenset()
            yield name, filled | _list_packages(spec, spec.setup)
        serves = frozenset(
            Need("server", each.name)
            for each in databases
            if find_local_port(each) == spec.port
        )
        if spec.name in completed or serves:
            filled = every if spec.name in completed else frozenset()
            installed = _list_locks(spec.command, spec.cwd)
            yield f"the process {quote(spec.name)}", filled | serves | installed


def _list_completed(stack: StackSpec) -> frozenset[str]:
    """Return the processes whose end others wait for."""
    return frozenset(
        need.name
        for spec in stack.processes
        for need in spec.depends_on
        if need.condition is Condition.COMPLETED
    )


def _is_due(spec: ProcessSpec, step: SetupStep, state: StateFolder) -> bool:
    action = plan_setup(step, name=spec.name, cwd=spec.cwd, state=state, env=spec.env)
    return action is not None


def _list_packages(spec: ProcessSpec, step: SetupStep) -> frozenset[Need]:
    """Return whose packages a step installs: of locks that it runs for, or names."""
    files = (spec.cwd / name for name in step.when if not is_pattern(name))
    return frozenset(map(Need.of_lock, files)) | _list_locks(step.run, spec.cwd)


def _list_locks(command: str, cwd: Path) -> frozenset[Need]:
    return frozenset(
        Need.of_lock(folder / lock)
        for folder in list_installed(command, cwd)
        for lock in _LOCKS
    )
