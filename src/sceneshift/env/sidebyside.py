"""Doing several things at once, none of which may hold up the others."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")


class Job(Generic[T]):
    """Something that is under way in a thread of its own.

    Attributes:
        result: What came of it; None until then.
        error: What it has raised; None where nothing was.
        took_s: Seconds that it took; None until its end.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self.result: T | None = None
        self.error: Exception | None = None
        self.took_s: float | None = None
        self._work = work
        self._began = time.monotonic()
        # A daemon: what hangs, on a share that is away, does not keep the command.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self, limit_s: float) -> bool:
        """Wait until so many seconds after its begin; tell whether it has ended."""
        left_s = self._began + limit_s - time.monotonic()
        self._thread.join(max(0.0, left_s))
        return self.took_s is not None

    def _run(self) -> None:
        try:
            self.result = self._work()
        except Exception as error:  # noqa: BLE001 - the waiting one is to see it
            self.error = error
        self.took_s = time.monotonic() - self._began


def run_side_by_side(
    works: Iterable[Callable[[], T]], *, limit_s: float
) -> list[T | None]:
    """Do all at once; return what came of each, None where the time was too short.

    Raises:
        Exception: What the first of those has raised that raised anything.
    """
    jobs = [Job(work) for work in works]
    for job in jobs:
        job.wait(limit_s)
        if job.error is not None:
            raise job.error
    return [job.result for job in jobs]
