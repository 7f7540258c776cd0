"""Whether a snapshot that is kept is still what was built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError

if TYPE_CHECKING:
    from sceneshift.data.snapshots.snapshot import Snapshot
    from sceneshift.data.system import System
    from sceneshift.data.target import Target


def is_kept(target: Target, system: System, snapshot: Snapshot) -> bool:
    """Tell whether a snapshot is there, with the rows that it had when it was built.

    A server keeps its own whole. A file may have been emptied, cut off or replaced by
    what cleans up or synchronizes folders, and would be put in place as it is. Counting
    its rows takes some milliseconds, a tenth of a look at all that is in it.
    """
    if not system.has_snapshot(snapshot.id):
        return False
    if target.file is None:
        return True
    from sceneshift.data.sqlite.system import SqliteSystem  # noqa: PLC0415 - 5 ms

    try:
        return SqliteSystem(target).count_kept(snapshot.id) == snapshot.rows
    except SceneshiftError:
        return False
