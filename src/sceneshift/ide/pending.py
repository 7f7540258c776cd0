"""What a run that was killed has begun to write.

Files are written one by one, and what they are of, the base, at last. In between a file
is newer than its base; what a file was to become is kept here for that while.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from sceneshift.core.blake2 import digest
from sceneshift.core.paths import StateFolder, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sceneshift.ide.merging import Base

_NAME = "ide-pending.json"


def write_pending(root: Path, files: Iterable[tuple[str, bytes, Base]]) -> None:
    """Keep what files are to become: their names, contents and bases.

    Raises:
        SceneshiftError: The state folder cannot be written.
    """
    folder = StateFolder(root)
    kept = {path: [digest(content), base] for path, content, base in files}
    with folder.being_written():
        write_whole(folder.make() / _NAME, json.dumps(kept))


def forget_pending(root: Path) -> None:
    """Forget that: all is written."""
    with contextlib.suppress(OSError):
        (StateFolder(root).path / _NAME).unlink(missing_ok=True)


def read_pending(root: Path) -> Mapping[str, Any]:
    """Return what is kept, by file; nothing where no run was killed."""
    try:
        found = json.loads((StateFolder(root).path / _NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def choose_base(
    pending: Mapping[str, Any], path: str, found: bytes, base: Base
) -> Base:
    """Return what a file is of: the base, unless it is what it was to become."""
    kept, of = pending.get(path, (None, {}))
    return of if kept == digest(found) else base
