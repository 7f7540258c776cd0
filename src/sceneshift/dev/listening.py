"""What the supervisor makes of what its runners tell."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.dev import machine as m
from sceneshift.dev.history import History, Reload
from sceneshift.dev.machine import Machine, Phase, ProcessState
from sceneshift.dev.notes import describe_end, describe_reload
from sceneshift.dev.outage import Outages, is_code_error
from sceneshift.dev.run.choice import ANY_SOURCE

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from sceneshift.dev.history import Cause
    from sceneshift.dev.model import StackSpec
    from sceneshift.dev.output import Streams
    from sceneshift.dev.routing import Digest, Router
    from sceneshift.dev.run.base import Runner
    from sceneshift.dev.switch.progress import Progress


class Listening:
    """A supervisor, as its runners know it.

    Attributes:
        stack: What is run.
        machine: The state of all processes.
        runners: One a process.
        streams: The output of each.
        router: What each uses.
        history: The last reloads and switches.
        switch: How far a switch is; None where none is under way.
        outages: Pages that answer for processes that cannot start.
        on_use: Called with each file that a process uses.
    """

    def __init__(  # noqa: PLR0913 - the parts it connects
        self,
        stack: StackSpec,
        *,
        loop: asyncio.AbstractEventLoop,
        machine: Machine,
        streams: Streams,
        router: Router,
        outages: Outages,
    ) -> None:
        self.stack = stack
        self.machine = machine
        self.runners: dict[str, Runner] = {}
        self.streams = streams
        self.router = router
        self.history = History()
        self.switch: Progress | None = None
        self.outages = outages
        self.on_use: Callable[[str], None] = lambda _path: None
        self._loop = loop

    def feed(self, event: m.Event) -> None:
        """Take an event."""
        raise NotImplementedError

    def change(self, name: str, files: Sequence[str]) -> None:
        """Have a process take new code."""
        raise NotImplementedError

    # -- what runners tell

    def handle_ready(self, process: str, token: int) -> None:
        """A generation does what it is for."""
        self.feed(m.Ready(name=process, token=token))
        state = self.machine.states.get(process, ProcessState())
        if state.current != token or state.phase is not Phase.READY:
            return  # it is being stopped already, for newer code
        self.router.mark_broken(process, is_broken=False)
        if state.pending is None:
            self._serve(process)

    def _serve(self, process: str) -> None:
        """The new code of a process does what it is for."""
        reload = self.history.serve(process)
        if reload is not None:
            self.note(process, describe_reload(reload))

    def handle_checked(self, process: str, token: int) -> None:
        """A generation has imported the project."""
        self.feed(m.Checked(name=process, token=token))

    def handle_exited(self, process: str, token: int, code: int, output: str) -> None:
        """A generation is gone with all that belonged to it."""
        state = self.machine.states.get(process, ProcessState())
        if token not in (state.current, state.candidate):
            return  # an old one, retired
        is_stopped = state.phase is Phase.STOPPING
        if token == state.current and (code == 0 or is_stopped):
            if not is_stopped and not state.is_reloading:
                self._serve(process)  # its work is done
            self._feed_exit(process, token, code)
            return
        from sceneshift.dev.failure import one_line, parse_failure  # noqa: PLC0415

        report = parse_failure(
            output, self.stack.root, process=process, since=time.time()
        )
        was_ready = token == state.current and state.phase is Phase.READY
        is_broken = is_code_error(report.headline, was_ready=was_ready)
        self.router.mark_broken(process, is_broken=True)
        reason = one_line(report) if report.file else describe_end(code)
        self._close_record(process, is_broken=not was_ready, text=reason)
        self.note(process, reason)
        self._feed_exit(process, token, code, is_broken=is_broken)
        is_there = process in self.runners
        if is_there and self.machine.states[process].current is None:
            self.outages.begin(process, report)

    def fail_setup(self, process: str, reason: str) -> None:
        """A process's run-once step has failed."""
        self._close_record(process, is_broken=True, text=reason)
        self.note(process, reason)
        self.feed(m.SetupEnded(name=process, is_ok=False))

    def _feed_exit(
        self, process: str, token: int, code: int, *, is_broken: bool = False
    ) -> None:
        now = self._loop.time()
        self.feed(
            m.Exited(name=process, token=token, code=code, is_broken=is_broken, now=now)
        )

    def _close_record(self, process: str, *, is_broken: bool, text: str) -> None:
        reload = self.history.open_of(process)
        if reload is not None:
            reload.outcome = "broken" if is_broken else "died"
            reload.error = text

    def handle_use(self, process: str, path: str, digest: Digest) -> None:
        """The newest generation uses a file."""
        if process not in self.runners:
            return
        is_missed = self.router.report(process, path, digest)
        self.on_use(path)
        if is_missed:
            self._loop.call_soon(self.change, process, (self._relative(path),))

    def _relative(self, path: str) -> str:
        root = self.stack.root
        inside = Path(path).is_relative_to(root)
        return str(Path(path).relative_to(root)) if inside else path

    def handle_mute(self, process: str) -> None:
        """A process reports nothing of what it uses: any source counts."""
        if process in self.runners:
            self.router.fall_back(process, ANY_SOURCE)

    def handle_debugger(self, process: str, token: int, *, waiting: bool) -> None:
        """A generation stops at a breakpoint or goes on."""
        self.feed(m.Debugging(name=process, token=token, is_waiting=waiting))

    # -- telling people

    def note(self, process: str, text: str) -> None:
        """Say something about a process, among its output."""
        self.streams[process].note(text, time.time())

    def _record(self, name: str, files: Sequence[str], cause: Cause) -> None:
        reason = self.runners[name].cold_reason
        self.history.begin(
            Reload(
                process=name,
                at=time.time(),
                files=tuple(files),
                cause=cause,
                rung="cold" if reason else "fork",
                reason=reason,
            )
        )
