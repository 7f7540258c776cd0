"""Folders in memory: what is written there waits for no disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_MEMORY = Path("/dev/shm")  # of Linux; containers may have little of it
_ROOM = 2 * 1024**3


def find_memory() -> Path | None:
    """Return where files are in memory; None where there is little room, or none."""
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ROOM:
        return None
    return _MEMORY
