"""Commands that only a shell can start: a restart is a stop and a start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.run.base import Ground, Runner

if TYPE_CHECKING:
    import asyncio

    from sceneshift.dev.model import ProcessSpec
    from sceneshift.dev.output import ProcessStream
    from sceneshift.dev.run.generation import Generation


class ShellRunner(Runner):
    """Runs `sh -c` with the Procfile's command."""

    def __init__(
        self, spec: ProcessSpec, stream: ProcessStream, ground: Ground, *, reason: str
    ) -> None:
        super().__init__(spec, stream, ground)
        self._reason = reason

    @property
    def cold_reason(self) -> str | None:
        """Why this process is not run by fork."""
        return self._reason

    def launch(self, token: int) -> None:
        """Start a generation."""
        self._run(self._launch(token))

    async def _launch(self, token: int) -> None:
        generation, writing = self._new_generation(token)
        try:
            child = await self._ground.spawner.spawn(
                ["/bin/sh", "-c", self.spec.command],
                env=self.spec.env,
                cwd=self.spec.cwd,
                fds={1: writing, 2: writing},
            )
        except SceneshiftError as error:
            self._fail(generation, error)
            return
        finally:
            os.close(writing)
        generation.child = child
        child.exited.add_done_callback(lambda done: self._exited(generation, done))
        self._catch_up(generation)
        if not generation.is_discarded:
            self._watch(generation)

    def _exited(self, generation: Generation, done: asyncio.Future[int]) -> None:
        if not done.cancelled():
            self._end(generation, os.waitstatus_to_exitcode(done.result()))
