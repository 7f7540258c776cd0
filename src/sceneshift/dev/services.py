"""The project's own servers, which answer before anything of a stack uses them.

They are no part of the stack: they go on without it, as long as anything uses them.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole
from sceneshift.core.services.use import is_in_use, use_services

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.dev.model import ProcessSpec, StackSpec

    Say = Callable[[str], None]


def use_all(stack: StackSpec) -> None:
    """Have the servers of a stack answer, before its guard ends what it did not start.

    Raises:
        SceneshiftError: One does not start, and why.
    """
    wanted = dict.fromkeys(one for spec in stack.processes for one in spec.services)
    use_services(wanted, os.environ, StreamConsole().note)


class ServiceUse:
    """Has the servers of processes answer that come while a stack runs."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def ensure(self, spec: ProcessSpec, say: Say) -> None:
        """Return when a process's servers answer.

        Args:
            spec: The process.
            say: Tells people something about it.

        Raises:
            SceneshiftError: One does not start, and why.
        """
        if all(map(is_in_use, spec.services)):
            return
        loop = asyncio.get_running_loop()

        def tell(text: str) -> None:
            loop.call_soon_threadsafe(say, text)

        async with self._turn:
            await asyncio.to_thread(use_services, spec.services, os.environ, tell)
