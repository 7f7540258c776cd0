"""The state of a whole stack: what may start when, and how all of it ends."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from sceneshift.dev.machine.actions import Action, End, Forget
from sceneshift.dev.machine.events import (
    Asked,
    Began,
    Changed,
    Configured,
    Event,
    Exited,
    Paused,
    ProcessEvent,
    Quit,
    SetupEnded,
)
from sceneshift.dev.machine.life import Life
from sceneshift.dev.machine.order import Order
from sceneshift.dev.machine.state import Phase, ProcessState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from sceneshift.dev.model import Dependency

_MOVING = (
    Phase.SETUP,
    Phase.STARTING,
    Phase.STOPPING,
    Phase.BACKOFF,
    Phase.PAUSED,
)


class Machine:
    """The state of a whole stack.

    Args:
        dependencies: What each process waits for, in the order of the Procfile.
        is_strict: Whether the first end of a process ends all (`--strict`).
        may_end: Processes whose end with 0 does not.
        tokens: Numbers of generations, where others are numbered by them too.
    """

    def __init__(
        self,
        dependencies: Mapping[str, tuple[Dependency, ...]],
        *,
        is_strict: bool = False,
        may_end: Collection[str] = (),
        tokens: Iterator[int] | None = None,
    ) -> None:
        self._leaving: set[str] = set()
        self._is_strict = is_strict
        self._may_end = may_end
        self._quit: Quit | None = None
        self._is_ended = False
        self.tokens = tokens or itertools.count(1)
        self.states = {name: ProcessState() for name in dependencies}
        self._order = Order(dependencies, self.states)
        self._lives = {name: self._new_life(name) for name in dependencies}

    def _new_life(self, name: str) -> Life:
        return Life(name, self.states, self.tokens)

    def handle(self, event: Event) -> list[Action]:
        """Take an event; return what is to be done, in order."""
        actions = self._dispatch(event)
        # An edit after which all has completed ends nothing: more may come.
        if isinstance(event, Exited) and self._quit is None:
            actions += self._end_if_completed(event.name)
        if self._quit is not None:
            return actions + self._end_those_that_can(self._quit)
        actions += self._see_off_those_that_can()
        return actions + self._begin_those_that_can()

    @property
    def is_quitting(self) -> bool:
        """Whether everything is to end."""
        return self._quit is not None

    @property
    def is_settled(self) -> bool:
        """Whether no process is on its way to being ready."""
        return not any(map(self.is_moving, self.states))

    def is_leaving(self, name: str) -> bool:
        """Whether a process is there only until it has ended."""
        return name in self._leaving

    def is_moving(self, name: str) -> bool:
        """Whether a process is on its way: to being ready, or to its end."""
        state = self.states.get(name)
        if state is None or name in self._leaving:
            return state is not None
        if state.phase is Phase.WAITING:
            return self._order.can_hope(name)
        is_held_up = state.is_running and state.is_paused
        return state.phase in _MOVING or state.is_reloading or is_held_up

    # -- events

    def _dispatch(self, event: Event) -> list[Action]:
        match event:
            case Began():
                return []
            case Quit():
                return self._handle_quit(event)
            case Configured():
                return [] if self._quit else self._handle_configured(event)
            case _:
                return self._tell(event)

    def _tell(self, event: ProcessEvent) -> list[Action]:
        """Take an event of one process."""
        is_ending = self._quit is not None or event.name in self._leaving
        is_vain = is_ending and isinstance(event, Changed | Asked | Paused)
        if is_vain or event.name not in self._lives:
            return []
        match event:
            case SetupEnded():
                return self._handle_setup(event)
            case Exited():
                return self._handle_exit(event)
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
        is_ending = self._quit is not None or event.name in self._leaving
        if is_by_itself and is_ending:
            life.end()
            return []
        is_done = event.code == 0 and self._may_complete(event.name)
        if is_by_itself and self._is_strict and not is_done:
            life.end()
            return self._handle_quit(Quit(code=_exit_code(event.code)))
        return life.handle(event)

    def _may_complete(self, name: str) -> bool:
        return name in self._may_end or self._order.is_end_awaited(name)

    # -- other processes

    def take_over(
        self, other: Machine, dependencies: Mapping[str, tuple[Dependency, ...]]
    ) -> None:
        """Have these processes; of some of them, the state that another one has.

        Nothing is to be done for those that are not to be there: they are told to end
        by whoever has them now. Both have the same numbers for generations.
        """
        self._leaving -= other.states.keys()
        self._order.arrange(dependencies, {}, self._leaving)
        self.states.update(other.states)
        self._lives = {name: self._new_life(name) for name in self.states}

    def _handle_configured(self, event: Configured) -> list[Action]:
        """Have other processes; those that are not to be there go in their turn."""
        names = event.dependencies.keys()
        back = self._leaving & names
        gone = self.states.keys() - names - self._leaving
        self._leaving = (self._leaving | gone) - back
        self._order.arrange(event.dependencies, event.successors, self._leaving)
        lives = self._lives
        self._lives = {n: lives.get(n) or self._new_life(n) for n in self.states}
        actions: list[Action] = []
        for name in [each for each in reversed(self.states) if each in gone]:
            actions += self._lives[name].leave()
        for name in [each for each in self.states if each in back]:
            actions += self._lives[name].come_back()
        return actions

    def _see_off_those_that_can(self) -> list[Action]:
        """Stop those that are not to be there; forget those that have ended."""
        actions = self._stop_those_that_can(self._leaving)
        for name in [each for each in self.states if each in self._leaving]:
            state = self.states[name]
            if not state.is_running and not state.is_preparing:
                self._order.forget(name)
                self._leaving.remove(name)
                del self._lives[name]
                actions.append(Forget(name=name))
        return actions

    # -- order

    def _begin_those_that_can(self) -> list[Action]:
        actions: list[Action] = []
        for name, state in self.states.items():
            is_waiting = state.phase is Phase.WAITING
            if is_waiting and self._order.may_begin(name, self._leaving):
                actions += self._lives[name].begin()
        return actions

    # -- the end

    def _handle_quit(self, event: Quit) -> list[Action]:
        code = event.code if self._quit is None else self._quit.code
        self._quit = Quit(code=code)
        actions: list[Action] = []
        for life in reversed(self._lives.values()):
            actions += life.quit(is_forced=event.is_forced)
        return actions

    def _end_those_that_can(self, quit_: Quit) -> list[Action]:
        """Stop what can be stopped; say when nothing is left."""
        actions = self._stop_those_that_can(self.states.keys())
        is_over = not any(state.is_running for state in self.states.values())
        if is_over and not self._is_ended:
            self._is_ended = True
            actions.append(End(code=quit_.code))
        return actions

    def _stop_those_that_can(self, names: Collection[str]) -> list[Action]:
        actions: list[Action] = []
        for name in self._order.list_unneeded():
            if name in names:
                actions += self._lives[name].stop()
        return actions

    def _end_if_completed(self, name: str) -> list[Action]:
        """End all where the last process has done its work."""
        states = [s for n, s in self.states.items() if n not in self._leaving]
        is_all = all(state.phase is Phase.COMPLETED for state in states)
        is_one = name in self.states and name not in self._leaving
        return self._handle_quit(Quit()) if is_one and is_all else []


def _exit_code(code: int) -> int:
    """Return the code a shell would show: 128+n for a signal."""
    return code if code >= 0 else 128 - code
