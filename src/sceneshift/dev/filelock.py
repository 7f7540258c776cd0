"""A lock between programs, waited for without holding up the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

_INTERVAL_S = 0.05


@contextlib.asynccontextmanager
async def hold_lock(
    path: Path, *, waiting: Callable[[], None] | None = None
) -> AsyncIterator[None]:
    """Hold the lock that is the file `path`, alone among all programs.

    The system frees it with the program, however that ends, so it is never stale.
    The file stays: removing it would let two hold it, each a file of its own.

    Args:
        path: The file, made where it is missing; its folder exists.
        waiting: Called once where another holds it.
    """
    with path.open("ab") as file:
        while not _try(file.fileno()):
            if waiting is not None:
                waiting()
                waiting = None
            await asyncio.sleep(_INTERVAL_S)
        yield


def _try(descriptor: int) -> bool:
    """Take the lock where it is free."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
