"""What a person is told who waits for a backup."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE_S = 1.0
_SILENCE_S = 5.0


@contextlib.contextmanager
def telling(
    what: str, *, patience_s: float = _PATIENCE_S, silence_s: float = _SILENCE_S
) -> Iterator[None]:
    """Say what is being done, where it takes longer than a second.

    By a thread: a copy by SQLite is one call, and what a program is fed may wait.

    Args:
        what: That, as in "copying shop.db".
        patience_s: Seconds in which nothing is said.
        silence_s: Seconds after which it is said again.
    """
    over, began = threading.Event(), time.monotonic()

    def tell() -> None:
        wait_s = patience_s
        while not over.wait(wait_s):
            StreamConsole().note(f"{time.monotonic() - began:.0f} s: {what}")
            wait_s = silence_s

    thread = threading.Thread(target=tell, name="telling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
