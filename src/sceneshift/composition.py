"""The table of contents: every command, by room."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection

from sceneshift.core.errors import SceneshiftError
from sceneshift.discovery import list_own, load_module, open_package
from sceneshift.task import report
from sceneshift.usage import tell_of_usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOMS = (
    "dev",  # the running stack
    "env",  # the environments that it can run in
    "data",  # their databases
    "ide",  # what an editor needs to know of it all
)

# Namespaces that a room has besides the one of its name.
MORE = {"debug": "dev"}  # the running stack in an editor

# What `inv env.validate` runs: each has a function `list_checks`, and those that know
# what makes something which is missing have `list_makers`.
CHECKS = (
    "sceneshift.env.checks",  # files, secrets, ports, processes, databases, packages
    "sceneshift.dev.checks",  # whether a start could begin
    "sceneshift.data.checks",  # whether migrations are applied
)

# What makes the databases of a worktree when they are first used: it is run. And what
# drops those of removed ones: it has `find_drops` and `apply_drops`.
FIRST_USE = "sceneshift.data.firstuse"
LEFTOVERS = "sceneshift.data.leftovers"

# What has databases follow the branch of git, before and while a stack runs: it is run.
FOLLOWER = "sceneshift.data.branches.program"

# What `inv debug.attach` asks for editors' entries: a function `find_entries`.
ENTRIES = "sceneshift.ide.entries"

# What `inv env.switch` asks for pending migrations, and has apply them: functions
# `find_pending` and `migrate`.
MIGRATIONS = "sceneshift.data.migrations"


def namespace(root: Path | None = None) -> Collection:
    """Collect the commands of all rooms and those of the project.

    Args:
        root: The project's folder; None means that of the calling `tasks.py`.

    Returns:
        What `tasks.py` gives to invoke as `ns`.
    """
    if root is None:
        # Else each project's tasks.py would have to pass its own `__file__`.
        caller = sys._getframe(1).f_code.co_filename  # noqa: SLF001
        root = Path(caller).resolve().parent
    tell_of_usage()
    commands = Collection()
    # By name: they are imported by the command that needs them.
    settings = {
        "checks": list(CHECKS),
        "entries": ENTRIES,
        "first_use": FIRST_USE,
        "follower": FOLLOWER,
        "leftovers": LEFTOVERS,
        "migrations": MIGRATIONS,
    }
    commands.configure({"sceneshift": settings})
    for room in _load_rooms():
        commands.add_collection(room)
    # No collection need look at that again, the last one, 30 ms, included.
    gc.freeze()
    broken: list[str] = []
    for name in open_package(root / "tasks"):
        with _surviving(name, broken):
            _add_module(load_module(name, root), name, commands)
    # To be asked later: tasks.py may add some of its own.
    own = {"own_tasks": partial(list_own, commands), "broken_tasks": broken}
    commands.configure({"sceneshift": own})
    return commands


def _load_rooms() -> Iterator[Collection]:
    for room in ROOMS:
        name = f"sceneshift.{room}.tasks"
        if importlib.util.find_spec(name) is not None:
            module = importlib.import_module(name)
            yield Collection.from_module(module, name=room)
            for name, of in MORE.items():
                if of == room:
                    yield getattr(module, name)


@contextmanager
def _surviving(name: str, broken: list[str]) -> Iterator[None]:
    """Report what is broken in a module, and go on without it."""
    try:
        yield
    except SceneshiftError as error:
        report(error)
        broken.append(name)


def _add_module(module: ModuleType, name: str, commands: Collection) -> None:
    """Add a module of the project's."""
    try:
        own = Collection.from_module(module, name=name)
        _add(own, commands)
    except ValueError as exc:  # invoke's word for a name that is taken
        hint = "give one of the two another name"
        raise SceneshiftError(f"tasks/{name}.py: {exc}", hint=hint) from exc


def _add(own: Collection, commands: Collection) -> None:
    """Add a namespace, onto the one of the same name where there is one."""
    theirs = commands.collections.get(own.name)
    if theirs is None:
        if own:
            commands.add_collection(own)
        return
    for name, task in own.tasks.items():
        if name in theirs.tasks.aliases:
            theirs.tasks.unalias(name)
        theirs.add_task(task, name=name, default=False)
    for part in own.collections.values():
        _add(part, theirs)
    theirs.default = own.default or theirs.default
    theirs.configure(own.configuration())
