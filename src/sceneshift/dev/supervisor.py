"""The machine decides, the runners act, people are told."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.dev import machine as m
from sceneshift.dev.crew import Crew
from sceneshift.dev.listening import Listening
from sceneshift.dev.machine import Machine, Phase, ProcessState
from sceneshift.dev.notes import describe_step
from sceneshift.dev.outage import Outages
from sceneshift.dev.succession import Retiree, describe_succession

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Sequence

    from sceneshift.dev.history import Cause
    from sceneshift.dev.model import ProcessSpec, StackSpec
    from sceneshift.dev.output import Streams
    from sceneshift.dev.routing import Router
    from sceneshift.dev.run.base import Runner
    from sceneshift.dev.run.generation import Generation
    from sceneshift.dev.run.held import HeldSockets


class Supervisor(Listening):
    """Runs a stack.

    Attributes:
        formers: Those that still run a process's last generation of another kind.
        crew: All of them, with those that come or go by a switch.
        began_at: When the stack was started, seconds since 1970.
        moved: Set after each event; two that are beside each other share it.
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
        may_end: Collection[str] = (),
        beside: Supervisor | None = None,
    ) -> None:
        """Connect the parts.

        Args:
            stack: What is run.
            loop: The event loop.
            streams: The output of each process.
            router: Is told what each uses.
            held: Sockets that outlive them.
            begin: Looks whether a process needs its run-once step: `SetupEnded`.
            is_strict: Whether the first end of a process ends all.
            may_end: Processes whose end with 0 does not.
            beside: Another one, whose stack this one's processes may be taken over to.
        """
        machine = Machine(
            {process.name: process.depends_on for process in stack.processes},
            is_strict=is_strict,
            may_end=may_end,
            tokens=beside.machine.tokens if beside else None,
        )
        super().__init__(
            stack,
            loop=loop,
            machine=machine,
            streams=streams,
            router=router,
            outages=Outages(stack, held, loop),
        )
        self.formers: dict[str, Runner] = {}
        self.crew = Crew(self.runners, self.formers)
        self._closing: set[asyncio.Task[None]] = set()
        self.began_at = time.time()
        self.done: asyncio.Future[int] = loop.create_future()
        self.moved: asyncio.Event = beside.moved if beside else asyncio.Event()
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
        actions = self.machine.handle(event)
        if self.machine.is_quitting:
            self.crew.hurry()
        for action in actions:
            self._perform(action)
        for name, state in self.machine.states.items():
            former = before.get(name, ProcessState())
            if state != former:
                self._follow(name, former, state)
        self.moved.set()

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
        self.router.begin_generation(name)
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
        self.crew.departed.add(runner)
        self._do(self.see_off(runner))
        self.router.remove(name)
        self.history.replace(name)
        kept = [spec for spec in self.stack.processes if spec.name != name]
        self._know(replace(self.stack, processes=tuple(kept)))

    def take_over(self, newcomers: Supervisor, stack: StackSpec) -> list[Retiree]:
        """Run what another one has started, in place of what had these names.

        Args:
            newcomers: The other one; it has nothing afterwards.
            stack: All processes that are to be there from now on.

        Returns:
            What ran in place of them, or is not to be there: nobody stops it yet.
        """
        names = {spec.name for spec in stack.processes}
        leaving = [s for s in self.stack.processes if self.machine.is_leaving(s.name)]
        going = [
            spec.name
            for spec in self.stack.processes
            if spec.name in newcomers.runners
            or (spec.name not in names and spec not in leaving)
        ]
        retirees = [each for name in going for each in self._retire(name)]
        needs = {spec.name: spec.depends_on for spec in stack.processes}
        self.machine.take_over(newcomers.machine, needs)
        self.router.take_over(newcomers.router)
        self.runners.update(newcomers.runners)
        newcomers.runners.clear()
        self._know(stack, *(spec for spec in leaving if spec.name not in names))
        self.moved.set()
        return retirees

    def _retire(self, name: str) -> list[Retiree]:
        """Know a process no more; return what runs it."""
        state = self.machine.states[name]
        spec = self.stack.get(name)
        runners = [self.runners.pop(name)]
        runners += [self.formers.pop(name)] if name in self.formers else []
        self.crew.departed.update(runners)
        self.outages.end(name)
        self.outages.forked.discard(name)
        self.router.remove(name)
        self.history.replace(name)
        tokens = [t for t in (state.current, state.candidate) if t is not None]
        return [Retiree(spec=spec, runner=each, tokens=tokens) for each in runners]

    async def see_off(self, runner: Runner) -> None:
        """Let a runner go whose processes were told to end, when they have."""
        await runner.see_off()
        self.crew.departed.discard(runner)

    @property
    def departing(self) -> tuple[ProcessSpec, ...]:
        """The processes that are not to be there, and may not have ended yet."""
        return tuple(runner.spec for runner in self.crew.departed)

    # -- runners

    def exchange(self, name: str, runner: Runner) -> None:
        """Run a process in another way from its next start on."""
        former = self.runners[name]
        self.runners[name] = runner
        self.formers.setdefault(name, former)

    def generation_of(self, name: str, token: int | None) -> Generation | None:
        """Return a generation of a process, whichever of its runners has it."""
        return self._runner_of(name, token).generation(token)

    def find_standing(self, name: str) -> Generation | None:
        """Return the generation of a process that stands at a breakpoint.

        One that was replaced may stand there as well; that which works comes first.
        """
        found = self.crew.list_standing(name)
        state = self.machine.states.get(name, ProcessState())
        found.sort(key=lambda each: each.token != state.debugged)
        return found[0] if found else None

    def find_place(self, name: str) -> str | None:
        """Return where a process stands at a breakpoint, `file:line`."""
        standing = self.find_standing(name)
        return None if standing is None else standing.place

    def _runner_of(self, name: str, token: int | None) -> Runner:
        former = self.formers.get(name)
        if former is not None and former.generation(token) is not None:
            return former
        return self.runners[name]

    def style_of(self, name: str) -> m.Style:
        """Tell how new code takes over; two runners never share a process."""
        if name in self.formers:
            return m.Style.SEQUENCE
        return self.runners[name].style

    async def close(self) -> None:
        """End what the runners have under way."""
        self.outages.close()
        for runner in self.crew.list_runners():
            await runner.close()
        await asyncio.gather(*self._closing)

    async def wait_move(self) -> None:
        """Return after the next event."""
        self.moved.clear()
        await self.moved.wait()

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
        if verb is not m.Verb.START:
            self.crew.hurry(name)
        self.feed(m.Asked(name=name, verb=verb, style=self.style_of(name)))

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
        style = self.style_of(name)
        self.feed(m.Changed(name=name, style=style, needs_setup=needs_setup))

    # -- telling people

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
