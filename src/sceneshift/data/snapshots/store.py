"""The snapshots of a database: what is written down of each, and which one fits."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import msgspec

from sceneshift.core.paths import write_whole
from sceneshift.data.snapshots.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.data.snapshots.snapshot import Recipe

_SUFFIX = ".json"


class Store:
    """What is written down of the snapshots of one database.

    Attributes:
        folder: Where.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list_all(self) -> list[Snapshot]:
        """Return all that can be read, the newest first."""
        found = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            # Of another version of ours, or gone meanwhile: it is made anew.
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                found.append(msgspec.json.decode(path.read_bytes(), type=Snapshot))
        return sorted(found, key=lambda one: one.made_at, reverse=True)

    def find(
        self, recipe: Recipe, root: Path, values: Mapping[str, str]
    ) -> Snapshot | None:
        """Return the one that a build would make again.

        Args:
            recipe: What is to be made.
            root: The project's folder.
            values: The variables that a build would have.
        """
        key = recipe.key
        for one in self.list_all():
            if one.recipe.key == key and one.inputs.are_same(root, values):
                return one
        return None

    def write(self, snapshot: Snapshot) -> None:
        """Write one down: from then on it is there.

        Raises:
            OSError: It cannot be written.
        """
        text = msgspec.json.format(msgspec.json.encode(snapshot)).decode()
        write_whole(self._locate(snapshot.id), text)

    def note_use(self, id: str) -> None:  # noqa: A002
        """Know that one was used now."""
        os.utime(self._locate(id))

    def find_last_use(self, id: str) -> float:  # noqa: A002
        """Return when one was used last, seconds since 1970."""
        try:
            return self._locate(id).stat().st_mtime
        except OSError:
            return 0.0

    def forget(self, id: str) -> None:  # noqa: A002 - that is what it is
        """Know one no more: what it is made of may go then."""
        self._locate(id).unlink(missing_ok=True)

    def _locate(self, id: str) -> Path:  # noqa: A002
        return self.folder / f"{id}{_SUFFIX}"
