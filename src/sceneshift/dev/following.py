"""Databases that follow the branch of git, before anything of a stack uses them.

Another program has them do so, which is gone afterwards with all that it has loaded.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from sceneshift.core.branch import find_branch
from sceneshift.core.following import LATER, LEFT, MADE, has
from sceneshift.core.selection import VARIABLE
from sceneshift.dev.errand import Errand
from sceneshift.dev.setup import forget_filled

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.core.paths import StateFolder
    from sceneshift.dev.guard.spawner import Spawner
    from sceneshift.dev.model import ProcessSpec

    Say = Callable[[str], None]


class _Attempt(NamedTuple):
    """What was tried last for an environment.

    Attributes:
        branch: The branch that was checked out.
        ended_at: When it had ended, seconds of the monotonic clock.
        is_done: Whether all servers answered.
    """

    branch: str
    ended_at: float
    is_done: bool

    def holds(self, branch: str, came_at: float) -> bool:
        """Tell whether it need not be tried again, for who came at a time."""
        return self.branch == branch and (self.is_done or came_at < self.ended_at)


class Following:
    """Has databases follow, once for all processes of an environment.

    Args:
        module: The program; empty where nothing follows.
        spawner: Starts it.
        state: The checkout's state folder.
    """

    def __init__(self, module: str, *, spawner: Spawner, state: StateFolder) -> None:
        # It may be killed at any moment.
        trouble = "databases cannot follow git"
        self._errand = Errand(module, spawner, state.root, trouble)
        self._state = state
        self._turn = asyncio.Lock()
        self._last: dict[str, _Attempt] = {}

    async def ensure(self, spec: ProcessSpec, say: Say) -> bool:
        """Return when a process's databases are those of the branch, or cannot be.

        Why one cannot be is told, and is for the process to fail by. Where a server
        does not answer yet, it is tried again for a process that comes later: that may
        have waited for it.

        Args:
            spec: The process.
            say: Tells people something about it.

        Returns:
            Whether another state was put in place of one, by this call.
        """
        if not self._errand.module or not spec.follows:
            return False
        name = spec.env[VARIABLE]
        came_at = time.monotonic()
        async with self._turn:
            branch = find_branch(self._state.root)
            last = self._last.get(name)
            if branch is None or (last is not None and last.holds(branch, came_at)):
                return False
            status = await self._run(name, say)
            is_done = not has(status, LATER)
            self._last[name] = _Attempt(branch, time.monotonic(), is_done=is_done)
            return _has_moved(status)

    async def settle(self) -> None:
        """Return when no state is being put in place."""
        async with self._turn:
            pass

    async def _run(self, environment: str, say: Say) -> int:
        done = await self._errand.run(_build_env(environment), say)
        if has(done.status, MADE):  # what was left was set up before that
            forget_filled(self._state)
        return done.status


def _has_moved(status: int) -> bool:
    return has(status, LEFT) or has(status, MADE)


def _build_env(environment: str) -> dict[str, str]:
    """Return the program's environment: ours, but for what Python is told there."""
    kept = {key: text for key, text in os.environ.items() if key[:6] != "PYTHON"}
    return {**kept, "PYTHONUNBUFFERED": "1", VARIABLE: environment}
