"""The databases that removed worktrees have left, dropped by another room."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from sceneshift.core.config import load_config
from sceneshift.core.console import StreamConsole
from sceneshift.core.databases import list_databases
from sceneshift.core.errors import RefusedError, SceneshiftError
from sceneshift.core.made import drop_made
from sceneshift.core.project import load_project
from sceneshift.core.selection import is_guarded, list_environments
from sceneshift.core.services.use import find_services, use_services

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sceneshift.core.drop import Drop
    from sceneshift.core.made import Made
    from sceneshift.core.services.service import Service


def find_drops(made: Sequence[Made], root: Path, dropper: str) -> tuple[Drop, ...]:
    """Return what is to become of each database.

    Args:
        made: What removed worktrees have left.
        root: The project's folder.
        dropper: The module that drops databases; empty: they are left.
    """
    if not made or not dropper:
        return ()
    module = importlib.import_module(dropper)
    found: tuple[Drop, ...] = module.find_drops(made, root, [*_list_urls(root, made)])
    return found


def apply_drops(
    drops: Sequence[Drop], root: Path, common: Path, dropper: str
) -> tuple[Drop, ...]:
    """Drop what may be, and forget it; return what became of each."""
    if not drops:
        return ()
    done: tuple[Drop, ...] = importlib.import_module(dropper).apply_drops(drops, root)
    drop_made(common, [each.made for each in done if each.problem is None])
    return done


def refuse_kept(drops: Sequence[Drop]) -> None:
    """Say what is kept, and why.

    Raises:
        RefusedError: Something is.
    """
    kept = [each for each in drops if each.problem is not None]
    if kept:
        texts = (f"{each.made.place}: {each.problem}" for each in kept)
        raise RefusedError(
            f"these databases are kept: {'; '.join(texts)}",
            hint="end what uses them, and do it again: inv env.worktrees --prune",
        )


def _start(services: Sequence[Service]) -> None:
    """Have servers answer; of one that cannot, its databases are kept."""
    console = StreamConsole()
    try:
        use_services(services, os.environ, console.note)
    except SceneshiftError as error:
        console.note(error.message)


def _list_urls(root: Path, made: Sequence[Made]) -> Iterator[str]:
    """Yield the addresses of all databases that may be touched.

    Servers of the project's own answer where some of what was made is on them.
    """
    places = {each.server for each in made}
    config = load_config(root)
    for name, section in list_environments(root, config).items():
        if is_guarded(name, section, config):
            continue
        try:
            project = load_project(
                root,
                environ=os.environ,
                environment=name,
                is_looking=True,
                config=config,
            )
        except SceneshiftError:  # another environment may lead there
            continue
        services = [one for one in find_services(project) if one.place in places]
        _start(services)
        for each in list_databases(project.environment.values):
            yield each.url
