"""Generations that end: they finish, or hand over, what they have."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from sceneshift.dev.run.agent import signal_family
from sceneshift.dev.run.reports import ReportedRunner
from sceneshift.dev.run.retiring import DRAIN_S, retire
from sceneshift.dev.zygote.words import HOLD

if TYPE_CHECKING:
    from sceneshift.dev.run.generation import Generation


class DepartingRunner(ReportedRunner):
    """A runner whose generations leave their connections to others."""

    def promote(self, token: int, old: int) -> None:
        """Give the old generation's open connections to the new one."""
        retiring = self.generation(old)
        if retiring is not None:
            retiring.successor = self.generation(token)

    def stop(self, token: int, *, is_reload: bool, is_forced: bool) -> None:
        """Stop a generation, after it has handed its open connections over."""
        generation = self.generation(token)
        if generation is None or not is_reload or is_forced:
            super().stop(token, is_reload=is_reload, is_forced=is_forced)
            return
        self._run(self._stop_retired(generation, token))

    def see_out(self, token: int) -> None:
        """Stop a generation that works, after it has finished what it has."""
        generation = self.generation(token)
        if generation is None:
            return
        if not generation.is_holding and generation.keys:
            self.hold(token)
        self._run(self._see_out(generation, token))

    async def _see_out(self, generation: Generation, token: int) -> None:
        await retire(generation, self.spec.stop.time_s)
        super().stop(token, is_reload=False, is_forced=False)

    def _discard(self, generation: Generation) -> None:
        """Kill a generation, after it has finished what it may have accepted."""
        if generation.pid is None or not generation.keys:
            super()._discard(generation)
            return
        generation.is_discarded = generation.is_holding = True
        generation.cancel_waits()
        signal_family(generation.pid, HOLD)
        self._run(self._discard_bound(generation))

    async def _discard_bound(self, generation: Generation) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.spec.stop.time_s):
                while generation.adopters and not self._find_heir(generation):  # noqa: ASYNC110 - the heir is not made yet
                    await asyncio.sleep(DRAIN_S)
        await retire(generation, self._reload_time_s)
        if generation.adopters:  # it hands over the others when they are answered
            time_s = self._reload_time_s
            await self._stop(generation, self.spec.stop.signal, time_s)
        else:
            super()._discard(generation)

    def _find_heir(self, generation: Generation) -> Generation | None:
        """Return who takes a generation's open connections over."""
        heir = generation.successor or self.generation(self._newest)
        while heir is not None and heir.successor is not None:
            heir = heir.successor
        if heir is generation or heir is None or not heir.is_listening:
            return None
        return heir

    async def _stop_retired(self, generation: Generation, token: int) -> None:
        await retire(generation, self._reload_time_s)
        await generation.clock.going()
        for link in generation.links:
            link.tell({"op": "ending", "time_s": self._reload_time_s})
        super().stop(token, is_reload=True, is_forced=False)
