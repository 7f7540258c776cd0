"""What a person is told while a database is filled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole

if TYPE_CHECKING:
    from sceneshift.data.seeding.program import Progress

_PATIENCE_S = 1.0
_SILENCE_S = 5.0


class Telling:
    """Says how far it is, where it takes longer than a second to apply.

    A line for each file, and again after some seconds: it is read in a terminal, in
    the log of a set-up and in CI's.

    Args:
        patience_s: Seconds in which nothing is said.
        silence_s: Seconds after which the same file is told of again.
    """

    def __init__(
        self, patience_s: float = _PATIENCE_S, silence_s: float = _SILENCE_S
    ) -> None:
        self._patience_s = patience_s
        self._silence_s = silence_s
        self._began: float | None = None
        self._told_at = 0.0
        self._told = ""

    def __call__(self, progress: Progress) -> None:
        """Say it, if it is another file or was not said for long."""
        now = time.monotonic()
        if self._began is None:
            self._began = self._told_at = now
        if now - self._began < self._patience_s:
            return
        is_news = progress.file != self._told
        if is_news or now - self._told_at >= self._silence_s:
            self._told, self._told_at = progress.file, now
            rows = f", {progress.rows:,} rows" if progress.rows else ""
            table = f": {progress.table}" if progress.table else ""
            StreamConsole().note(
                f"{now - self._began:.0f} s: {progress.file}{table}{rows}"
            )
