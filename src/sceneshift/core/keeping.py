"""Files in the `.git` that all worktrees share, written by one of them at a time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def keeping(file: Path, what: str) -> Iterator[None]:
    """Let the other worktrees wait their turn.

    Args:
        file: The file that is to be written.
        what: What it keeps, for the message.

    Raises:
        SceneshiftError: There is no writing.
    """
    import fcntl  # noqa: PLC0415 - not on Windows

    try:
        file.parent.mkdir(exist_ok=True)
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as exc:
        raise SceneshiftError(
            f"{what} cannot be kept: {exc.strerror}: {file}",
            hint=f"ls -ld {file.parent}",
        ) from exc
