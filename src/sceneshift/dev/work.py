"""What a running stack does aside, and what becomes of a mistake in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sceneshift.core.errors import SceneshiftError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class Work:
    """Tasks that nobody waits for, until all ends.

    Args:
        loop: Runs them.
        say: Tells people something about the stack.
        fail: Ends the stack, and says why.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        say: Callable[[str], None],
        fail: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._say = say
        self._fail = fail
        self._tasks: set[asyncio.Task[None]] = set()

    def do(self, work: Coroutine[None, None, None]) -> None:
        """Begin something; an error in it is told."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    async def close(self) -> None:
        """Leave off."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def handle_trouble(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        """Tell what went wrong in the loop; a mistake of ours ends everything.

        An event is lost with it, and what waits for that event would do so for ever.
        What serves one client only, a task that nobody awaits, is told alone.
        """
        error = context.get("exception")
        if isinstance(error, SceneshiftError):
            self._say(error.message)
            return
        loop.default_exception_handler(context)
        if "future" not in context:
            self._fail(f"an internal error, all ends: {error}")

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.handle_trouble(self._loop, {"message": str(error), "exception": error})
