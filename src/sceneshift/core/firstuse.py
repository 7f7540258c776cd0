"""Databases of a worktree that are still to be made.

Another program makes them, so that nothing which only looks has to load what that
takes. It is named by whoever puts the rooms together.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from sceneshift.core.blake2 import blake2b
from sceneshift.core.separation import OwnDatabase  # noqa: TC001 - msgspec reads it

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sceneshift.core.paths import StateFolder
    from sceneshift.core.worktree import Worktree

# How the program is told: an argument could be read by every user of the machine.
ORDER_VARIABLE = "SCENESHIFT_FIRST_USE"
_FOLDER = "databases"


class Order(Struct, frozen=True, kw_only=True):
    """What is to be made, and for whom.

    Attributes:
        root: The project's folder.
        worktree: The worktree's name.
        common: The `.git` that it shares.
        databases: What is to be made, unless its server says that it is there.
        environment: Name of the environment that they are of.
    """

    root: str
    worktree: str
    common: str
    databases: tuple[OwnDatabase, ...]
    environment: str = ""


def list_missing(
    databases: Iterable[OwnDatabase], state: StateFolder
) -> tuple[OwnDatabase, ...]:
    """Return which are not there, as far as can be told without asking a server.

    A file that has nothing to be a copy of is left to whatever sets the project up.

    Args:
        databases: A worktree's own.
        state: Its state folder.
    """
    return tuple(each for each in databases if _is_missing(each, state))


def list_unsure(
    databases: Iterable[OwnDatabase], state: StateFolder
) -> tuple[OwnDatabase, ...]:
    """Return which are not there, or may have been dropped since they were made.

    Args:
        databases: A worktree's own.
        state: Its state folder.
    """
    return tuple(
        each
        for each in databases
        if each.system != "sqlite" or _is_missing(each, state)
    )


def _is_missing(database: OwnDatabase, state: StateFolder) -> bool:
    if database.system != "sqlite":
        return not get_mark(database, state).exists()
    path = get_file(database.url, state.root)
    return not os.path.lexists(path) and get_file(database.origin, state.root).is_file()


def get_file(url: str, root: Path) -> Path:
    """Return the file of a SQLite database's address, which has one.

    Args:
        url: The address; SQLAlchemy takes its path as it stands.
        root: What a relative path is relative to.
    """
    return root / url.partition("://")[2].partition("?")[0][1:]


def get_mark(database: OwnDatabase, state: StateFolder) -> Path:
    """Return the file that says that a database on a server is there."""
    key = blake2b(database.url.encode(), digest_size=8).hexdigest()
    return state.path / _FOLDER / key


def make_folder(state: StateFolder) -> Path:
    """Make the folder of these files and return it."""
    return state.make(_FOLDER)


def describe_order(
    worktree: Worktree,
    root: Path,
    databases: tuple[OwnDatabase, ...],
    environment: str = "",
) -> str:
    """Return what the program is told."""
    order = Order(
        root=str(root),
        worktree=worktree.name,
        common=str(worktree.common),
        databases=databases,
        environment=environment,
    )
    return msgspec.json.encode(order).decode()


def read_order(environ: Mapping[str, str]) -> Order:
    """Return what the program was told."""
    return msgspec.json.decode(environ[ORDER_VARIABLE], type=Order)


def list_words(module: str) -> list[str]:
    """Return the command that runs the program."""
    # -P: the project's folder must not come before the interpreter's own modules.
    return [sys.executable, "-P", "-m", module]


def build_env(env: Mapping[str, str], order: str) -> dict[str, str]:
    """Return the program's environment: the processes', but for its own Python."""
    kept = {key: text for key, text in env.items() if not key.startswith("PYTHON")}
    return {**kept, "PYTHONUNBUFFERED": "1", ORDER_VARIABLE: order}
