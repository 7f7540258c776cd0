"""The end of what a switch has replaced."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sceneshift.dev.succession import Retiree
    from sceneshift.dev.supervisor import Supervisor


class Nobody:
    """Hears what becomes of processes that are replaced."""

    def handle_ready(self, process: str, token: int) -> None:
        """It would have been of use."""

    def handle_checked(self, process: str, token: int) -> None:
        """So would this."""

    def handle_exited(self, process: str, token: int, code: int, output: str) -> None:
        """As it should."""

    def handle_use(self, process: str, path: str, digest: str | None) -> None:
        """No change of it matters."""

    def handle_mute(self, process: str) -> None:
        """It need not say anything."""

    def handle_debugger(
        self,
        process: str,
        token: int,
        *,
        waiting: bool,
        place: str,
        is_editors: bool,
    ) -> None:
        """It is on its way out."""

    def handle_step(self, process: str, token: int, place: str) -> None:
        """As above."""


class Retirement:
    """Ends replaced processes, when nobody who does not know of it may come any more.

    Args:
        supervisor: Lets their runners go.
        grace_s: Seconds in which clients hear of the new processes.
    """

    def __init__(self, supervisor: Supervisor, grace_s: float = 1.0) -> None:
        self._supervisor = supervisor
        self._grace_s = grace_s
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self, retirees: Sequence[Retiree], handed: Collection[str]) -> None:
        """Retire processes; what handed its address over has nobody to wait for."""
        self._hurry.clear()
        self._task = asyncio.get_running_loop().create_task(
            self._retire(retirees, handed)
        )

    async def finish(self) -> None:
        """Return when none is left; nobody is waited for."""
        self._hurry.set()
        if self._task is not None:
            await self._task

    async def _retire(
        self, retirees: Sequence[Retiree], handed: Collection[str]
    ) -> None:
        early = [each for each in retirees if each.spec.name in handed]
        await asyncio.gather(*map(self._see_out, early))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace_s):
                await self._hurry.wait()
        left = [each for each in retirees if each.spec.name not in handed]
        while left:
            needed = {need.name for each in left for need in each.spec.depends_on}
            last = [each for each in left if each.spec.name not in needed]
            await asyncio.gather(*map(self._see_out, last))
            left = [each for each in left if each not in last]

    async def _see_out(self, retiree: Retiree) -> None:
        """Stop what works, after it has finished what it has; kill what was to."""
        runner = retiree.runner
        for token in retiree.tokens[:1]:
            runner.see_out(token)
        for token in retiree.tokens[1:]:
            runner.discard(token)
        runner.release()
        await self._supervisor.see_off(runner)
