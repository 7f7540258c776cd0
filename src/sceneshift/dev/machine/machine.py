"""The state of a whole stack: what may start when, and how all of it ends."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from sceneshift.dev.machine.actions import Action, End
from sceneshift.dev.machine.events import (
    Asked,
    Began,
    Changed,
    Event,
    Exited,
    Quit,
    SetupEnded,
)
from sceneshift.dev.machine.life import Life
from sceneshift.dev.machine.state import Phase, ProcessState
from sceneshift.dev.model import Condition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.dev.model import Dependency

_MOVING = (Phase.SETUP, Phase.STARTING, Phase.STOPPING, Phase.BACKOFF)


class Machine:
    """The state of a whole stack.

    Args:
        dependencies: What each process waits for, in the order of the Procfile.
        is_strict: Whether the first end of a process ends all (`--strict`).
    """

    def __init__(
        self,
        dependencies: Mapping[str, tuple[Dependency, ...]],
        *,
        is_strict: bool = False,
    ) -> None:
        self._dependencies = dependencies
        self._is_strict = is_strict
        self._quit: Quit | None = None
        self._is_ended = False
        self.states = {name: ProcessState() for name in dependencies}
        tokens = itertools.count(1)
        self._lives = {name: Life(name, self.states, tokens) for name in dependencies}

    def handle(self, event: Event) -> list[Action]:
        """Take an event; return what is to be done, in order."""
        actions = self._dispatch(event)
        if self._quit is None and self._is_all_completed():
            actions += self._handle_quit(Quit())
        if self._quit is None:
            return actions + self._begin_those_that_can()
        return actions + self._stop_those_that_can(self._quit)

    @property
    def is_quitting(self) -> bool:
        """Whether everything is to end."""
        return self._quit is not None

    @property
    def is_settled(self) -> bool:
        """Whether no process is on its way to being ready."""
        return not any(map(self.is_moving, self.states))

    def is_moving(self, name: str) -> bool:
        """Whether a process is on its way: to being ready, or to its end."""
        state = self.states[name]
        if state.phase is Phase.WAITING:
            return self._can_hope(name)
        return state.phase in _MOVING or state.is_reloading

    def _can_hope(self, name: str) -> bool:
        """Whether what a waiting process waits for may still come."""
        return not any(
            self._is_lost(dependency.name) for dependency in self._dependencies[name]
        )

    def _is_lost(self, name: str) -> bool:
        phase = self.states[name].phase
        if phase is Phase.WAITING:
            return not self._can_hope(name)
        return phase in (Phase.FAILED, Phase.STOPPED)

    # -- events

    def _dispatch(self, event: Event) -> list[Action]:
        match event:
            case Began():
                return []
            case Quit():
                return self._handle_quit(event)
            case SetupEnded():
                return self._handle_setup(event)
            case Exited():
                return self._handle_exit(event)
            case Changed() | Asked() if self._quit is not None:
                return []
            case _:
                return self._lives[event.name].handle(event)

    def _handle_setup(self, event: SetupEnded) -> list[Action]:
        actions = self._lives[event.name].handle(event)
        is_failed = self.states[event.name].phase is Phase.FAILED
        if self._is_strict and is_failed and self._quit is None:
            actions += self._handle_quit(Quit(code=1))
        return actions

    def _handle_exit(self, event: Exited) -> list[Action]:
        state, life = self.states[event.name], self._lives[event.name]
        is_by_itself = (
            event.token == state.current and state.phase is not Phase.STOPPING
        )
        if is_by_itself and self._quit is not None:
            life.end()
            return []
        if is_by_itself and self._is_strict and not self._is_step_done(event):
            life.end()
            return self._handle_quit(Quit(code=_exit_code(event.code)))
        return life.handle(event)

    def _is_step_done(self, event: Exited) -> bool:
        """Whether others have waited for just this end."""
        return event.code == 0 and any(
            dependency.name == event.name
            and dependency.condition is Condition.COMPLETED
            for dependencies in self._dependencies.values()
            for dependency in dependencies
        )

    # -- order

    def _begin_those_that_can(self) -> list[Action]:
        actions: list[Action] = []
        for name, state in self.states.items():
            if state.phase is Phase.WAITING and self._may_begin(name):
                actions += self._lives[name].begin()
        return actions

    def _may_begin(self, name: str) -> bool:
        return all(map(self._is_met, self._dependencies[name]))

    def _is_met(self, dependency: Dependency) -> bool:
        state = self.states[dependency.name]
        if state.phase is Phase.COMPLETED:
            return True
        if dependency.condition is Condition.READY:
            return state.phase is Phase.READY
        return dependency.condition is Condition.STARTED and state.is_running

    # -- the end

    def _handle_quit(self, event: Quit) -> list[Action]:
        code = event.code if self._quit is None else self._quit.code
        self._quit = Quit(code=code)
        actions: list[Action] = []
        for life in reversed(self._lives.values()):
            actions += life.quit(is_forced=event.is_forced)
        return actions

    def _stop_those_that_can(self, quit_: Quit) -> list[Action]:
        """Stop what nothing that still runs depends on, in reverse order."""
        running = [name for name, state in self.states.items() if state.is_running]
        needed = {each.name for name in running for each in self._dependencies[name]}
        actions: list[Action] = []
        for name in reversed(running):
            is_up = self.states[name].phase is not Phase.STOPPING
            if is_up and name not in needed:
                actions += self._lives[name].stop()
        if not running and not self._is_ended:
            self._is_ended = True
            actions.append(End(code=quit_.code))
        return actions

    def _is_all_completed(self) -> bool:
        return all(state.phase is Phase.COMPLETED for state in self.states.values())


def _exit_code(code: int) -> int:
    """Return the code a shell would show: 128+n for a signal."""
    return code if code >= 0 else 128 - code
