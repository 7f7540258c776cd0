"""Processes that stand at a breakpoint, or that an editor is to debug."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sceneshift.dev.run.base import Runner
from sceneshift.dev.run.generation import Stop

if TYPE_CHECKING:
    from sceneshift.core.channel import Message
    from sceneshift.core.program import PythonProgram
    from sceneshift.dev.run.generation import Generation

_STEP_S = 1.0  # a step that lasts longer is waited for no more


class DebuggedRunner(Runner):
    """A runner of a program that may be debugged.

    Attributes:
        program: What it runs.
    """

    program: PythonProgram

    async def _raise_anchor(self) -> None:
        """Have what an editor attaches to, where one is to."""
        assert self._ground.anchors is not None
        await self._ground.anchors.raise_for(self, self.program, self._stream)

    @property
    def _lacks_anchor(self) -> bool:
        """Whether an editor is to attach, and cannot: somebody has killed that."""
        is_debugged = self.program.debug_port is not None
        return is_debugged and self._find_anchor() is None

    def _find_anchor(self) -> Message | None:
        """Return what is known of what an editor attaches to."""
        if self._ground.anchors is None:
            return None
        return self._ground.anchors.find(self.program.debug_port)

    def hear_of_stop(
        self, generation: Generation, link: object, message: Message
    ) -> None:
        """Know that one of its processes stops, or goes on: for good or by a step."""
        at = f"{message['file']}:{message['line']}"
        stop = Stop(at, message.get("is_editors", False))
        step = generation.steps.pop(link, None)
        if step is not None:
            step.cancel()
        if message.get("is_step"):
            generation.steps[link] = self._ground.loop.call_later(
                _STEP_S, self._place, generation, link, None
            )
        else:
            self._place(generation, link, stop if message["waiting"] else None)

    def _on_undebugged(
        self, _generation: Generation, message: Message, _fds: Any
    ) -> None:
        """Its debugger did not come: the next generation has another anchor."""
        self._stream.note(f"runs without a debugger: {message['why']}", time.time())

    def _on_unanswered(
        self, _generation: Generation, message: Message, _fds: Any
    ) -> None:
        """An editor is attached, but has not taken the new process."""
        text = f"the editor did not attach to it within {message['time_s']:g} s"
        self._stream.note(f"{text}: it runs without breakpoints", time.time())

    def hear_no_more(self, generation: Generation, link: object) -> None:
        """Know that one of its processes is gone: it stands nowhere."""
        self._place(generation, link, None)

    def _place(self, generation: Generation, link: object, stop: Stop | None) -> None:
        """Know that one of its processes stands at a breakpoint, or at none.

        A person is told of one at a time: the next when that one goes on.
        """
        before = next(iter(generation.standing), None)
        if stop is None:
            generation.standing.pop(link, None)
        else:
            generation.standing[link] = stop
        after = next(iter(generation.standing), None)
        if after is before or generation.token is None:
            return
        if after is None:
            generation.clock.go()
        else:
            generation.clock.stop()
            self._tell_of_stop(generation.standing[after])
        self._ground.listener.handle_debugger(
            self.spec.name, generation.token, waiting=after is not None
        )

    def _tell_of_stop(self, stop: Stop) -> None:
        name = self.spec.name
        where = "in the editor" if stop.is_editors else f"inv dev.attach {name}"
        text = f"waits at a breakpoint: {stop.place}; take it: {where}"
        self._stream.note(text, time.time())

    async def close(self) -> None:
        """End what is under way, and what might raise an anchor first."""
        await super().close()
        if self._ground.anchors is not None:
            await self._ground.anchors.leave(self)
