"""Environments where nothing is to be destroyed or examined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.config import load_config
from sceneshift.core.selection import is_guarded, list_aliases, list_environments

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from sceneshift.core.config import Config, EnvironmentConfig

_PRODUCTION = frozenset({"prod", "production"})


def is_left_alone(
    names: Collection[str], section: EnvironmentConfig, config: Config
) -> bool:
    """Tell whether an environment is protected, or production by one of its names.

    Args:
        names: Its own, first, and its aliases.
        section: What is said of it.
        config: What pyproject.toml says.
    """
    own = next(iter(names))
    return is_guarded(own, section, config) or not _PRODUCTION.isdisjoint(names)


def list_guarded(root: Path) -> frozenset[str]:
    """Return the names and aliases of such environments, and those of production.

    Raises:
        ConfigError: A file says what cannot be.
    """
    config = load_config(root)
    sections = list_environments(root, config)
    found = {*_PRODUCTION}
    for name, section in sections.items():
        names = (name, *list_aliases(name, sections))
        if is_left_alone(names, section, config):
            found.update(names)
    return frozenset(found)
