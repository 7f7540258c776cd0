"""A running stack: its parts, connected."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from typing import TYPE_CHECKING

from sceneshift.core.client import SOCKET_NAME
from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.changes import Changes
from sceneshift.dev.colouring import ask_for_colour
from sceneshift.dev.control import ControlServer
from sceneshift.dev.desk import Desk
from sceneshift.dev.environments import Environments
from sceneshift.dev.guard.spawner import Spawner
from sceneshift.dev.machine import Began, Quit, SetupEnded
from sceneshift.dev.notes import describe_start, describe_worktree
from sceneshift.dev.output import (
    ProcessStream,
    Ring,
    RotatingLog,
    Streams,
    Style,
    Terminal,
)
from sceneshift.dev.preparation import Preparation
from sceneshift.dev.reconfiguration import Configurable, Reconfiguration
from sceneshift.dev.routing import Router
from sceneshift.dev.run.base import Ground, Runner
from sceneshift.dev.run.fork import ForkRunner
from sceneshift.dev.run.held import HeldSockets
from sceneshift.dev.run.shell import ShellRunner
from sceneshift.dev.supervisor import Supervisor
from sceneshift.dev.watch import digest
from sceneshift.dev.work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.core.channel import Message
    from sceneshift.dev.browser import Browser
    from sceneshift.dev.claim import Claim
    from sceneshift.dev.firstuse import FirstUse
    from sceneshift.dev.guard.process import GuardProcess
    from sceneshift.dev.model import ProcessSpec, StackSpec
    from sceneshift.dev.options import Options
    from sceneshift.dev.run.anchors import Anchors
    from sceneshift.dev.run.choice import Choice
    from sceneshift.dev.switch.switching import Switching

_FOLDERS = ("logs", "zygote")  # those that are written to by their path
_QUIT_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_stack(
    stack: StackSpec, options: Options, claim: Claim, guard: GuardProcess
) -> int:
    """Run a stack to its end; return the exit code."""
    gc.freeze()  # what is loaded by now stays: no collection need look at it again
    gc.enable()
    return asyncio.run(_run(stack, options, claim, guard))


async def _run(
    stack: StackSpec, options: Options, claim: Claim, guard: GuardProcess
) -> int:
    lost = asyncio.Event()
    spawner = await Spawner.start(
        guard, loop=asyncio.get_running_loop(), on_guard_lost=lost.set
    )
    try:
        run = Run(stack, options, claim, spawner)
        try:
            run.start(lost)
            return await run.supervisor.done
        finally:
            await run.close()
    finally:
        await spawner.close()


class Run:
    """The parts of a running stack, connected."""

    def __init__(
        self,
        stack: StackSpec,
        options: Options,
        claim: Claim,
        spawner: Spawner,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._spawner = spawner
        self._options = options
        self._request = options.request
        self._claim = claim
        self._state = claim.state
        self.router = Router(stack.root, digest)
        self.held = HeldSockets()
        self.terminal = self._make_terminal(stack)
        stack = self._with_colour(stack)
        self._streams = Streams(map(self._make_stream, stack.processes))
        self.supervisor = Supervisor(
            stack,
            loop=self._loop,
            streams=self._streams,
            router=self.router,
            held=self.held,
            begin=self._begin,
            is_strict=options.is_strict,
        )
        self._work = Work(self._loop, say=self._say, fail=self._fail)
        self.changes = self._make_changes(stack)
        self._environments = self._make_environments()
        self.supervisor.on_use = self.changes.add_use
        self._reconfiguration = self._make_reconfiguration()
        self._ground = self._make_ground(stack)
        first_use = self._make_first_use() if stack.worktree else None
        self._preparation = Preparation(
            spawner, self._state, first_use, follower=options.request.follower
        )
        self._switching: Switching | None = None
        self._browser: Browser | None = None
        desk = Desk(self.supervisor, self.supervisor.feed, self._switch, self._browse)
        path = self._state.socket(SOCKET_NAME)
        self._control = ControlServer(path, desk, self._loop)

    def start(self, lost: asyncio.Event) -> None:
        """Watch, listen to signals, and start the processes.

        Args:
            lost: Set when the guard was killed, and everything with it.
        """
        self._loop.set_exception_handler(self._work.handle_trouble)
        for spec in self.supervisor.stack.processes:
            self._reconfiguration.add(spec)
        self.changes.start()
        self.changes.watch_head(self._move)
        self._restore()  # it may be gone since it was made
        for number in _QUIT_SIGNALS:
            self._loop.add_signal_handler(number, self._quit, number)
        for text in describe_worktree(self.supervisor.stack):
            self._say(text)
        self._work.do(self._await_loss(lost))
        self._work.do(self._sum_up())
        if self._request.browser:
            self._work.do(self._browse(self._request.browser))
        self.supervisor.feed(Began())

    async def close(self) -> None:
        """End everything, in reverse order."""
        await self._work.close()
        if self._switching is not None:
            await self._switching.close()
        # Takes the longest, and aside; the control socket that goes away is not missed.
        self.changes.close()
        await self._control.close()
        await self.supervisor.close()
        await self._spawner.close()  # nothing is left from here on
        self.held.close()
        self._streams.close()
        self.terminal.close()

    # -- parts

    def _make_terminal(self, stack: StackSpec) -> Terminal:
        options = self._options
        return Terminal(
            options.output_fd,
            loop=self._loop,
            labels={process.name: process.label for process in stack.processes},
            style=Style(is_terminal=options.is_terminal, colour=options.colour),
            on_lost=self._lose_viewer,
        )

    def _make_changes(self, stack: StackSpec) -> Changes:
        return Changes(
            stack,
            loop=self._loop,
            router=self.router,
            runners=self.supervisor.runners,
            state=self._state,
            changed=self.supervisor.change,
            reread=lambda files, *, is_again: self._reconfiguration.take(
                files, is_again=is_again
            ),
            renew=self._renew,
            restore=self._restore,
        )

    def _make_environments(self) -> Environments:
        return Environments(
            self._request,
            self._state,
            supervisor=self.supervisor,
            changes=self.changes,
            finish=self._with_colour,
        )

    def _make_reconfiguration(self) -> Reconfiguration:
        return Reconfiguration(
            Configurable(
                supervisor=self.supervisor,
                router=self.router,
                changes=self.changes,
                load=self._environments.load_again,
                make_runner=self._make_runner,
                say=self._say,
            )
        )

    def _make_ground(self, stack: StackSpec) -> Ground:
        return Ground(
            loop=self._loop,
            spawner=self._spawner,
            held=self.held,
            listener=self.supervisor,
            gate=self.terminal.gate,
            state=self._state.make("zygote"),
            root=stack.root,
            anchors=self._make_anchors(),
        )

    def _make_anchors(self) -> Anchors | None:
        if not self._request.debug:
            return None
        from sceneshift.dev.run.anchors import Anchors  # noqa: PLC0415 - seldom

        control = self._state.socket(SOCKET_NAME)
        return Anchors(self._loop, self._spawner, self.terminal.gate, control)

    def _make_first_use(self) -> FirstUse:
        from sceneshift.dev.firstuse import FirstUse  # noqa: PLC0415 - worktrees only

        maker = self._request.maker
        return FirstUse(maker, spawner=self._spawner, state=self._state)

    def _make_switching(self) -> Switching:
        from sceneshift.dev.switch.stage import Parts  # noqa: PLC0415 - seldom
        from sceneshift.dev.switch.switching import Settings, Switching  # noqa: PLC0415

        return Switching(
            Parts(
                supervisor=self.supervisor,
                changes=self.changes,
                preparation=self._preparation,
                ground=self._ground,
                build=self._build_runner,
            ),
            Settings(
                load=self._environments.load,
                activate=self._environments.activate,
                say=self.terminal.system,
            ),
        )

    def _with_colour(self, stack: StackSpec) -> StackSpec:
        return ask_for_colour(stack) if self._options.colour else stack

    def _make_stream(self, spec: ProcessSpec) -> ProcessStream:
        path = self._state.make("logs") / f"{spec.name}.log"
        log, ring = RotatingLog(path), Ring()
        return ProcessStream(spec.name, log=log, ring=ring, sinks=[self.terminal])

    def _find_stream(self, spec: ProcessSpec) -> ProcessStream:
        """Return where a process's output goes; one that comes back has it already."""
        if spec.name not in self._streams:
            self.terminal.add(spec.name, spec.label)
            self._streams.add(self._make_stream(spec))
        return self._streams[spec.name]

    def _make_runner(self, spec: ProcessSpec, choice: Choice) -> Runner:
        self.supervisor.outages.forked.discard(spec.name)
        if choice.program is not None:
            self.supervisor.outages.forked.add(spec.name)
        return self._build_runner(spec, choice, self._ground)

    def _build_runner(
        self, spec: ProcessSpec, choice: Choice, ground: Ground
    ) -> Runner:
        stream = self._find_stream(spec)
        if choice.program is None:
            assert choice.reason is not None
            return ShellRunner(spec, stream, ground, reason=choice.reason)
        for folder in choice.program.package_folders():
            self.changes.add_packages(folder)
        return ForkRunner(
            spec, stream, ground, choice.program, cold_reason=choice.reason
        )

    # -- what happens

    async def _switch(self, request: Message) -> Message:
        if self._switching is None:
            self._switching = self._make_switching()
        return await self._switching.take(request)

    def _begin(self, name: str) -> None:
        self._work.do(self._prepare(name))

    def _move(self) -> bool:
        """Follow to another branch of git; tell whether anything follows."""
        self._work.do(self._preparation.follow_head(self.supervisor, self._say))
        return any(each.follows for each in self.supervisor.stack.processes)

    async def _prepare(self, name: str) -> None:
        runner = self.supervisor.runners[name]
        asked = runner.spec
        try:
            spec = await self._preparation.prepare(asked, self._streams[name])
        except SceneshiftError as error:
            hint = f"; hint: {error.hint}" if error.hint else ""
            self.supervisor.fail_setup(name, f"{error.message}{hint}")
            return
        except OSError as error:
            self.supervisor.fail_setup(name, f"the set-up cannot be run: {error}")
            return
        if runner.spec is asked:  # else it was edited meanwhile, and is set up again
            runner.spec = spec
        self.supervisor.feed(SetupEnded(name=name, is_ok=True))

    def _quit(self, number: int) -> None:
        is_forced = self.supervisor.machine.is_quitting
        if not is_forced:
            self.terminal.system("stopping; once more to stop at once", time.time())
        self.supervisor.feed(Quit(is_forced=is_forced, code=128 + number))

    def _say(self, text: str) -> None:
        self.terminal.system(text, time.time())

    async def _sum_up(self) -> None:
        """Say where everything is, once all that can be ready is."""
        began = self._loop.time()
        while not self.supervisor.machine.is_settled:
            await self.supervisor.wait_move()
        if self.supervisor.machine.is_quitting:
            return
        text = describe_start(
            self.supervisor.stack,
            self.supervisor.machine.states,
            duration_s=self._loop.time() - began,
        )
        self.terminal.system(text, time.time())

    async def _browse(self, how: str) -> None:
        """Have a browser show the page, with a port for an editor."""
        from sceneshift.dev.browser import Browser  # noqa: PLC0415 - seldom

        if self._browser is None:
            self._browser = Browser(self.supervisor, self._spawner, self._state)
        await self._browser.show(is_headless=how == "headless")

    def _lose_viewer(self) -> None:
        """Nobody reads the output any more, as after `inv dev | head`."""
        self.supervisor.feed(Quit(code=128 + signal.SIGPIPE))

    async def _await_loss(self, lost: asyncio.Event) -> None:
        await lost.wait()
        self._say("the guard process was killed, so everything was")
        self.supervisor.feed(Quit(is_forced=True, code=1))
        if not self.supervisor.done.done():
            self.supervisor.done.set_result(1)

    def _fail(self, why: str) -> None:
        """End at once, if this is not the end anyway."""
        if not self.supervisor.done.done():
            self._say(why)
            self.supervisor.done.set_result(1)

    def _restore(self) -> None:
        """Make what others find the stack by, where it was removed."""
        try:
            with self._state.being_written():
                self._claim.restore()
                for name in _FOLDERS:
                    self._state.make(name)
                self._control.restore()
        except SceneshiftError as error:
            self.terminal.system(error.message, time.time())

    def _renew(self, files: Sequence[str]) -> None:
        """Installed packages are others: other zygotes."""
        for name, runner in self.supervisor.runners.items():
            if isinstance(runner, ForkRunner):
                runner.renew(runner.spec, runner.program)
                self.supervisor.change(name, files, cause="packages")
