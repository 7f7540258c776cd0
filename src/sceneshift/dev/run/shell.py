"""Commands that only a shell can start: a restart is a stop and a start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.run.base import Ground, Runner

if TYPE_CHECKING:
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

    def renew(self, spec: ProcessSpec, reason: str) -> None:
        """Run another command from now on."""
        self.spec, self._reason = spec, reason

    def launch(self, token: int) -> None:
        """Start a generation."""
        generation, writing = self._new_generation(token)
        self._run(self._launch(generation, writing))

    async def _launch(self, generation: Generation, writing: int) -> None:
        try:
            await self._start_plain(generation, writing)
        except SceneshiftError as error:
            self._fail(generation, error)
        finally:
            os.close(writing)
