"""Whether a checkout is claimed: a stack runs there, is just starting, or ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.marks import LOCK_FILE
from sceneshift.core.paths import StateFolder

if TYPE_CHECKING:
    from pathlib import Path


def is_claimed(root: Path) -> bool:
    """Tell whether anybody holds the lock of a checkout; it is let go at once.

    Args:
        root: The project's folder.
    """
    import fcntl  # noqa: PLC0415 - not on Windows

    try:
        lock = (StateFolder(root).path / LOCK_FILE).open("rb")
    except OSError:  # nothing has run here yet, or it is another user's
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
