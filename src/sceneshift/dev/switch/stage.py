"""The new processes of a switch, beside the old ones."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.machine import Began, Phase, Quit, SetupEnded, Verb
from sceneshift.dev.routing import Router
from sceneshift.dev.run.choice import choose
from sceneshift.dev.run.held import HeldSockets
from sceneshift.dev.run.reports import ReportedRunner
from sceneshift.dev.run.shell import ShellRunner
from sceneshift.dev.switch.newcomers import Failure, Newcomers, Recorder
from sceneshift.dev.switch.plan import How
from sceneshift.dev.switch.retirement import Nobody
from sceneshift.dev.watch import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Sequence

    from sceneshift.dev.changes import Changes
    from sceneshift.dev.model import ProcessSpec, StackSpec
    from sceneshift.dev.preparation import Preparation
    from sceneshift.dev.run.base import Ground, Runner
    from sceneshift.dev.run.choice import Choice
    from sceneshift.dev.succession import Retiree
    from sceneshift.dev.supervisor import Supervisor
    from sceneshift.dev.switch.plan import Step

_LEFT = (Phase.COMPLETED, Phase.STOPPED)  # nothing of it is at its address
_LOST_S = 2.0  # the guard that would tell of an end may be gone


class Parts(Struct, frozen=True, kw_only=True):
    """The running stack that a switch works on.

    Attributes:
        supervisor: Runs it.
        changes: Watches.
        preparation: Prepares processes.
        ground: What its runners share.
        build: Makes what runs a process, and what takes its output.
    """

    supervisor: Supervisor
    changes: Changes
    preparation: Preparation
    ground: Ground
    build: Callable[[ProcessSpec, Choice, Ground], Runner]


class Stage:
    """Brings up what is new of a target, and hands it over or ends it.

    Args:
        target: What is to run.
        steps: What becomes of each process.
        parts: What runs.
    """

    def __init__(self, target: StackSpec, steps: Sequence[Step], parts: Parts) -> None:
        self._target = target
        self._steps = {step.process: step for step in steps}
        self._parts = parts
        self._old = parts.supervisor
        self._loop = parts.ground.loop
        self._held = HeldSockets(parts.ground.held)
        self._tasks: set[asyncio.Task[None]] = set()
        self._preparing: set[str] = set()
        self._waiting: set[str] = set()
        self._stopped: list[str] = []
        self.handed: set[str] = set()
        self._is_committed = False
        specs = [spec for spec in target.processes if self._steps[spec.name].comes_up]
        self._new = self._make_newcomers(specs)
        for spec in specs:
            self._add(spec)
        self._old.crew.arriving = self._new.runners

    def _make_newcomers(self, specs: Sequence[ProcessSpec]) -> Newcomers:
        names = {spec.name for spec in specs}
        among = [
            replace(
                spec,
                depends_on=tuple(d for d in spec.depends_on if d.name in names),
            )
            for spec in specs
        ]
        newcomers = Newcomers(
            replace(self._target, processes=tuple(among)),
            loop=self._loop,
            streams=self._old.streams,
            router=Router(self._target.root, digest),
            held=self._held,
            begin=self._begin,
            is_strict=True,
            may_end=[s.name for s in specs if s.probe is None and not s.listens],
            beside=self._old,
        )
        newcomers.on_use = self._old.on_use
        return newcomers

    def _add(self, spec: ProcessSpec) -> None:
        """Make what runs a process; its zygote comes up as soon as it can."""
        ground = replace(self._parts.ground, held=self._held, listener=self._new)
        choice = choose(spec, self._target.root)
        self._new.router.add(spec.name, choice.globs)
        runner = self._parts.build(spec, choice, ground)
        self._new.runners[spec.name] = runner
        former = self._old.runners.get(spec.name)
        if isinstance(runner, ReportedRunner) and isinstance(former, ReportedRunner):
            runner.follow(former, partial(self._await_turn, spec.name))
        if spec.setup is None:  # else it may make what the zygote is to import
            runner.prepare_anew()

    # -- bringing up

    async def run(self, limit_s: float) -> Failure | None:
        """Start everything; return why that failed, or None when all is ready.

        Args:
            limit_s: Seconds that they have, apart from what their set-up takes, and
                from when one stands at a breakpoint.
        """
        self._new.feed(Began())
        left_s = limit_s
        while True:
            if self._old.machine.is_quitting:
                reason, hint = "the stack is ending", "start it: inv dev"
                return Failure(process=None, reason=reason, hint=hint)
            if self._new.is_up:
                return None
            if self._new.machine.is_quitting:
                return self._new.failure
            if self._preparing:
                left_s = limit_s
            elif left_s <= 0:
                return self._new.find_late(limit_s)
            began, is_standing = self._loop.time(), self._new.is_standing
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if is_standing else left_s):
                    await self._new.wait_move()
            left_s -= 0 if is_standing else self._loop.time() - began

    def _begin(self, name: str) -> None:
        self._do(self._prepare(name))

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _prepare(self, name: str) -> None:
        runner = self._new.runners[name]
        recorder = Recorder(self._new.streams[name])
        self._preparing.add(name)
        try:
            runner.spec = await self._parts.preparation.prepare(runner.spec, recorder)
        except (SceneshiftError, OSError) as error:
            text = error.message if isinstance(error, SceneshiftError) else str(error)
            self._new.fail(name, text, recorder.text)
            self._new.fail_setup(name, text)
            return
        finally:
            self._preparing.discard(name)
        step = self._steps[name]
        if step.how is How.IN_TURN:
            await self._make_room(step)
        self._new.feed(SetupEnded(name=name, is_ok=True))

    async def _make_room(self, step: Step) -> None:
        """Stop who has a process's port, after all others are ready."""
        await self._await_others(self._list(How.IN_TURN))
        states = self._old.machine.states
        for name in step.stops:
            # What is down has a page there, which is no sign of the new process.
            if name in states and states[name].phase not in _LEFT:
                self._stopped.append(name)
                self._old.ask(name, Verb.STOP)
        while any(name in states and states[name].is_running for name in step.stops):
            await self._old.wait_move()

    async def _await_turn(self, name: str, keys: set[str]) -> None:
        """Have the old process hold, if it has these addresses and all is ready."""
        held = {each.key for each in self._parts.ground.held.of(name)}
        if not held & keys:
            return
        self._waiting.add(name)
        late = self._list(How.IN_TURN) | self._list(How.HANDOVER) | {name}
        await self._await_others(late)
        self._waiting.discard(name)
        self.handed.add(name)
        self._old.outages.pause(name)
        current = self._old.machine.states[name].current
        if current is not None:
            self._old.runners[name].hold(current)

    def find_place(self, name: str) -> str | None:
        """Return where a new process stands at a breakpoint, `file:line`."""
        return self._new.find_place(name)

    def list_states(self) -> dict[str, str]:
        """Return how far each new process is; `waiting` where it is another's turn."""
        return {name: self._find_state(name) for name in self._new.machine.states}

    def _find_state(self, name: str) -> str:
        state = self._new.machine.states[name]
        is_set_up = state.phase is Phase.SETUP and name not in self._preparing
        is_early = is_set_up or name in self._waiting
        return Phase.WAITING.value if is_early else state.word

    def _list(self, how: How) -> set[str]:
        return {name for name, step in self._steps.items() if step.how is how}

    async def _await_others(self, late: set[str]) -> None:
        """Wait until all are ready but some, and those that depend on them."""
        early = self._new.machine.states.keys() - self._close_over(late)
        while self._is_over or not all(map(self._new.is_ready, early)):
            await self._new.wait_move()

    @property
    def _is_over(self) -> bool:
        """Whether nothing more is to be done; what waits is cancelled."""
        is_ended = self._new.machine.is_quitting and not self._new.is_up
        return is_ended or self._old.machine.is_quitting

    def _close_over(self, names: set[str]) -> Collection[str]:
        """Return processes with all that depend on them."""
        found = set(names)
        while True:
            more = {
                spec.name
                for spec in self._new.stack.processes
                if spec.name not in found
                and any(need.name in found for need in spec.depends_on)
            }
            if not more:
                return found
            found |= more

    # -- one way

    def commit(self) -> list[Retiree]:
        """Have the running stack go on with all this; return what it had instead."""
        self._is_committed = True
        runners = dict(self._new.runners)
        retirees = self._old.take_over(self._new, self._target)
        gone = {each.spec.name for each in retirees}
        ground, nobody = self._parts.ground, Nobody(self._old)
        former = ground.held.take_over(gone, self._held)
        for each in retirees:
            each.runner.move(replace(ground, held=former, listener=nobody))
            self._pass_on(each, runners)
        for runner in runners.values():
            runner.move(ground)
            if isinstance(runner, ReportedRunner):
                runner.follow(None, None)
        forked = {n for n, one in runners.items() if isinstance(one, ReportedRunner)}
        self._old.outages.forked |= forked
        for spec in self._target.processes:
            kept = self._old.runners[spec.name]
            if spec.name not in runners and isinstance(kept, ShellRunner):
                assert kept.cold_reason is not None
                kept.renew(spec, kept.cold_reason)
        return retirees

    def _pass_on(self, retiree: Retiree, runners: dict[str, Runner]) -> None:
        """Give open connections to whoever serves their address now."""
        name, old = retiree.spec.name, retiree.runner
        new = runners.get(name)
        current = self._old.machine.states[name].current if new else None
        if name not in self.handed or current is None or not retiree.tokens:
            return
        if isinstance(old, ReportedRunner) and isinstance(new, ReportedRunner):
            old.yield_to(new, current, retiree.tokens[0])

    # -- the other way

    async def abort(self) -> None:
        """End all this; have the old processes go on as they did."""
        for name in self._waiting:  # it would not hear a gentler word
            token = self._new.machine.states[name].current
            if token is not None:
                runner = self._new.runners[name]
                runner.stop(token, is_reload=False, is_forced=True)
        self._new.feed(Quit())
        self._go_on()
        await self._new.done
        await self.close()
        for name in self._stopped:
            self._old.ask(name, Verb.START)
        while any(map(self._is_coming_back, self._stopped)):
            await self._old.wait_move()

    def _go_on(self) -> None:
        """Have the old processes serve again that were told to hold."""
        for name in self.handed:
            state = self._old.machine.states.get(name)
            self._old.outages.resume(name)
            if state is not None and state.current is not None and not state.is_held:
                self._old.runners[name].resume(state.current)

    def _is_coming_back(self, name: str) -> bool:
        machine = self._old.machine
        return machine.is_moving(name) and not machine.is_quitting

    def kill(self) -> None:
        """End all this at once; do not wait for what nobody can tell any more."""
        if not self._is_committed:
            self._new.feed(Quit(is_forced=True))
            self._loop.call_later(_LOST_S, self._give_up)

    def _give_up(self) -> None:
        if not self._new.done.done():
            self._new.done.set_result(1)

    async def close(self) -> None:
        """Let go of what is left."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._old.crew.arriving = {}
        await self._new.close()
        self._held.close()
