"""A worktree's own databases, made before anything of a stack uses them.

Another program does it, which is gone afterwards with all that it has loaded.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from sceneshift.core.firstuse import (
    build_env,
    describe_order,
    list_missing,
    list_unsure,
)
from sceneshift.core.selection import VARIABLE
from sceneshift.core.worktree import find_worktree
from sceneshift.dev.errand import Errand
from sceneshift.dev.guard.stop import stop_session
from sceneshift.dev.setup import forget_filled

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.core.paths import StateFolder
    from sceneshift.core.separation import OwnDatabase
    from sceneshift.dev.guard.child import Child
    from sceneshift.dev.guard.spawner import Spawner
    from sceneshift.dev.model import ProcessSpec

    Say = Callable[[str], None]

_AGAIN_S = 10.0
_STOP_S = 2.0


class FirstUse:
    """Has databases made, once for all processes.

    Args:
        module: The program; empty where nothing is to be made.
        spawner: Starts it.
        state: The checkout's state folder.
    """

    def __init__(self, module: str, *, spawner: Spawner, state: StateFolder) -> None:
        trouble = "databases cannot be made"
        self._errand = Errand(module, spawner, state.root, trouble)
        self._state = state
        self._turn = asyncio.Lock()
        self._tried: dict[OwnDatabase, float] = {}
        self._seen: set[OwnDatabase] = set()

    async def ensure(self, spec: ProcessSpec, say: Say) -> None:
        """Return when a process's databases are there, or cannot be made.

        A server is asked once for each, which may have been dropped by hand. That one
        cannot be made is told, and is for the process to fail by: it may not need them.

        Args:
            spec: The process.
            say: Tells people something about it.
        """
        if not self._errand.module or not self._list_wanted(spec):
            return
        async with self._turn:
            wanted = tuple(filter(self._is_due, self._list_wanted(spec)))
            if wanted:
                await self._make(wanted, spec, say)

    def _list_wanted(self, spec: ProcessSpec) -> tuple[OwnDatabase, ...]:
        missing = list_missing(spec.databases, self._state)
        unsure = list_unsure(spec.databases, self._state)
        return tuple(
            each for each in unsure if each in missing or each not in self._seen
        )

    def _is_due(self, database: OwnDatabase) -> bool:
        """Tell whether it was not tried for another process just now."""
        return time.monotonic() - self._tried.get(database, -_AGAIN_S) >= _AGAIN_S

    async def _make(
        self, wanted: tuple[OwnDatabase, ...], spec: ProcessSpec, say: Say
    ) -> None:
        root = self._state.root
        worktree = find_worktree(root)
        if worktree is None:  # it is being removed
            return
        name = spec.env.get(VARIABLE, "")
        order = describe_order(worktree, root, wanted, name)
        done = await self._errand.run(build_env(spec.env, order), say, stop=_stop)
        if done.has_spoken:  # else all were there
            forget_filled(self._state)
        self._seen.update(wanted)
        failed = list_missing(wanted, self._state)
        self._tried |= dict.fromkeys(failed, time.monotonic())


async def _stop(child: Child) -> None:
    await stop_session(child, time_s=_STOP_S)
