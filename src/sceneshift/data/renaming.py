"""Files that get their names when they are whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# What begins with the first two is an editor's lock to Alembic, and not read.
MARK = ".#sceneshift-"
JOURNAL = "squash.json"  # what a squash was about to do, beside the locks


def sync(path: Path) -> None:
    """Have a file's content on the disk, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
