"""All that runs a stack's processes, and what of it stands at a breakpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.run.debugging import DebuggedRunner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.dev.run.base import Runner
    from sceneshift.dev.run.generation import Generation


class Crew:
    """The runners of a stack, whatever has become of them.

    Attributes:
        departed: Those that have been replaced, or taken out, and may not have ended.
        arriving: Those of a switch that is under way, by process.

    Args:
        runners: One a process.
        formers: Those that still run a process's last generation of another kind.
    """

    def __init__(
        self, runners: Mapping[str, Runner], formers: Mapping[str, Runner]
    ) -> None:
        self._runners = runners
        self._formers = formers
        self.departed: set[Runner] = set()
        self.arriving: Mapping[str, Runner] = {}

    def list_runners(self, name: str | None = None) -> list[Runner]:
        """Return all of a process, or of any."""
        present = [*self._runners.values(), *self._formers.values()]
        runners = [*present, *self.arriving.values(), *self.departed]
        return [each for each in runners if name in (None, each.spec.name)]

    def list_standing(self, name: str | None = None) -> list[Generation]:
        """Return the generations that stand at a breakpoint, the oldest first."""
        made = [each for runner in self.list_runners(name) for each in runner.made]
        found = [each for each in made if each.clock.is_stopped]
        return sorted(found, key=lambda each: each.number)

    def hurry(self, name: str | None = None) -> None:
        """Wait for no breakpoint any more: a person wants all this to end."""
        for runner in self.list_runners(name):
            hurry(runner)

    def get_debugged(self, number: int) -> tuple[DebuggedRunner, Generation]:
        """Return what runs the generation of a number, and that.

        Raises:
            SceneshiftError: It is gone.
        """
        for runner in self.list_runners():
            for each in runner.made:
                if each.number == number and isinstance(runner, DebuggedRunner):
                    return runner, each
        hint = "start the process anew: inv dev.restart"
        raise SceneshiftError(f"generation {number} is gone", hint=hint)


def hurry(runner: Runner) -> None:
    """Wait for no breakpoint of what it runs; what waits ahead of a reload is new."""
    for generation in runner.made:
        if generation.token is not None:
            generation.clock.release()
