"""The generations of one process: started, held, replaced and stopped.

Every generation has a token, so that a late report of a superseded one changes nothing
(process-compose #530).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.dev.machine.actions import (
    Action,
    Begin,
    Check,
    Discard,
    Hold,
    Launch,
    Proceed,
    Promote,
    Resume,
    Stop,
)
from sceneshift.dev.machine.events import Style
from sceneshift.dev.machine.state import Phase, ProcessState

if TYPE_CHECKING:
    from collections.abc import Iterator


class Generations:
    """What can be done with the generations of one process.

    Args:
        name: The process.
        states: Where its state lies, under its name.
        tokens: Numbers that no other generation has.
    """

    def __init__(
        self, name: str, states: dict[str, ProcessState], tokens: Iterator[int]
    ) -> None:
        self.name = name
        self._states = states
        self._tokens = tokens

    @property
    def state(self) -> ProcessState:
        """How far the process is."""
        return self._states[self.name]

    def put(self, **changes: object) -> None:
        """Change the state."""
        self._states[self.name] = replace(self.state, **changes)

    # -- starting

    def prepare(self) -> list[Action]:
        """Have the run-once step looked at and run, one at a time."""
        if self.state.is_preparing:
            return []
        self.put(is_preparing=True)
        return [Begin(name=self.name)]

    def launch(self) -> list[Action]:
        """Start the process, from the code and the set-up that are there now.

        One that is paused is started when it is no more.
        """
        self.put(
            candidate=None,
            current=None,
            is_held=False,
            pending=None,
            is_restart=False,
            debugged=None,
            backoff=None,
        )
        if self.state.is_paused:
            self.put(phase=Phase.PAUSED)
            return []
        if self.state.is_preparing or not self.state.is_set_up:
            self.put(phase=Phase.SETUP)
            return self.prepare()
        token = next(self._tokens)
        self.put(phase=Phase.STARTING, current=token)
        self._count()
        return [Launch(name=self.name, token=token)]

    def _count(self) -> None:
        restarts = self.state.restarts + self.state.is_begun
        self.put(is_begun=True, restarts=restarts)

    # -- replacing

    def reload(self, style: Style) -> list[Action]:
        """Start new code while old code works, or after it."""
        token = self.state.current
        assert token is not None
        dropped = self.drop_candidate()
        if style is Style.SEQUENCE:
            return [*dropped, *self.stop(is_restart=True)]
        candidate = next(self._tokens)
        self.put(candidate=candidate)
        if style is Style.CHECKED:
            return [*dropped, Check(name=self.name, token=candidate)]
        self.put(is_held=True)
        hold = Hold(name=self.name, token=token)
        return [*dropped, hold, Launch(name=self.name, token=candidate)]

    def promote(self) -> list[Action]:
        """Let the candidate, which is ready, take over."""
        old, token = self.state.current, self.state.candidate
        assert old is not None
        assert token is not None
        self._put_candidate_first(Phase.READY)
        return [
            Promote(name=self.name, token=token, old=old),
            Stop(name=self.name, token=old, is_reload=True),
        ]

    def proceed(self) -> list[Action]:
        """Let the candidate run, for the old one is gone.

        One that is still importing proceeds when it has; told twice is once.
        """
        token = self.state.candidate
        assert token is not None
        self._put_candidate_first(Phase.STARTING)
        return [Proceed(name=self.name, token=token)]

    def _put_candidate_first(self, phase: Phase) -> None:
        self.put(
            phase=phase,
            current=self.state.candidate,
            candidate=None,
            is_held=False,
            is_restart=False,
        )
        self._count()

    def drop_candidate(self) -> list[Action]:
        """Kill the candidate, if there is one."""
        candidate = self.state.candidate
        if candidate is None:
            return []
        self.forget_candidate()
        return [Discard(name=self.name, token=candidate)]

    def forget_candidate(self) -> None:
        """Know no candidate any more."""
        self.leave_breakpoint(self.state.candidate)
        self.put(candidate=None)

    def resume(self) -> list[Action]:
        """Have the current one accept again, where it was told not to."""
        if not self.state.is_held or self.state.current is None:
            return []
        self.put(is_held=False)
        return [Resume(name=self.name, token=self.state.current)]

    def leave_breakpoint(self, token: int | None) -> None:
        """Know that a generation stands at no breakpoint any more."""
        if self.state.debugged == token:
            self.put(debugged=None)

    # -- stopping

    def stop(self, *, is_restart: bool = False) -> list[Action]:
        """Stop the current one; a restart has the short time limit of a reload."""
        token = self.state.current
        assert token is not None
        self.put(phase=Phase.STOPPING, is_held=False, is_restart=is_restart)
        return [Stop(name=self.name, token=token, is_reload=is_restart)]

    def come_to_rest(self, phase: Phase) -> None:
        """Have nothing that runs, and nothing that is on its way."""
        self.put(
            phase=phase,
            current=None,
            pending=None,
            debugged=None,
            backoff=None,
            is_held=False,
        )
