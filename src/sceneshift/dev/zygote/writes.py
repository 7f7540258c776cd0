"""Which files a program changes without opening them to write, told by audit events.

A state that is saved by renaming, a job that is taken away after it was read, a
database that C code writes.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Where the path stands among an event's arguments, and where the descriptor of the
# folder that it is relative to; -1 where there is none.
WRITES = {
    "os.remove": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.truncate": ((0, -1),),
    "sqlite3.connect": ((0, -1),),
}


def find_written(event: str, args: tuple[Any, ...]) -> list[str]:
    """Return the files that an event changes, absolute; none where they are code.

    Args:
        event: One of `WRITES`.
        args: What the audit hook was called with.
    """
    paths = [_find_path(args, *place) for place in WRITES[event]]
    if any(path.endswith((".py", ".pyc")) for path in paths):
        return []
    return [path for path in paths if path]


def _find_path(args: tuple[Any, ...], at: int, folder_at: int) -> str:
    """Return one path; empty where it cannot be known."""
    folder = args[folder_at] if folder_at >= 0 else -1
    try:
        base = "" if folder == -1 else os.readlink(f"/proc/self/fd/{folder}")
        return os.path.abspath(os.path.join(base, os.fsdecode(args[at])))
    except (OSError, TypeError):  # no `/proc`, or a descriptor in place of a path
        return ""
