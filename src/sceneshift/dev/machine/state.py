"""How far a process is."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

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
    PAUSED = "paused"  # ended, and starts again when nobody wants it paused


_RUNNING = frozenset({Phase.STARTING, Phase.READY, Phase.STOPPING})
_AT_REST = frozenset({Phase.FAILED, Phase.COMPLETED, Phase.STOPPED})


class ProcessState(Struct, frozen=True, kw_only=True):
    """One process.

    Attributes:
        phase: How far it is.
        current: Token of the generation that works, or is being started or stopped.
        candidate: Token of the one that is to take over.
        is_held: Whether the current one was told to stop accepting.
        is_paused: Whether nothing of it is to work for now.
        pending: How new code takes over that has to wait: for the end of the run-once
            step or of a pause, or for a generation that stands at a breakpoint.
        is_preparing: Whether it is being looked whether the run-once step is needed,
            or the step is running.
        is_outdated: Whether it has to be looked once more after that.
        is_set_up: Whether that ended well the last time.
        is_restart: Whether the end of the current one leads to a start.
        debugged: Token of the generation that stands at a breakpoint.
        is_broken: Whether the newest code could not start.
        crashes: Times of deaths in the last ten seconds.
        backoff: Token of the dead generation for which a `Wait` runs.
        is_begun: Whether it was ever started.
        restarts: How often it was started again, for whatever reason.
    """

    phase: Phase = Phase.WAITING
    current: int | None = None
    candidate: int | None = None
    is_held: bool = False
    is_paused: bool = False
    pending: Style | None = None
    is_preparing: bool = False
    is_outdated: bool = False
    is_set_up: bool = False
    is_restart: bool = False
    debugged: int | None = None
    is_broken: bool = False
    crashes: tuple[float, ...] = ()
    backoff: int | None = None
    is_begun: bool = False
    restarts: int = 0

    @property
    def is_running(self) -> bool:
        """Whether there is a generation that has not ended."""
        return self.phase in _RUNNING

    @property
    def is_at_rest(self) -> bool:
        """Whether it stays as it is until a file changes or a person says a word."""
        return self.phase in _AT_REST

    @property
    def is_debugging(self) -> bool:
        """Whether a generation of it stands at a breakpoint."""
        return self.debugged is not None

    @property
    def is_reloading(self) -> bool:
        """Whether new code is on its way while old code works."""
        return self.candidate is not None

    @property
    def word(self) -> str:
        """The state in one word, for people and `--json`."""
        if self.is_debugging:
            return "debugging"
        if self.is_paused and self.phase is Phase.READY:
            return Phase.PAUSED.value
        return "reloading" if self.is_reloading else self.phase.value
