"""Compiled files that an interpreter would take for a source which they are not of.

A `.pyc` is trusted when it has the source's time of change, in whole seconds, and its
size: of two saves of one size within a second it serves the first, for good. Programs
that an agent runs are compiled from source; this is for all the others.
"""

from __future__ import annotations

import contextlib
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from pathlib import Path

_HEADER = struct.Struct("<4xIII")  # PEP 552: magic, flags, time of change, size
_MOST = 0xFFFFFFFF


def drop_compiled(source: Path) -> None:
    """Remove what would be taken for the compiled form of a source just saved."""
    with contextlib.suppress(OSError):  # the source is gone, or there is no folder
        status = source.stat()
        for compiled in (source.parent / "__pycache__").iterdir():
            is_of_it = compiled.name.startswith(f"{source.stem}.")
            if is_of_it and _is_trusted(compiled, status):
                compiled.unlink(missing_ok=True)


def _is_trusted(compiled: Path, source: os.stat_result) -> bool:
    with compiled.open("rb") as file:
        head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        return False
    key = (0, int(source.st_mtime) & _MOST, source.st_size & _MOST)
    return _HEADER.unpack(head) == key
