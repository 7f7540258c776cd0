"""How one process goes from state to state.

The rules, with where they were learned:

- At most five restarts in ten seconds, after a wait that doubles from 0.1 s; then a
  change of a file or a person's word starts it again with a fresh budget (devenv,
  pitchfork).
- A change during a reload replaces the candidate: it is never lost, and never queued
  behind code that is old already (granian #529).
- Nothing of a process reloads while it stands at a breakpoint (granian #696), nor
  before its run-once step has ended that the new code needs.
"""

from __future__ import annotations

from sceneshift.dev.machine.actions import (
    Action,
    Begin,
    Discard,
    Hold,
    Stop,
    Wait,
)
from sceneshift.dev.machine.events import (
    Asked,
    Changed,
    Checked,
    Debugging,
    Exited,
    Paused,
    ProcessEvent,
    Ready,
    SetupEnded,
    Style,
    Unpaused,
    Verb,
    Waited,
)
from sceneshift.dev.machine.generations import Generations
from sceneshift.dev.machine.state import Phase

CRASH_LIMIT = 5
CRASH_WINDOW_S = 10.0
FIRST_DELAY_S = 0.1


class Life(Generations):
    """One process."""

    def handle(  # noqa: C901, PLR0911 - one each
        self, event: ProcessEvent
    ) -> list[Action]:
        """Take an event of this process; return what is to be done, in order."""
        match event:
            case SetupEnded():
                return self._handle_setup(event)
            case Ready():
                return self._handle_ready(event)
            case Checked():
                return self._handle_checked(event)
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
            case Paused():
                return self._handle_paused(event)
            case Unpaused():
                return self._handle_unpaused()

    # -- starting

    def begin(self) -> list[Action]:
        """Start: what it depends on is there."""
        self.put(phase=Phase.SETUP, is_outdated=self.state.is_preparing)
        return self.prepare()

    def _handle_setup(self, event: SetupEnded) -> list[Action]:
        """Start, or take the new code that has waited for the set-up."""
        phase, is_again = self.state.phase, self.state.is_outdated
        self.put(is_outdated=False)
        if is_again:
            return [Begin(name=self.name)]
        self.put(is_preparing=False, is_set_up=event.is_ok)
        if phase is not Phase.SETUP:
            return self._take_pending() if event.is_ok else self._keep_old()
        if event.is_ok:
            return self.launch()
        self.come_to_rest(Phase.FAILED)
        return []

    def _keep_old(self) -> list[Action]:
        """Leave out the new code: it is not set up."""
        if self.state.pending is not None:
            self.put(pending=None, is_broken=True)
        return []

    def _handle_ready(self, event: Ready) -> list[Action]:
        """Let a candidate take over; know that the current one works."""
        # There may be newer code still, whose step has failed.
        is_broken = self.state.is_broken and not self.state.is_set_up
        if event.token == self.state.candidate:
            self.put(is_broken=is_broken)
            return self.promote()
        if event.token == self.state.current and self.state.phase is Phase.STARTING:
            self.put(phase=Phase.READY, is_broken=is_broken)
        return []

    def _handle_checked(self, event: Checked) -> list[Action]:
        """Stop the old one: the new one is good."""
        is_awaited = event.token == self.state.candidate
        if not is_awaited or self.state.phase is not Phase.READY:
            return []
        return self.stop(is_restart=True)

    # -- ends

    def _handle_exit(self, event: Exited) -> list[Action]:
        """Go on after the end of a generation."""
        if event.token == self.state.candidate:
            return self._lose_candidate()
        if event.token != self.state.current:
            return []  # superseded
        self.leave_breakpoint(event.token)
        if self.state.phase is Phase.STOPPING:
            return self._finish_stop()
        if self.state.candidate is not None:
            return self.proceed()
        if self.state.pending is not None:
            self.put(crashes=())
            return self.launch()
        return self._die(event)

    def _lose_candidate(self) -> list[Action]:
        self.forget_candidate()
        self.put(is_broken=True)
        return [*self.resume(), *self._take_pending()]

    def _finish_stop(self) -> list[Action]:
        if self.state.candidate is not None:
            return self.proceed()
        if self.state.is_restart:
            return self.launch()
        self.come_to_rest(Phase.STOPPED)
        return []

    def _die(self, event: Exited) -> list[Action]:
        recent = [t for t in self.state.crashes if event.now - t < CRASH_WINDOW_S]
        if event.code == 0:
            self.come_to_rest(Phase.COMPLETED)
        elif event.is_broken or len(recent) >= CRASH_LIMIT:
            self.come_to_rest(Phase.FAILED)
            self.put(crashes=(), is_broken=event.is_broken)
        else:
            self.come_to_rest(Phase.BACKOFF)
            self.put(crashes=(*recent, event.now), backoff=event.token)
            delay_s = FIRST_DELAY_S * 2 ** len(recent)
            return [Wait(name=self.name, token=event.token, delay_s=delay_s)]
        return []

    def _handle_waited(self, event: Waited) -> list[Action]:
        """Start again after a death."""
        return self.launch() if event.token == self.state.backoff else []

    # -- changes

    def _handle_change(self, event: Changed) -> list[Action]:
        """Take new code, now or when that is possible."""
        state = self.state
        if event.needs_setup:
            self.put(is_set_up=False, is_outdated=state.is_preparing)
        if state.phase in (Phase.BACKOFF, Phase.FAILED):
            self.put(crashes=())
            return self.launch()
        is_ending = state.phase is Phase.STOPPING and not state.is_restart
        if is_ending or not state.is_running:
            return []  # it starts from what is there then
        return self._renew(event.style)

    def _renew(self, style: Style) -> list[Action]:
        """Have a process that runs take new code."""
        self.put(pending=style, crashes=())
        if not self.state.is_set_up:
            return self.prepare()
        return self._take_pending()

    def _take_pending(self) -> list[Action]:
        style, state = self.state.pending, self.state
        if style is None or state.is_preparing or state.is_debugging:
            return []
        if state.is_paused:
            return []
        self.put(pending=None)
        if state.phase is Phase.READY:
            return self.reload(style)
        if state.phase is Phase.STARTING:
            return self._start_over(style)
        # The old one is on its way out: what starts after it has the new code.
        return self.drop_candidate()

    def _start_over(self, style: Style) -> list[Action]:
        if style is not Style.OVERLAP:
            # It may work already: never two workers, never two that bind a port.
            return self.stop(is_restart=True)
        token = self.state.current
        assert token is not None
        return [Discard(name=self.name, token=token), *self.launch()]

    def _handle_debugging(self, event: Debugging) -> list[Action]:
        """Leave a generation alone that stands at a breakpoint."""
        if not event.is_waiting:
            self.leave_breakpoint(event.token)
            return self._take_pending()
        if event.token not in (self.state.current, self.state.candidate):
            return []
        actions: list[Action] = []
        is_replaced = self.state.is_reloading and self.state.phase is Phase.READY
        if event.token == self.state.current and is_replaced:
            actions = [*self._put_off(), *self.resume()]
        self.put(debugged=event.token)
        return actions

    def _put_off(self) -> list[Action]:
        """Have the new code that is on its way come later."""
        if self.state.is_reloading and self.state.phase is Phase.READY:
            style = Style.OVERLAP if self.state.is_held else Style.CHECKED
            self.put(pending=style)
        return self.drop_candidate()

    # -- a pause

    def _handle_paused(self, event: Paused) -> list[Action]:
        """Let it stop accepting or stop, unless it stands at a breakpoint."""
        if self.state.is_debugging:
            return []
        actions = self._put_off()
        self.put(is_paused=True)
        if self.state.phase is Phase.READY and event.style is Style.OVERLAP:
            return [*actions, *self._hold()]
        if self.state.phase in (Phase.STARTING, Phase.READY):
            return [*actions, *self.stop(is_restart=True)]
        return actions

    def _hold(self) -> list[Action]:
        if self.state.is_held or self.state.current is None:
            return []
        self.put(is_held=True)
        return [Hold(name=self.name, token=self.state.current)]

    def _handle_unpaused(self) -> list[Action]:
        """Go on as before, with the code that has come meanwhile."""
        if not self.state.is_paused:
            return []
        self.put(is_paused=False)
        if self.state.phase is Phase.PAUSED:
            return self.launch()
        return [*self.resume(), *self._take_pending()]

    # -- words of a person

    def _handle_asked(self, event: Asked) -> list[Action]:
        """Start, stop or restart as a person says."""
        if event.verb is Verb.STOP:
            return self._stop_as_asked()
        phase = self.state.phase
        if phase is Phase.STOPPING:
            self.put(is_restart=True)
        elif phase in (Phase.READY, Phase.STARTING):
            if event.verb is Verb.RESTART:
                self.put(debugged=None)
                return self._renew(event.style)
        elif phase is not Phase.SETUP:
            self.come_to_rest(Phase.WAITING)
            self.put(crashes=(), is_broken=False)
        return []

    def _stop_as_asked(self) -> list[Action]:
        actions = self.drop_candidate()
        self.put(pending=None, is_restart=False, crashes=())
        if self.state.phase in (Phase.STARTING, Phase.READY):
            return [*actions, *self.stop()]
        if self.state.phase is not Phase.STOPPING:
            self.come_to_rest(Phase.STOPPED)
        return actions

    # -- the end

    def quit(self, *, is_forced: bool) -> list[Action]:
        """Begin nothing more; it is stopped in its turn, or at once."""
        actions = self.drop_candidate()
        self.put(pending=None, is_restart=False, is_outdated=False)
        if self.state.phase is Phase.COMPLETED:
            return actions
        if not self.state.is_running:
            self.come_to_rest(Phase.STOPPED)
        elif is_forced:
            actions += self._kill()
        else:
            actions += self.resume()
        return actions

    def leave(self) -> list[Action]:
        """Begin nothing more: it is not to be there, and is stopped in its turn."""
        return self.quit(is_forced=False)

    def come_back(self) -> list[Action]:
        """Be there all the same, anew: what changed meanwhile is not known."""
        self.put(is_set_up=False)
        if self.state.phase in (Phase.STARTING, Phase.READY):
            return self.stop(is_restart=True)
        return self._handle_asked(Asked(name=self.name, verb=Verb.START))

    def _kill(self) -> list[Action]:
        token = self.state.current
        assert token is not None
        self.put(phase=Phase.STOPPING, is_held=False)
        return [Stop(name=self.name, token=token, is_forced=True)]

    def end(self) -> None:
        """Be gone: its generation ended, and nothing is to follow."""
        self.come_to_rest(Phase.STOPPED)
