"""The machine decides, the runners act, people are told."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.dev import machine as m
from sceneshift.dev.history import History, Reload
from sceneshift.dev.machine import Machine, Phase, ProcessState
from sceneshift.dev.notes import describe_end, describe_reload, describe_step
from sceneshift.dev.outage import Outages, is_code_error
from sceneshift.dev.run.choice import ANY_SOURCE
from sceneshift.dev.succession import describe_succession

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from sceneshift.dev.history import Cause
    from sceneshift.dev.model import ProcessSpec, StackSpec
    from sceneshift.dev.output import Streams
    from sceneshift.dev.routing import Digest, Router
    from sceneshift.dev.run.base import Runner
    from sceneshift.dev.run.generation import Generation
    from sceneshift.dev.run.held import HeldSockets


class Supervisor:
    """Runs a stack.

    Attributes:
        stack: What is run.
        machine: The state of all processes.
        runners: One a process.
        formers: Those that still run a process's last generation of another kind.
        streams: The output of each.
        history: The last reloads.
        outages: Pages that answer for processes that cannot start.
        began_at: When the stack was started, seconds since 1970.
        on_use: Called with each file that a process uses.
        done: Set to the exit code when everything has ended.
    """

    def __init__(  # noqa: PLR0913 - the parts it connects
        self,
        stack: StackSpec,
        *,
        loop: asyncio.AbstractEventLoop,
        streams: Streams,
        router: Router,
        held: HeldSockets,
        begin: Callable[[str], None],
        is_strict: bool = False,
    ) -> None:
        self.stack = stack
        self.machine = Machine(
            {process.name: process.depends_on for process in stack.processes},
            is_strict=is_strict,
        )
        self.runners: dict[str, Runner] = {}
        self.formers: dict[str, Runner] = {}
        self._departed: set[Runner] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self.streams = streams
        self.history = History()
        self.outages = Outages(stack, held, loop)
        self.began_at = time.time()
        self.done: asyncio.Future[int] = loop.create_future()
        self.on_use: Callable[[str], None] = lambda _path: None
        self._places: dict[str, tuple[int, str]] = {}
        self._moved = asyncio.Event()
        self._loop = loop
        self._router = router
        self._begin = begin
        self._events: deque[m.Event] = deque()
        self._is_draining = False

    # -- events

    def feed(self, event: m.Event) -> None:
        """Take an event, now or after the one that is being handled."""
        self._events.append(event)
        if self._is_draining:
            return
        self._is_draining = True
        try:
            while self._events:
                self._handle(self._events.popleft())
        finally:
            self._is_draining = False

    def _handle(self, event: m.Event) -> None:
        before = dict(self.machine.states)
        for action in self.machine.handle(event):
            self._perform(action)
        for name, state in self.machine.states.items():
            former = before.get(name, ProcessState())
            if state != former:
                self._follow(name, former, state)
        self._moved.set()

    def _perform(self, action: m.Action) -> None:  # noqa: C901 - one case an action
        match action:
            case m.Begin(name=name):
                self._begin(name)
            case m.Launch(name=name, token=token):
                self._prepare_launch(name)
                self.runners[name].launch(token)
            case m.Check(name=name, token=token):
                self._prepare_launch(name)
                self.runners[name].check(token)
            case m.Proceed(name=name, token=token):
                self._runner_of(name, token).proceed(token)
            case m.Hold(name=name, token=token):
                self._runner_of(name, token).hold(token)
            case m.Resume(name=name, token=token):
                self._runner_of(name, token).resume(token)
            case m.Promote(name=name, token=token, old=old):
                self._runner_of(name, token).promote(token, old)
            case m.Stop(
                name=name, token=token, is_reload=is_reload, is_forced=is_forced
            ):
                runner = self._runner_of(name, token)
                runner.stop(token, is_reload=is_reload, is_forced=is_forced)
            case m.Discard(name=name, token=token):
                self._runner_of(name, token).discard(token)
            case m.Wait(name=name, token=token, delay_s=delay_s):
                waited = m.Waited(name=name, token=token)
                self._loop.call_later(delay_s, self.feed, waited)
            case m.Forget(name=name):
                self._forget(name)
            case m.End(code=code) if not self.done.done():
                self.done.set_result(code)

    def _prepare_launch(self, name: str) -> None:
        self.outages.end(name)
        self._router.begin_generation(name)
        self._dismiss_former(name)

    def _dismiss_former(self, name: str) -> None:
        """Close the runner of another kind, whose last generation has ended."""
        former = self.formers.pop(name, None)
        if former is None:
            return
        if name not in self.outages.forked:
            former.release()  # a shell's command binds its port itself
        self._do(former.close())

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # -- other processes

    def configure(self, stack: StackSpec) -> None:
        """Run these processes and no others; there are runners for all of them."""
        names = {spec.name for spec in stack.processes}
        leaving = [spec for spec in self.stack.processes if spec.name not in names]
        self._know(stack, *leaving)
        self.feed(describe_succession(stack, leaving))

    def _know(self, stack: StackSpec, *leaving: ProcessSpec) -> None:
        processes = (*stack.processes, *leaving)
        self.stack = self.outages.stack = replace(stack, processes=processes)

    def _forget(self, name: str) -> None:
        """Let go of a process that has ended, and is not to be there any more."""
        self.note(name, "removed: it is not configured any more")
        self.outages.end(name)
        self.outages.forked.discard(name)
        self._dismiss_former(name)
        runner = self.runners.pop(name)
        runner.release()
        self._departed.add(runner)
        self._do(self._see_off(runner))
        self._router.remove(name)
        self.history.replace(name)
        kept = [spec for spec in self.stack.processes if spec.name != name]
        self._know(replace(self.stack, processes=tuple(kept)))

    async def _see_off(self, runner: Runner) -> None:
        await runner.see_off()
        self._departed.discard(runner)

    # -- runners

    def exchange(self, name: str, runner: Runner) -> None:
        """Run a process in another way from its next start on."""
        former = self.runners[name]
        self.runners[name] = runner
        self.formers.setdefault(name, former)

    def generation_of(self, name: str, token: int | None) -> Generation | None:
        """Return a generation of a process, whichever of its runners has it."""
        return self._runner_of(name, token).generation(token)

    def _runner_of(self, name: str, token: int | None) -> Runner:
        former = self.formers.get(name)
        if former is not None and former.generation(token) is not None:
            return former
        return self.runners[name]

    def _style(self, name: str) -> m.Style:
        """Tell how new code takes over; two runners never share a process."""
        if name in self.formers:
            return m.Style.SEQUENCE
        return self.runners[name].style

    async def close(self) -> None:
        """End what the runners have under way."""
        self.outages.close()
        runners = [*self.runners.values(), *self.formers.values(), *self._departed]
        for runner in runners:
            await runner.close()
        await asyncio.gather(*self._closing)

    async def wait_move(self) -> None:
        """Return after the next event."""
        self._moved.clear()
        await self._moved.wait()

    # -- what a person may ask for

    def ask(self, name: str, verb: m.Verb) -> None:
        """Start, stop or restart a process.

        Raises:
            KeyError: There is no such process.
        """
        if self.machine.is_leaving(name):
            return
        if verb is m.Verb.RESTART:
            self._record(name, (), "asked")
        elif verb is m.Verb.STOP:
            self.history.replace(name)
        self.feed(m.Asked(name=name, verb=verb, style=self._style(name)))

    def change(
        self,
        name: str,
        files: Sequence[str],
        *,
        cause: Cause = "change",
        needs_setup: bool = False,
    ) -> None:
        """Have a process take new code or a new environment."""
        state = self.machine.states.get(name)
        if state is None or self.machine.is_leaving(name):
            return
        if state.phase in (Phase.STOPPED, Phase.COMPLETED):
            return  # it starts from the new code when it is asked to
        self._record(name, files, cause)
        style = self._style(name)
        self.feed(m.Changed(name=name, style=style, needs_setup=needs_setup))

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

    # -- what runners tell

    def handle_ready(self, process: str, token: int) -> None:
        """A generation does what it is for."""
        self.feed(m.Ready(name=process, token=token))
        state = self.machine.states.get(process, ProcessState())
        if state.current != token or state.phase is not Phase.READY:
            return  # it is being stopped already, for newer code
        self._router.mark_broken(process, is_broken=False)
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
        self._router.mark_broken(process, is_broken=True)
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
        is_missed = self._router.report(process, path, digest)
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
            self._router.fall_back(process, ANY_SOURCE)

    def handle_debugger(
        self, process: str, token: int, *, waiting: bool, place: str
    ) -> None:
        """A generation stops at a breakpoint or goes on."""
        if waiting:
            self._places[process] = token, place
            self.note(
                process,
                f"waits at a breakpoint: {place}; take it: inv dev.attach {process}",
            )
        self.feed(m.Debugging(name=process, token=token, is_waiting=waiting))

    def find_place(self, process: str) -> str | None:
        """Return where a process stands at a breakpoint, `file:line`."""
        token, place = self._places.get(process, (None, None))
        is_there = token is not None and token == self.machine.states[process].debugged
        return place if is_there else None

    # -- telling people

    def note(self, process: str, text: str) -> None:
        """Say something about a process, among its output."""
        self.streams[process].note(text, time.time())

    def _follow(self, name: str, before: ProcessState, after: ProcessState) -> None:
        at_rest = (Phase.STOPPED, Phase.COMPLETED)
        if after.phase in at_rest and before.phase not in at_rest:
            self.outages.end(name)
            self._dismiss_former(name)
            self.runners[name].release()
        text = describe_step(self.stack.get(name), before, after)
        is_news = not self.machine.is_quitting or after.phase is Phase.COMPLETED
        if text is not None and is_news:
            self.note(name, text)
