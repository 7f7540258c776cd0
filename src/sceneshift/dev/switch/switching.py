"""A running stack goes over to another environment, when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.core.ports import is_free
from sceneshift.core.wording import describe_seconds, quote
from sceneshift.dev.history import SwitchRecord
from sceneshift.dev.machine import Phase
from sceneshift.dev.model import HttpProbe
from sceneshift.dev.run.choice import choose
from sceneshift.dev.run.fork import ForkRunner
from sceneshift.dev.status import describe
from sceneshift.dev.switch.newcomers import Failure
from sceneshift.dev.switch.plan import Action, Facts, plan_switch
from sceneshift.dev.switch.progress import Progress
from sceneshift.dev.switch.retirement import Retirement
from sceneshift.dev.switch.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.core.channel import Message
    from sceneshift.dev.model import ProcessSpec, StackSpec
    from sceneshift.dev.switch.plan import Step
    from sceneshift.dev.switch.stage import Parts

_START_S = 3.0


class Load(Protocol):
    """What reads the stack of an environment, and refuses what cannot be run now."""

    def __call__(self, name: str, *, is_looking: bool) -> StackSpec:
        """Read it.

        Args:
            name: The environment.
            is_looking: Whether nothing is to run, and so nothing is written.
        """
        ...


class Settings(Struct, frozen=True, kw_only=True):
    """What a switch needs of the configuration.

    Attributes:
        load: Reads the stack of an environment.
        activate: Makes an environment the active one, here and for the next start.
        say: Tells people something about the stack.
    """

    load: Load
    activate: Callable[[str], None]
    say: Callable[[str, float], None]


class Switching:
    """Switches, one at a time.

    Args:
        parts: What runs.
        settings: Where environments come from.
    """

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._parts = parts
        self._settings = settings
        self._supervisor = parts.supervisor
        self._retirement = Retirement(parts.supervisor)
        self._stage: Stage | None = None
        self._target: str | None = None
        self._task: asyncio.Task[Message] | None = None

    async def take(self, request: Message) -> Message:
        """Switch, or only say what that would mean.

        It goes on where whoever asked is gone: what was begun is brought to its end.

        Args:
            request: `environment`, `dry_run`, `within_s`, which new processes have to
                become ready, and `is_confirmed`, whether a person has said so: without
                that, a protected environment gets no further than its plan.

        Raises:
            BusyError: Another switch is under way.
            SceneshiftError: The target cannot be run; nothing was started.
        """
        if self._target is not None:
            raise BusyError(
                f"a switch to {quote(self._target)} is under way",
                hint="see how far it is: inv dev.status",
            )
        if request["dry_run"]:
            return await self._take(request)
        self._target = request["environment"]
        former = self._supervisor.stack.environment
        self._supervisor.switch = Progress(self._target, former)
        task = self._parts.ground.loop.create_task(self._take(request))
        task.add_done_callback(self._finish)
        self._task = task
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End what is under way, with nothing left of it."""
        if self._stage is not None:
            self._stage.kill()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        await self._retirement.finish()

    def _finish(self, task: asyncio.Task[Message]) -> None:
        self._target = self._supervisor.switch = None
        if not task.cancelled():
            task.exception()  # whoever asked is told, if there is still somebody

    async def _take(self, request: Message) -> Message:
        began, is_dry = time.monotonic(), request["dry_run"]
        if not is_dry:
            await self._retirement.finish()
        await self._await_start()
        former = self._supervisor.stack
        if self._supervisor.machine.is_quitting:
            raise SceneshiftError("the stack is ending", hint="start it: inv dev")
        target = self._settings.load(request["environment"], is_looking=is_dry)
        said = {
            "environment": target.environment,
            "former": former.environment,
            "is_protected": target.protected,
        }
        if target.environment == former.environment:
            if not is_dry:  # it may have been chosen by a flag
                self._settings.activate(target.environment)
            return self._describe(said, "already", (), target)
        steps = plan_switch(former, target, self._find_facts(former, target))
        if is_dry:
            return self._describe(said, "planned", steps, target)
        if target.protected and not request.get("is_confirmed"):
            return self._describe(said, "protected", steps, target)
        self._settings.say(f"switching to `{target.environment}`", time.time())
        failure = await self._record(target, steps, request["within_s"])
        took_s = time.monotonic() - began
        self._tell(said, failure, took_s)
        outcome = "switched" if failure is None else "failed"
        answer = self._describe(said, outcome, steps, target, took_s)
        return {**answer, "failure": failure and _describe_failure(failure)}

    async def _await_start(self) -> None:
        """Let what is being started get its address, which may be handed over.

        Not for long: it may be the reason for the switch that it never does.
        """
        states = self._supervisor.machine.states
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_S):
                while any(each.phase is Phase.STARTING for each in states.values()):
                    await self._supervisor.wait_move()

    # -- what runs

    def _find_facts(self, former: StackSpec, target: StackSpec) -> Facts:
        ports = {spec.name: self._find_ports(spec) for spec in former.processes}
        forked = {
            spec.name
            for spec in target.processes
            if (spec.name not in ports or self._is_forked(spec.name))
            and choose(spec, target.root).program is not None
        }
        return Facts(ports=ports, forked=frozenset(forked))

    def _is_forked(self, name: str) -> bool:
        is_alone = name not in self._supervisor.formers
        return is_alone and isinstance(self._supervisor.runners[name], ForkRunner)

    def _find_ports(self, spec: ProcessSpec) -> frozenset[int]:
        """Return the ports that a process has, as far as can be told."""
        held = {each.port for each in self._parts.ground.held.of(spec.name)}
        state = self._supervisor.machine.states[spec.name]
        is_plain = not self._is_forked(spec.name) and not state.is_at_rest
        if is_plain and spec.port and (spec.listens or not is_free(spec.port)):
            held.add(spec.port)
        return frozenset(held)

    # -- the switch

    async def _record(
        self, target: StackSpec, steps: tuple[Step, ...], within_s: float
    ) -> Failure | None:
        """Switch, and keep in the history how that went."""
        history = self._supervisor.history
        moved = [step.process for step in steps if step.action is not Action.KEEP]
        record = history.begin_switch(
            SwitchRecord(
                former=self._supervisor.stack.environment,
                environment=target.environment,
                at=time.time(),
                processes=tuple(moved),
            )
        )
        error: str | None = "it was broken off"
        try:
            failure = await self._switch(target, steps, within_s)
            error = None if failure is None else failure.sentence
        finally:
            history.end_switch(record, error)
        return failure

    async def _switch(
        self, target: StackSpec, steps: tuple[Step, ...], within_s: float
    ) -> Failure | None:
        changes = self._parts.changes
        changes.hold()
        changes.expect(target)
        try:
            self._stage = Stage(target, steps, self._parts)
            assert self._supervisor.switch is not None  # this is no plan
            self._supervisor.switch.begin(target, self._stage)
            failure = await self._run(self._stage, target, within_s)
        finally:
            self._stage = None
            changes.release()
        return failure

    async def _run(
        self, stage: Stage, target: StackSpec, within_s: float
    ) -> Failure | None:
        """Bring the new processes up; hand over to all of them, or end them."""
        is_done = False
        try:
            failure = await stage.run(within_s) or self._activate(target)
            if failure is None:
                retirees = stage.commit()
                self._parts.changes.take(target)
                self._retirement.begin(retirees, stage.handed)
                is_done = True
            return failure
        finally:
            await (stage.close() if is_done else stage.abort())

    def _activate(self, target: StackSpec) -> Failure | None:
        try:
            self._settings.activate(target.environment)
        except SceneshiftError as error:
            return Failure(process=None, reason=error.message)
        return None

    # -- what is said

    def _tell(self, said: Message, failure: Failure | None, took_s: float) -> None:
        """Say in the stack's output what has become of the switch."""
        if failure is None:
            took = describe_seconds(took_s)
            lines = [f"switched to `{said['environment']}` in {took}"]
            specs = self._supervisor.stack.processes
            lines += [f"{spec.name}: {spec.url}" for spec in specs if spec.url]
        else:
            text = f"not switched to `{said['environment']}`"
            if failure.hint is None:
                text += f", `{said['former']}` goes on"
            lines = [f"{text}: {failure.sentence}"]
        self._settings.say("\n".join(lines), time.time())

    def _describe(
        self,
        said: Message,
        outcome: str,
        steps: tuple[Step, ...],
        target: StackSpec,
        took_s: float | None = None,
    ) -> Message:
        is_there = outcome in ("already", "switched")
        status = describe(self._supervisor)["processes"] if is_there else []
        specs = {spec.name: spec for spec in target.processes}
        rows = [_describe_process(each, specs[each["name"]]) for each in status]
        return {
            **said,
            "outcome": outcome,
            "duration_s": took_s,
            "actions": [step.as_json() for step in steps],
            "processes": rows,
            "links": [
                link for each in rows for link in (each["url"], each["health"]) if link
            ],
            "failure": None,
        }


def _describe_process(status: dict[str, Any], spec: ProcessSpec) -> dict[str, Any]:
    health = None
    if isinstance(spec.probe, HttpProbe):
        path = spec.probe.path.removeprefix("/")
        health = f"http://{spec.host}:{spec.port}/{path}"
    kept = ("name", "state", "pid", "port", "url")
    return {**{key: status[key] for key in kept}, "health": health}


def _describe_failure(failure: Failure) -> dict[str, Any]:
    return {
        "process": failure.process,
        "reason": failure.reason,
        "output": list(failure.output),
        "hint": failure.hint,
    }
