"""A process that the guard has started."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import asyncio

STACK_VARIABLE = "SCENESHIFT_STACK"
PROCESS_VARIABLE = "SCENESHIFT_PROCESS"


class Child(Struct, frozen=True, kw_only=True):
    """A started process, the leader of a session of its own.

    Attributes:
        pid: Its number; its session and first process group have the same.
        started: Start token: with the pid it names the process for ever.
        token: Value of SCENESHIFT_PROCESS in its environment and that of its children.
        exited: Done with the raw wait status when it has ended and been reaped.
    """

    pid: int
    started: int
    token: str
    exited: asyncio.Future[int]

    @property
    def returncode(self) -> int | None:
        """Exit code, minus the number of the signal, or None while it runs."""
        if not self.exited.done():
            return None
        return os.waitstatus_to_exitcode(self.exited.result())
