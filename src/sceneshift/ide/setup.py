"""What installs a project on a machine that has nothing of it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from sceneshift.core.config import PYPROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sceneshift.ide.model import Database, Environment

_VENV = "python -m venv .venv && .venv/bin/pip install"
_SETUPS = {
    "inv": "./inv --list",
    "uv.lock": "pip install uv && uv sync",
    "poetry.lock": "pip install poetry && poetry config virtualenvs.in-project true "
    "&& poetry install",
    "requirements-dev.txt": f"{_VENV} -r requirements-dev.txt",
    "requirements.txt": f"{_VENV} -r requirements.txt",
    PYPROJECT.name: f"{_VENV} -e .",
}
# Programs of the project's own servers: those that come as a wheel, for Debian has one
# version of PostgreSQL alone, which is seldom the one.
_WHEEL = "sceneshift[postgres]"
_IN_WHEEL = frozenset({"postgres", "postgres:16", "postgres:18"})
# Clients, of which Debian's image of Python has none: for `inv data.shell` and backups.
_CLIENTS = {
    "mariadb": "mariadb-client",
    "mysql": "mariadb-client",
    "postgresql": "postgresql-client",
}


def find_setup(root: Path, environments: Iterable[Environment]) -> str:
    """Return what installs the project: its wrapper, or what has locked its packages.

    All of them make the `.venv` that commands and entries name. What databases need is
    for Debian, where it is root who runs this.
    """
    databases = [
        database
        for environment in environments
        if not environment.is_guarded
        for database in environment.databases
    ]
    packages = dict.fromkeys(filter(None, map(_find_package, databases)))
    commands = []
    if packages:
        commands = ["apt-get update", f"apt-get install --yes {' '.join(packages)}"]
    commands.append(_find_own(root))
    if any(each.server in _IN_WHEEL for each in databases):
        # `--python`: a `.venv` that uv has made has no pip.
        commands.append(f"pip --python .venv install {shlex.quote(_WHEEL)}")
    return " && ".join(commands)


def _find_own(root: Path) -> str:
    found = (command for file, command in _SETUPS.items() if (root / file).is_file())
    return next(found, f"{_VENV} sceneshift")


def _find_package(database: Database) -> str | None:
    """Return the package of Debian that a database needs here."""
    if database.server is None:
        return _CLIENTS.get(database.system or "")
    if database.server in _IN_WHEEL:
        return None
    return database.server.replace("postgres:", "postgresql-")
