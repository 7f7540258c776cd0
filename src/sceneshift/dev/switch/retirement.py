"""The end of what a switch has replaced."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from sceneshift.dev.crew import hurry

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sceneshift.dev.succession import Retiree
    from sceneshift.dev.supervisor import Supervisor


class Nobody:
    """Hears what becomes of processes that are replaced.

    Args:
        supervisor: Of what has replaced them.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

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

    def handle_debugger(self, process: str, token: int, *, waiting: bool) -> None:
        """Whoever takes its prompt waits for that."""
        self._supervisor.handle_debugger(process, token, waiting=waiting)


class Retirement:
    """Ends replaced processes, when nobody who does not know of it may come any more.

    One that stands at a breakpoint ends when it goes on. What it needs waits for that.

    Args:
        supervisor: Lets their runners go.
        grace_s: Seconds in which clients hear of the new processes.
    """

    def __init__(self, supervisor: Supervisor, grace_s: float = 1.0) -> None:
        self._supervisor = supervisor
        self._grace_s = grace_s
        self._hurry = asyncio.Event()
        self._retirees: Sequence[Retiree] = ()
        self._handed: Collection[str] = ()
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}

    def begin(self, retirees: Sequence[Retiree], handed: Collection[str]) -> None:
        """Retire processes; what handed its address over has nobody to wait for."""
        self._hurry.clear()
        self._retirees, self._handed, self._tasks = retirees, handed, {}
        loop = asyncio.get_running_loop()
        for each in retirees:
            task = loop.create_task(self._retire(each))
            self._tasks.setdefault(each.spec.name, []).append(task)

    async def finish(self) -> None:
        """Return when none is left; nobody is waited for."""
        self._hurry.set()
        for each in self._retirees:
            hurry(each.runner)
        await asyncio.gather(
            *(task for tasks in self._tasks.values() for task in tasks)
        )

    async def _retire(self, retiree: Retiree) -> None:
        if retiree.spec.name not in self._handed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._grace_s):
                    await self._hurry.wait()
            users = self._list_users(retiree.spec.name)
            if users:
                await asyncio.wait(users)
        await self._see_out(retiree)

    def _list_users(self, name: str) -> list[asyncio.Task[None]]:
        """Return the ends of those that depend on a process."""
        users = {
            each.spec.name
            for each in self._retirees
            if any(need.name == name for need in each.spec.depends_on)
        }
        return [task for user in users for task in self._tasks[user]]

    async def _see_out(self, retiree: Retiree) -> None:
        """Stop what works, after it has finished what it has; kill what was to."""
        runner = retiree.runner
        for token in retiree.tokens[:1]:
            runner.see_out(token)
        for token in retiree.tokens[1:]:
            runner.discard(token)
        runner.release()
        await self._supervisor.see_off(runner)
