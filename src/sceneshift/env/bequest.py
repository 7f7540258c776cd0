"""The databases that removed worktrees have left, dropped by another room."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from sceneshift.core.config import load_config
from sceneshift.core.databases import list_databases
from sceneshift.core.errors import RefusedError, SceneshiftError
from sceneshift.core.made import drop_made
from sceneshift.core.project import load_project
from sceneshift.core.selection import is_guarded, list_environments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sceneshift.core.drop import Drop
    from sceneshift.core.made import Made


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
    found: tuple[Drop, ...] = module.find_drops(made, root, [*_list_urls(root)])
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


def _list_urls(root: Path) -> Iterator[str]:
    """Yield the addresses of all databases that may be touched."""
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
        for each in list_databases(project.environment.values):
            yield each.url
