"""Running one process, generation after generation."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from sceneshift.core.processes import find_process
from sceneshift.dev.guard.child import Child
from sceneshift.dev.guard.stop import stop_session
from sceneshift.dev.machine import Style
from sceneshift.dev.output import PipeReader
from sceneshift.dev.run.generation import Generation, Tail, make_marker
from sceneshift.dev.run.readiness import wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable
    from pathlib import Path

    from sceneshift.core.errors import SceneshiftError
    from sceneshift.dev.guard.spawner import Spawner
    from sceneshift.dev.model import ProcessSpec
    from sceneshift.dev.output import Gate, ProcessStream
    from sceneshift.dev.routing import Digest
    from sceneshift.dev.run.anchors import Anchors
    from sceneshift.dev.run.held import HeldSockets

_NOT_STARTED = 127  # what a shell says of a command that it cannot start
# What is served is answered in it; streams that go on are cut.
_RELOAD_TIME_S = 1.0
_numbers = itertools.count(1)


class Listener(Protocol):
    """Who is told what happens to generations."""

    def handle_ready(self, process: str, token: int) -> None:
        """It does what it is for."""
        ...

    def handle_checked(self, process: str, token: int) -> None:
        """It has imported the project."""
        ...

    def handle_exited(self, process: str, token: int, code: int, output: str) -> None:
        """It is gone with all that belonged to it; `output` is its last 64 KiB."""
        ...

    def handle_use(self, process: str, path: str, digest: Digest) -> None:
        """The newest generation uses a file."""
        ...

    def handle_mute(self, process: str) -> None:
        """Its generations report nothing of what they use."""
        ...

    def handle_debugger(self, process: str, token: int, *, waiting: bool) -> None:
        """It stops at a breakpoint or goes on."""
        ...


class Ground(Struct, frozen=True, kw_only=True):
    """What all runners share.

    Attributes:
        loop: The event loop.
        spawner: Starts processes.
        held: Sockets that outlive them.
        listener: Is told.
        gate: What readers of output ask before they read more.
        state: A folder for what is learned of programs.
        root: The project's folder.
        patience_s: How long it is believed that a program accepts connections, where
            that is inferred.
        anchors: What editors attach to; None where nobody debugs.
    """

    loop: asyncio.AbstractEventLoop
    spawner: Spawner
    held: HeldSockets
    listener: Listener
    gate: Gate
    state: Path
    root: Path
    patience_s: float = 10.0
    anchors: Anchors | None = None


class Runner:
    """What the runners have in common; tokens are the machine's.

    Attributes:
        spec: What is run.
    """

    def __init__(
        self, spec: ProcessSpec, stream: ProcessStream, ground: Ground
    ) -> None:
        self.spec = spec
        self._stream = stream.branch()  # a probe looks at its own output alone
        self._ground = ground
        self._by_token: dict[int, Generation] = {}
        self._made: set[Generation] = set()  # those that nobody wants any more, too
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends_its_children = False

    # -- what the machine asks for

    def launch(self, token: int) -> None:
        """Start a generation."""
        raise NotImplementedError

    def check(self, token: int) -> None:
        """Start a generation as far as importing the project."""
        self.launch(token)

    def proceed(self, token: int) -> None:
        """Let a checked generation run."""

    def hold(self, token: int) -> None:
        """Have a generation stop accepting."""

    def resume(self, token: int) -> None:
        """Have a generation accept again."""

    def promote(self, token: int, old: int) -> None:
        """Let a generation take over from an old one."""

    def stop(self, token: int, *, is_reload: bool, is_forced: bool) -> None:
        """Stop a generation's whole session; its end is reported when all is gone."""
        generation = self._by_token.get(token)
        if generation is None:
            return
        policy = self.spec.stop
        time_s = self._reload_time_s if is_reload else policy.time_s
        generation.stop_signal = signal.SIGKILL if is_forced else policy.signal
        if generation.child is None:
            self._give_up(token, generation.stop_signal)
        else:
            self._run(self._stop(generation, generation.stop_signal, time_s))

    def _give_up(self, token: int, number: int) -> None:
        """End a generation that has no process yet: it is killed if it gets one."""
        self.discard(token)
        told = self._ground.listener.handle_exited
        self._ground.loop.call_soon(told, self.spec.name, token, -number, "")

    def see_out(self, token: int) -> None:
        """Stop a generation that works, after it has finished what it has."""
        self.stop(token, is_reload=False, is_forced=False)

    def discard(self, token: int) -> None:
        """Kill a generation whose end nobody needs to hear of."""
        generation = self._by_token.pop(token, None)
        if generation is not None:
            self._discard(generation)

    def refresh(self, changed: Iterable[str]) -> None:
        """Drop what was made ahead from files that are now others."""

    def move(self, ground: Ground) -> None:
        """Stand on another ground: tell another, and have other addresses."""
        self._ground = ground

    def release(self) -> None:
        """Give up its addresses: nobody serves them until it is started again."""

    def prepare_anew(self) -> None:
        """Make ready for the next reload where it is to be run in another way."""

    async def see_off(self) -> None:
        """Close after the end of all that was told to end."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self.close()

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for generation in tuple(self._made):
            self._let_go(generation)

    # -- what is known

    def generation(self, token: int | None) -> Generation | None:
        """Return the generation of a token."""
        return None if token is None else self._by_token.get(token)

    @property
    def made(self) -> frozenset[Generation]:
        """All generations that have not ended, whoever wants them."""
        return frozenset(self._made)

    @property
    def style(self) -> Style:
        """How new code takes over now."""
        return Style.SEQUENCE

    @property
    def cold_reason(self) -> str | None:
        """Why this process is not run by fork; None where it is."""
        return None

    @property
    def skipped(self) -> dict[str, str]:
        """Packages that are imported anew in each generation, with the reason."""
        return {}

    # -- parts

    @property
    def _reload_time_s(self) -> float:
        """Seconds that old code has for its end in a reload."""
        policy = self.spec.stop
        if policy.reload_time_s is not None:
            return policy.reload_time_s
        return policy.time_s if self._ends_its_children else _RELOAD_TIME_S

    def _new_generation(self, token: int | None) -> tuple[Generation, int]:
        """Return a generation and the writing end of its output's pipe."""
        reading, writing = os.pipe()
        tail = Tail(self._stream.source())
        generation = Generation(
            number=next(_numbers), process=self.spec.name, tail=tail, token=token
        )
        generation.output = reading
        self._made.add(generation)
        if token is not None:
            self._by_token[token] = generation
            self._read(generation)
        return generation, writing

    def _read(self, generation: Generation) -> None:
        """Read a generation's output from now on."""
        assert generation.output is not None
        generation.reader = PipeReader(
            generation.output,
            generation.tail,
            loop=self._ground.loop,
            gate=self._ground.gate,
        )
        generation.output = None

    async def _start_plain(self, generation: Generation, writing: int) -> None:
        """Start the Procfile's command as a generation, by a shell.

        Raises:
            SceneshiftError: It cannot be started.
        """
        child = await self._ground.spawner.spawn(
            ["/bin/sh", "-c", self.spec.command],
            env=self.spec.env,
            cwd=self.spec.cwd,
            fds={1: writing, 2: writing},
        )
        generation.child = child
        child.exited.add_done_callback(lambda done: self._exited(generation, done))
        if generation.is_discarded:
            self._discard(generation)
        else:
            self._watch(generation)

    def _exited(self, generation: Generation, done: asyncio.Future[int]) -> None:
        if not done.cancelled():
            self._end(generation, os.waitstatus_to_exitcode(done.result()))

    def _adopt(self, generation: Generation, pid: int) -> None:
        """Know a generation's leader, so that all of it can be found again."""
        entry = find_process(pid)
        generation.child = Child(
            pid=pid,
            started=entry.started if entry else 0,
            token=make_marker(self.spec.name, generation.number),
            exited=self._ground.loop.create_future(),
        )

    def _watch(self, generation: Generation) -> None:
        """Report readiness when it comes."""
        generation.readying = self._run(self._report_ready(generation))

    async def _report_ready(self, generation: Generation) -> None:
        is_so = await wait_until_ready(
            self.spec,
            self._stream,
            self._ground.spawner,
            listens=self.spec.listens and not generation.is_listening,
            patience_s=self._ground.patience_s,
            clock=generation.clock,
            said=generation.tail.text,
        )
        if not is_so:
            text = f"taken to be ready: nothing listens on port {self.spec.port} after"
            self._stream.note(f"{text} {self._ground.patience_s:g} s", time.time())
        self._become_ready(generation)

    def _become_ready(self, generation: Generation) -> None:
        if generation.is_ready or generation.is_discarded or generation.token is None:
            return
        generation.is_ready = True
        self._ground.listener.handle_ready(self.spec.name, generation.token)

    async def _stop(self, generation: Generation, number: int, time_s: float) -> None:
        """End all of a generation: when it goes on, where it stands at a breakpoint."""
        is_killed = number == signal.SIGKILL
        if not is_killed:
            await generation.clock.going()
        if generation.child is not None:
            await stop_session(
                generation.child,
                number=number,
                time_s=time_s,
                is_leader_first=self._ends_its_children and not is_killed,
                limit=asyncio.timeout if is_killed else generation.clock.limit,
            )

    def _end(self, generation: Generation, code: int) -> None:
        """The leader is gone: end what is left of its session, then report."""
        generation.clock.release()
        generation.cancel_waits()
        self._run(self._clean_up(generation, code))

    async def _clean_up(self, generation: Generation, code: int) -> None:
        if generation.child is not None and not generation.child.exited.done():
            generation.child.exited.set_result(0)
        if self._may_be_left(generation.child):
            await self._stop(
                generation,
                generation.stop_signal or self.spec.stop.signal,
                self._reload_time_s,
            )
        if generation.reader is not None:
            generation.reader.drain()
        self._let_go(generation)
        token = generation.token
        if token is None:
            return
        self._by_token.pop(token, None)
        if not generation.is_discarded:
            self._ground.listener.handle_exited(
                self.spec.name, token, code, generation.tail.text
            )
        if generation.standing:
            generation.standing.clear()
            self._ground.listener.handle_debugger(self.spec.name, token, waiting=False)

    def _may_be_left(self, child: Child | None) -> bool:
        """Whether something of a process may run on, as far as can be told at once.

        To look for it in the table of all processes takes milliseconds.
        """
        if child is None:
            return False
        leader = find_process(child.pid)
        is_reaped = leader is None or leader.started != child.started
        return not is_reaped or self._ground.spawner.has_adopted()

    def _let_go(self, generation: Generation) -> None:
        self._made.discard(generation)
        if generation.reader is not None:
            generation.reader.close()
        if generation.output is not None:
            os.close(generation.output)
            generation.output = None
        for link in generation.links:
            link.close()
        while generation.terminals:
            os.close(generation.terminals.popitem()[1])

    def _discard(self, generation: Generation) -> None:
        generation.is_discarded = True
        generation.cancel_waits()
        self._run(self._stop(generation, signal.SIGKILL, 1.0))

    def _fail(self, generation: Generation, error: SceneshiftError) -> None:
        """A generation that could not even be started."""
        text = f"{error.message}\n" + (f"hint: {error.hint}\n" if error.hint else "")
        generation.tail.feed(text.encode(), time.time())
        self._end(generation, _NOT_STARTED)

    def _run(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._ground.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)
        return task

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            context = {"message": "a task of a runner failed"}
            self._ground.loop.call_exception_handler(
                {**context, "exception": task.exception(), "task": task}
            )
