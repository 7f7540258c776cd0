"""The databases of a project, by what its committed files say of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sceneshift.core.config import PYPROJECT
from sceneshift.core.databases import DEFAULT, is_service
from sceneshift.ide.model import Database
from sceneshift.ide.unreadable import telling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.core.config import Config, EnvironmentConfig

_ALEMBIC = "alembic.ini"
_SEEDS = "seeds"
_SCHEME = re.compile(r"([a-z][a-z0-9]*)(\+\w+)?:", re.ASCII | re.IGNORECASE)
_OTHER_NAMES = {"postgres": "postgresql"}


def list_databases(
    root: Path, config: Config, name: str, section: EnvironmentConfig
) -> tuple[Database, ...]:
    """Return the databases of an environment.

    What an env file says is one person's. So a database that another environment names
    counts here too, where there may be an env file that has its address.

    Args:
        root: The project's folder.
        config: What pyproject.toml says.
        name: The environment's name.
        section: What is said of it.

    Raises:
        ConfigError: One names a server that cannot be.
    """
    named = _list_names(root, config)
    migrated = _find_migrated(root, config, named)
    has_files = section.env_files is None or bool(section.env_files)
    return tuple(
        Database(
            name=each,
            has_migrations=each in migrated,
            system=_find_system(section.databases.get(each, "")),
            server=_find_server(name, each, section.databases.get(each, "")),
        )
        for each in named
        if has_files or each in section.databases
    )


def list_datasets(root: Path, config: Config) -> Iterator[str]:
    """Yield the names of what databases can be filled with."""
    folders = [each.seeds for each in config.databases.values() if each.seeds]
    for folder in folders or [_SEEDS]:
        path = root / folder
        with telling(path):
            found = sorted(path.iterdir()) if path.is_dir() else []
            names = [each.name for each in found if each.is_dir()]
        yield from (name for name in names if name[0] not in "._")


def _list_names(root: Path, config: Config) -> tuple[str, ...]:
    """Return the databases of all environments."""
    sections = config.environments.values()
    names = dict.fromkeys(
        (*config.databases, *(name for each in sections for name in each.databases))
    )
    return tuple(names) or ((DEFAULT,) if _has_usual(root) else ())


def _find_migrated(root: Path, config: Config, names: tuple[str, ...]) -> set[str]:
    """Return those that migrations make."""
    said = {name for name, each in config.databases.items() if each.alembic}
    return {*names} if not said and len(names) == 1 and _has_usual(root) else said


def _has_usual(root: Path) -> bool:
    """Tell whether migrations are where Alembic looks for them by itself."""
    return (root / _ALEMBIC).is_file() or _has_table(root, "tool.alembic")


def _has_table(root: Path, name: str) -> bool:
    try:
        text = (root / PYPROJECT).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return f"\n[{name}]" in f"\n{text}"


def _find_system(text: str) -> str | None:
    """Return what kind a database is, by its address; None where that is not said."""
    if is_service(text):
        return "postgresql"
    found = _SCHEME.match(text)
    scheme = None if found is None else found[1].lower()
    return None if scheme is None else _OTHER_NAMES.get(scheme, scheme)


def _find_server(environment: str, name: str, text: str) -> str | None:
    """Return the server of the project's own that a database is on."""
    if not is_service(text):
        return None
    from sceneshift.core.services.service import (  # noqa: PLC0415 - 2 ms
        read_service,
    )

    keys = ("environments", environment, "databases", name)
    major = read_service(text, keys).major
    return "postgres" if major is None else f"postgres:{major}"
