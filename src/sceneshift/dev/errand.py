"""Another program of ours, which is gone afterwards with all that it has loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.firstuse import list_words
from sceneshift.dev.oneshot import kill_session, run_to_end
from sceneshift.dev.saying import Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sceneshift.dev.guard.spawner import Spawner
    from sceneshift.dev.oneshot import Stop

    Say = Callable[[str], None]


class Done(NamedTuple):
    """What came of an errand.

    Attributes:
        status: Its exit code; 0 too where it could not be run.
        has_spoken: Whether it said anything.
    """

    status: int
    has_spoken: bool


class Errand(NamedTuple):
    """A program that is run to its end, its words passed on.

    Attributes:
        module: The program; empty where there is nothing to do.
        spawner: Starts it.
        folder: Where it runs.
        trouble: What is said, with the reason, where it cannot be run.
    """

    module: str
    spawner: Spawner
    folder: Path
    trouble: str

    async def run(
        self, env: Mapping[str, str], say: Say, *, stop: Stop = kill_session
    ) -> Done:
        """Run it.

        Args:
            env: Its whole environment.
            say: Tells people what it says.
            stop: What ends it where the call is cancelled.
        """
        lines, status = Lines(say), 0
        try:
            status = await run_to_end(
                list_words(self.module),
                spawn=self.spawner.spawn,
                env=env,
                cwd=self.folder,
                output=lines.feed,
                stop=stop,
            )
        except (SceneshiftError, OSError) as error:
            say(f"{self.trouble}: {error}")
        lines.close()
        return Done(status, lines.are_said)
