"""How far a process is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sceneshift.dev.machine.events import Style


class Phase(Enum):
    """How far a process is, in the words of `inv dev.status`."""

    WAITING = "waiting"  # for what it depends on
    SETUP = "setup"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    BACKOFF = "restarting"  # died, will be tried again
    FAILED = "failed"  # waits for a change of a file or a word
    COMPLETED = "completed"  # ended by itself, with 0
    STOPPED = "stopped"  # asked to


IS_RUNNING = frozenset({Phase.STARTING, Phase.READY, Phase.STOPPING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A reload that has to wait.

    Attributes:
        style: How the new code takes over.
    """

    style: Style


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """One process.

    Attributes:
        phase: How far it is.
        current: Token of the generation that works, or is being started or stopped.
        candidate: Token of the one that is to take over.
        is_checked: Whether the candidate waits for the end of the current one.
        pending: A reload that is asked for while another thing goes on.
        is_restart: Whether the end of the current one leads to a start.
        is_debugging: Whether it stands at a breakpoint.
        is_broken: Whether the newest code could not start.
        crashes: Times of deaths in the last ten seconds.
        restarts: How often it was started again, for whatever reason.
    """

    phase: Phase = Phase.WAITING
    current: int | None = None
    candidate: int | None = None
    is_checked: bool = False
    pending: Pending | None = None
    is_restart: bool = False
    is_debugging: bool = False
    is_broken: bool = False
    crashes: tuple[float, ...] = ()
    restarts: int = 0

    @property
    def is_reloading(self) -> bool:
        """Whether new code is on its way while old code works."""
        return self.candidate is not None

    @property
    def word(self) -> str:
        """The state in one word, for people and `--json`."""
        if self.is_debugging:
            return "debugging"
        return "reloading" if self.is_reloading else self.phase.value
