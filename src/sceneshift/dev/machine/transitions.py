"""How one state leads to another.

The rules, with where they were learned:

- Every start has a token: a late report of a superseded generation changes nothing
  (process-compose #530).
- At most five deaths in ten seconds, with a wait that doubles from 0.1 s; then a change
  of a file or a person's word starts it again with a fresh budget (devenv, pitchfork).
- A change during a reload replaces the candidate: it is never lost, and never queued
  behind code that is old already (granian #529).
- Nothing of a process reloads while it stands at a breakpoint (granian #696).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sceneshift.dev.machine.actions import (
    Action,
    Begin,
    Check,
    Discard,
    End,
    Hold,
    Launch,
    Proceed,
    Promote,
    Resume,
    Stop,
    Wait,
)
from sceneshift.dev.machine.events import (
    Asked,
    Began,
    Changed,
    Checked,
    Debugging,
    Event,
    Exited,
    Quit,
    Ready,
    SetupEnded,
    Style,
    Verb,
    Waited,
)
from sceneshift.dev.machine.state import IS_RUNNING, Pending, Phase, ProcessState
from sceneshift.dev.model import Condition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.dev.model import Dependency

CRASH_LIMIT = 5
CRASH_WINDOW_S = 10.0
FIRST_DELAY_S = 0.1


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
        self._tokens = 0
        self._quit: Quit | None = None
        self.states = {name: ProcessState() for name in dependencies}

    def handle(self, event: Event) -> list[Action]:
        """Take an event; return what is to be done, in order."""
        actions = self._dispatch(event)
        if self._quit is None:
            actions += self._begin_those_that_can()
            if self._is_all_completed():
                actions += self._handle_quit(Quit())
        if self._quit is not None:
            actions += self._stop_those_that_can()
        return actions

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
        moving = (Phase.SETUP, Phase.STARTING, Phase.STOPPING, Phase.BACKOFF)
        if state.phase in moving or state.is_reloading:
            return True
        return state.phase is Phase.WAITING and self._can_hope(name)

    def _can_hope(self, name: str) -> bool:
        """Whether what a waiting process waits for may still come."""
        lost = (Phase.FAILED, Phase.STOPPED)
        return all(
            self.states[dependency.name].phase not in lost
            for dependency in self._dependencies[name]
        )

    def _dispatch(self, event: Event) -> list[Action]:  # noqa: PLR0911 - one an event
        match event:
            case Began():
                return []
            case Quit():
                return self._handle_quit(event)
            case SetupEnded():
                return self._handle_setup(event)
            case Ready() | Checked():
                return self._handle_progress(event)
            case Exited():
                return self._handle_exit(event)
            case Changed():
                return self._handle_change(event)
            case Waited():
                return self._handle_waited(event)
            case Asked():
                return self._handle_asked(event)
            case Debugging():
                return self._handle_debugging(event)

    # -- starting

    def _begin_those_that_can(self) -> list[Action]:
        actions: list[Action] = []
        for name, state in self.states.items():
            if state.phase is Phase.WAITING and self._may_begin(name):
                self._set(name, phase=Phase.SETUP)
                actions.append(Begin(name=name))
        return actions

    def _may_begin(self, name: str) -> bool:
        return all(self._is_met(dependency) for dependency in self._dependencies[name])

    def _is_met(self, dependency: Dependency) -> bool:
        phase = self.states[dependency.name].phase
        if dependency.condition is Condition.COMPLETED:
            return phase is Phase.COMPLETED
        if dependency.condition is Condition.READY:
            return phase in (Phase.READY, Phase.COMPLETED)
        return phase in (*IS_RUNNING, Phase.COMPLETED)

    def _handle_setup(self, event: SetupEnded) -> list[Action]:
        state = self.states[event.name]
        if state.phase is Phase.SETUP:
            if not event.is_ok:
                self._set(event.name, phase=Phase.FAILED)
                return []
            return self._launch(event.name)
        if state.pending is not None and event.is_ok:
            return self._take_pending(event.name)
        return []

    def _launch(self, name: str) -> list[Action]:
        token = self._next_token()
        self._set(
            name,
            phase=Phase.STARTING,
            current=token,
            candidate=None,
            pending=None,
            is_checked=False,
            is_restart=False,
            is_debugging=False,
        )
        return [Launch(name=name, token=token)]

    def _relaunch(self, name: str) -> list[Action]:
        self._set(name, restarts=self.states[name].restarts + 1)
        return self._launch(name)

    def _handle_progress(self, event: Ready | Checked) -> list[Action]:
        state = self.states[event.name]
        if isinstance(event, Checked):
            if event.token != state.candidate or state.current is None:
                return []
            self._set(event.name, is_checked=True, phase=Phase.STOPPING)
            return [Stop(name=event.name, token=state.current, is_reload=True)]
        if event.token == state.candidate and state.current is not None:
            return self._promote(event.name, state.current)
        if event.token == state.current and state.phase is Phase.STARTING:
            self._set(event.name, phase=Phase.READY, is_broken=False)
        return []

    def _promote(self, name: str, old: int) -> list[Action]:
        state = self.states[name]
        assert state.candidate is not None
        self._set(
            name,
            phase=Phase.READY,
            current=state.candidate,
            candidate=None,
            is_broken=False,
            restarts=state.restarts + 1,
        )
        return [
            Promote(name=name, token=state.candidate, old=old),
            Stop(name=name, token=old, is_reload=True),
        ]

    # -- ends

    def _handle_exit(self, event: Exited) -> list[Action]:  # noqa: PLR0911 - cases
        state = self.states[event.name]
        if event.token == state.candidate:
            return self._lose_candidate(event)
        if event.token != state.current:
            return []  # superseded
        self._set(event.name, is_debugging=False)
        if state.phase is Phase.STOPPING:
            return self._finish_stop(event.name)
        if self._quit is not None:
            self._set(event.name, phase=Phase.STOPPED, current=None)
            return self._drop_candidate(event.name)
        if self._is_strict:
            self._set(event.name, phase=Phase.STOPPED, current=None)
            return self._handle_quit(Quit(code=_exit_code(event.code)))
        if state.candidate is not None:
            return self._let_candidate_start(event.name)
        return self._die(event)

    def _let_candidate_start(self, name: str) -> list[Action]:
        """The old one died by itself: the new one is now simply starting."""
        state = self.states[name]
        assert state.candidate is not None
        token = state.candidate
        self._set(
            name,
            phase=Phase.STARTING,
            current=token,
            candidate=None,
            is_checked=False,
            restarts=state.restarts + 1,
        )
        # One that is still importing proceeds when it has; told twice is once.
        return [Proceed(name=name, token=token)]

    def _die(self, event: Exited) -> list[Action]:
        name, state = event.name, self.states[event.name]
        self._set(name, current=None)
        if event.code == 0 and state.phase in (Phase.READY, Phase.STARTING):
            self._set(name, phase=Phase.COMPLETED)
            return []
        if event.is_broken:
            self._set(name, phase=Phase.FAILED, is_broken=True)
            return []
        recent = [t for t in state.crashes if event.now - t < CRASH_WINDOW_S]
        crashes = (*recent, event.now)
        if len(recent) >= CRASH_LIMIT:
            self._set(name, phase=Phase.FAILED, crashes=())
            return []
        self._set(name, phase=Phase.BACKOFF, crashes=crashes)
        return [Wait(name=name, delay_s=FIRST_DELAY_S * 2 ** len(recent))]

    def _handle_waited(self, event: Waited) -> list[Action]:
        if self.states[event.name].phase is Phase.BACKOFF and self._quit is None:
            return self._relaunch(event.name)
        return []

    def _lose_candidate(self, event: Exited) -> list[Action]:
        state = self.states[event.name]
        self._set(event.name, candidate=None, is_broken=True, is_checked=False)
        if state.phase is Phase.STOPPING and state.is_checked:
            # It died while it waited for the old one's end: start afresh after that.
            self._set(event.name, is_restart=True)
            return []
        actions: list[Action] = []
        if state.current is not None:
            actions.append(Resume(name=event.name, token=state.current))
        return actions + self._take_pending(event.name)

    def _finish_stop(self, name: str) -> list[Action]:
        state = self.states[name]
        if self._quit is not None:
            self._set(name, phase=Phase.STOPPED, current=None)
            return self._drop_candidate(name)
        if state.candidate is not None and state.is_checked:
            self._set(
                name,
                phase=Phase.STARTING,
                current=state.candidate,
                candidate=None,
                is_checked=False,
                is_broken=False,
                restarts=state.restarts + 1,
            )
            return [Proceed(name=name, token=state.candidate)]
        if state.is_restart:
            return self._relaunch(name)
        self._set(name, phase=Phase.STOPPED, current=None)
        return []

    # -- changes

    def _handle_change(self, event: Changed) -> list[Action]:  # noqa: PLR0911 - cases
        name, state = event.name, self.states[event.name]
        if self._quit is not None:
            return []
        if event.needs_setup and state.phase not in (Phase.WAITING, Phase.STOPPED):
            return self._set_up_again(event)
        if state.is_debugging:
            self._set(name, pending=Pending(style=event.style))
            return []
        match state.phase:
            case Phase.READY:
                return self._reload(name, event.style)
            case Phase.STARTING:
                assert state.current is not None
                return [Discard(name=name, token=state.current), *self._relaunch(name)]
            case Phase.STOPPING if state.is_checked and state.candidate is not None:
                # The old one is on its way out: the new one starts from the new code.
                self._set(name, candidate=None, is_checked=False, is_restart=True)
                return [Discard(name=name, token=state.candidate)]
            case Phase.BACKOFF | Phase.FAILED:
                self._set(name, crashes=())
                return self._relaunch(name)
            case _:
                return []

    def _set_up_again(self, event: Changed) -> list[Action]:
        phase = self.states[event.name].phase
        if phase is Phase.SETUP:
            return []
        if phase in IS_RUNNING:
            self._set(event.name, pending=Pending(style=event.style))
        else:
            self._set(event.name, phase=Phase.SETUP)
        return [Begin(name=event.name)]

    def _reload(self, name: str, style: Style) -> list[Action]:
        state = self.states[name]
        assert state.current is not None
        if style is Style.SEQUENCE:
            actions = self._drop_candidate(name)
            self._set(name, phase=Phase.STOPPING, is_restart=True)
            return [*actions, Stop(name=name, token=state.current, is_reload=True)]
        actions = self._drop_candidate(name)
        token = self._next_token()
        self._set(name, candidate=token)
        if style is Style.OVERLAP:
            hold = Hold(name=name, token=state.current)
            return [*actions, hold, Launch(name=name, token=token)]
        return [*actions, Check(name=name, token=token)]

    def _drop_candidate(self, name: str) -> list[Action]:
        candidate = self.states[name].candidate
        if candidate is None:
            return []
        self._set(name, candidate=None, is_checked=False)
        return [Discard(name=name, token=candidate)]

    def _take_pending(self, name: str) -> list[Action]:
        state = self.states[name]
        if state.pending is None or state.phase is not Phase.READY:
            return []
        self._set(name, pending=None)
        return self._reload(name, state.pending.style)

    def _handle_debugging(self, event: Debugging) -> list[Action]:
        state = self.states[event.name]
        if event.token != state.current:
            return []
        self._set(event.name, is_debugging=event.is_waiting)
        return [] if event.is_waiting else self._take_pending(event.name)

    # -- words of a person

    def _handle_asked(self, event: Asked) -> list[Action]:
        if self._quit is not None:
            return []
        self._set(event.name, crashes=(), pending=None)
        if event.verb is Verb.STOP:
            return self._stop_as_asked(event.name)
        phase = self.states[event.name].phase
        if phase is Phase.READY and event.verb is Verb.RESTART:
            self._set(event.name, is_debugging=False)
            return self._reload(event.name, event.style)
        if phase is Phase.STARTING and event.verb is Verb.RESTART:
            return self._handle_change(Changed(name=event.name, style=event.style))
        if phase is Phase.STOPPING:
            self._set(event.name, is_restart=True)
        elif phase not in (*IS_RUNNING, Phase.SETUP):
            self._set(event.name, phase=Phase.WAITING, is_broken=False)
        return []

    def _stop_as_asked(self, name: str) -> list[Action]:
        state = self.states[name]
        actions = self._drop_candidate(name)
        if state.phase in IS_RUNNING and state.current is not None:
            self._set(name, phase=Phase.STOPPING, is_restart=False)
            actions.append(Stop(name=name, token=state.current))
        else:
            self._set(name, phase=Phase.STOPPED)
        return actions

    # -- the end

    def _handle_quit(self, event: Quit) -> list[Action]:
        if self._quit is None or event.is_forced:
            code = event.code if self._quit is None else self._quit.code
            self._quit = Quit(is_forced=event.is_forced, code=code)
        actions: list[Action] = []
        for name, state in reversed(self.states.items()):
            actions += self._drop_candidate(name)
            if state.phase not in IS_RUNNING:
                self._set(name, phase=Phase.STOPPED)
            elif event.is_forced and state.current is not None:
                self._set(name, phase=Phase.STOPPING)
                actions.append(Stop(name=name, token=state.current, is_forced=True))
        return actions

    def _stop_those_that_can(self) -> list[Action]:
        """Stop what nothing that still runs depends on, in reverse order."""
        assert self._quit is not None
        actions: list[Action] = []
        needed = {
            dependency.name
            for name, state in self.states.items()
            if state.phase in IS_RUNNING
            for dependency in self._dependencies[name]
        }
        for name, state in reversed(self.states.items()):
            is_up = state.phase in (Phase.STARTING, Phase.READY)
            if is_up and name not in needed and state.current is not None:
                self._set(name, phase=Phase.STOPPING, is_restart=False)
                actions.append(Stop(name=name, token=state.current))
        if not any(state.phase in IS_RUNNING for state in self.states.values()):
            actions.append(End(code=self._quit.code))
        return actions

    def _is_all_completed(self) -> bool:
        return all(state.phase is Phase.COMPLETED for state in self.states.values())

    # -- bookkeeping

    def _next_token(self) -> int:
        self._tokens += 1
        return self._tokens

    def _set(self, name: str, **changes: object) -> None:
        state = replace(self.states[name], **changes)  # type: ignore[arg-type]
        self.states[name] = state


def _exit_code(code: int) -> int:
    """Return the code a shell would show: 128+n for a signal."""
    return code if code >= 0 else 128 - code
