"""The databases of a worktree, as people know them: without passwords."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.databases import list_databases
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.project import load_project
from sceneshift.core.secrets import mask_secrets
from sceneshift.core.separation import find_place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sceneshift.core.made import Made


class TreeDatabase(Struct, frozen=True, kw_only=True):
    """A database that a worktree uses.

    Attributes:
        name: What the configuration calls it.
        system: `postgresql`, `sqlite` and so on.
        place: Its name on the server, or its file.
        is_own: Whether no other worktree uses it, as far as the configuration says.
    """

    name: str
    system: str
    place: str
    is_own: bool

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "name": self.name,
            "system": self.system,
            "place": self.place,
            "is_own": self.is_own,
        }


def list_used(root: Path, environ: Mapping[str, str]) -> tuple[TreeDatabase, ...]:
    """Return the databases of a checkout's active environment.

    None, where its files say what cannot be: that is for those who work there.
    """
    try:
        project = load_project(root, environ=environ, is_looking=True)
    except SceneshiftError:
        return ()
    environment = project.environment
    common = {name for name, _ in environment.separation.common}
    return tuple(
        TreeDatabase(
            name=each.name,
            system=each.system,
            place=_shorten(find_place(each.url) or mask_secrets(each.url), root),
            is_own=each.name not in common,
        )
        for each in list_databases(environment.values)
    )


def list_made(made: Sequence[Made], root: Path) -> tuple[TreeDatabase, ...]:
    """Return what was made for a worktree that is gone."""
    return tuple(
        TreeDatabase(name=each.name, system=each.system, place=each.place, is_own=True)
        for each in made
        if each.root == str(root)
    )


def describe_database(told: Mapping[str, Any]) -> str:
    """Say which it is in a word, and whether it is the main checkout's."""
    place = str(told["place"])
    return place if told["is_own"] else f"{place} (shared)"


def _shorten(place: str, root: Path) -> str:
    path = Path(place)
    return str(path.relative_to(root)) if path.is_relative_to(root) else place
