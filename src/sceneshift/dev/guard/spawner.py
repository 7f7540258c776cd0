"""Starting processes by way of the guard."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import os
import signal
import sys
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.processes import become_subreaper, list_children
from sceneshift.dev.guard import sweep
from sceneshift.dev.guard.child import PROCESS_VARIABLE, STACK_VARIABLE, Child
from sceneshift.dev.guard.link import Link
from sceneshift.dev.guard.main import MOST_FDS
from sceneshift.dev.guard.stop import pauses_s, stop_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sceneshift.core.processes import ProcessEntry
    from sceneshift.dev.guard.frames import Message
    from sceneshift.dev.guard.process import GuardProcess

_START_S = 10.0
_LEAVE_S = 0.02  # ten times what a zygote takes
_CLOSE_S = 15.0  # more than the guard takes to give up what it cannot kill
_SWEEP_S = 10.0  # what is left then is another user's or stuck in the kernel
_STRIKES = 100  # some milliseconds


class Spawner:
    """Starts processes and knows when they end.

    Make it with `start`. Nothing that it started outlives it: not a `close`, nor the
    SIGKILL of this process, nor that of the guard.
    """

    def __init__(
        self,
        guard: GuardProcess,
        *,
        loop: asyncio.AbstractEventLoop,
        on_guard_lost: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._stack_id = guard.stack_id
        self._on_guard_lost = on_guard_lost
        self._numbers = itertools.count(1)
        self._replies: dict[int, asyncio.Future[Message]] = {}
        self._exits: dict[int, asyncio.Future[int]] = {}
        self._pids: dict[int, int] = {}
        self._ready: asyncio.Future[Message] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()
        self._recovery: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[object]] = set()
        self._is_closing = False
        self._guard = guard.process
        self._link = Link(
            guard.link, loop, on_message=self._handle_message, on_end=self._handle_end
        )
        self._watch = _watch_end(loop, self._guard.pid, self._link.drain)

    @classmethod
    async def start(
        cls,
        guard: GuardProcess,
        *,
        loop: asyncio.AbstractEventLoop,
        on_guard_lost: Callable[[], None],
    ) -> Spawner:
        """Return when the guard answers.

        Args:
            guard: The guard, which may be coming up yet.
            loop: The running loop.
            on_guard_lost: Called when the guard has died and all that it had
                started has been killed.

        Raises:
            SceneshiftError: The guard does not start.
        """
        become_subreaper()  # for the day that the guard is killed
        spawner = cls(guard, loop=loop, on_guard_lost=on_guard_lost)
        try:
            await asyncio.wait_for(asyncio.shield(spawner._ready), _START_S)
        except (TimeoutError, ConnectionError) as exc:
            await spawner.close()
            raise SceneshiftError(
                f"the guard process did not start: {sys.executable}",
                hint=f"see whether this works: {sys.executable} -I -S -c pass",
            ) from exc
        return spawner

    @property
    def guard_pid(self) -> int:
        """The guard's pid."""
        return self._guard.pid

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        fds: Mapping[int, int],
        has_terminal: bool = False,
    ) -> Child:
        """Start a command as the leader of a session of its own.

        Args:
            argv: Program and arguments; a name without `/` is looked up in `env`'s
                PATH.
            env: The whole environment; two variables that mark the process are added.
            cwd: Where it runs.
            fds: Number there to number here. Whichever of 0, 1 and 2 is not named is
                /dev/null. Ours may be closed as soon as this has returned.
            has_terminal: Whether its descriptor 0 becomes its controlling terminal.

        Raises:
            SceneshiftError: It cannot be started; nothing is left of it.
        """
        number = next(self._numbers)
        marks = {
            STACK_VARIABLE: self._stack_id,
            PROCESS_VARIABLE: self._make_token(number),
        }
        _refuse_impossible(argv, fds)
        request = {
            "id": number,
            "argv": [os.fsencode(word) for word in argv],
            "env": _encode_environment({**env, **marks}),
            "cwd": os.fsencode(cwd),
            "fds": list(fds),
            "terminal": has_terminal,
        }
        reply = await self._ask(number, request, list(fds.values()))
        if reply["event"] == "failed":
            raise _launch_failure(reply, argv[0], cwd)
        return self._make_child(reply)

    def has_adopted(self) -> bool:
        """Whether the guard may have children that it did not start: orphans.

        Where it has none, nothing is left of a process whose leader has been reaped:
        each of its descendants would be one, or be below one.
        """
        listed = list_children(self.guard_pid)
        is_complete = listed is not None and listed == list_children(self.guard_pid)
        return not is_complete or not self._pids.keys() >= {*(listed or ())}

    async def close(self) -> None:
        """Kill what is left, end the guard and wait for both."""
        self._is_closing = True
        if self._exits:  # what was let go, as zygotes are, ends by itself
            await asyncio.wait(list(self._exits.values()), timeout=_LEAVE_S)
        self._link.shut()
        await asyncio.wait([self._ended], timeout=_CLOSE_S)
        if not self._ended.done():
            self._guard.kill()
        await self.wait_lost()

    async def wait_lost(self) -> None:
        """Return when a guard that was lost has been replaced in its last work.

        That is right after `on_guard_lost` was called, or after a close.
        """
        await self._ended
        if self._recovery is not None:
            await self._recovery

    async def _ask(self, number: int, request: Message, fds: list[int]) -> Message:
        """Send a request and wait for its reply.

        Where the caller is cancelled meanwhile, the process is killed when it is
        there, with what it has started.
        """
        if self._ended.done() or self._is_closing:
            raise _no_guard()
        reply = self._replies[number] = self._loop.create_future()
        self._link.send(request, fds)
        try:
            return await asyncio.shield(reply)
        except ConnectionError as exc:
            raise _no_guard() from exc
        except asyncio.CancelledError:
            reply.add_done_callback(self._end_unwanted)
            raise

    def _end_unwanted(self, reply: asyncio.Future[Message]) -> None:
        """Kill what nobody waits for any more."""
        if reply.exception() or reply.result()["event"] != "spawned":
            return
        child = self._make_child(reply.result())
        stop = stop_session(child, number=signal.SIGKILL, time_s=0.0)
        task = self._loop.create_task(stop)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _make_token(self, number: int) -> str:
        return f"{self._stack_id}.{number}"

    def _make_child(self, reply: Message) -> Child:
        return Child(
            pid=reply["pid"],
            started=reply["started"],
            token=self._make_token(reply["id"]),
            exited=reply["exited"],
        )

    def _handle_message(self, message: Message) -> None:
        """Resolve what waits for the message."""
        if message["event"] == "ready":
            self._ready.set_result(message)
            return
        number = message["id"]
        if message["event"] == "exited":
            self._settle(number, message["status"])
            return
        if message["event"] == "spawned":
            # With the reply: it may have exited before whoever asked runs again.
            message["exited"] = self._exits[number] = self._loop.create_future()
            self._pids[message["pid"]] = number
        reply = self._replies.pop(number)
        if not reply.done():
            reply.set_result(message)

    def _settle(self, number: int, status: int) -> None:
        """Record that a process has ended."""
        exited = self._exits.pop(number)
        self._pids = {pid: one for pid, one in self._pids.items() if one != number}
        if not exited.done():  # whoever waited may have cancelled it
            exited.set_result(status)

    def _handle_end(self) -> None:
        """The guard is gone: as asked, or it was killed."""
        has_finished = self._guard.wait() == 0
        self._watch()
        for waiting in (self._ready, *self._replies.values()):
            if not waiting.done():
                waiting.set_exception(ConnectionError("the guard is gone"))
                waiting.exception()  # nobody need be interested
        self._replies.clear()
        if not has_finished:
            self._recovery = self._loop.create_task(self._recover())
        self._ended.set_result(None)

    async def _recover(self) -> None:
        """Do the guard's last work in its place, then say that it is gone."""
        await self._end_adopted()
        for number in tuple(self._exits):
            self._settle(number, signal.SIGKILL)
        if not self._is_closing:
            self._on_guard_lost()

    async def _end_adopted(self) -> None:
        """Kill and reap what the guard has left to us.

        It is told from other children by its session: each that the guard started
        is in another one than ours, and so are its descendants.
        """
        sweep.kill(sweep.freeze(self._find_left))
        deadline = self._loop.time() + _SWEEP_S
        pauses = pauses_s()
        while self._strike() or self._find_left():
            if self._loop.time() > deadline:
                return
            sweep.kill(self._find_left())
            await asyncio.sleep(next(pauses))

    def _strike(self) -> bool:
        """Kill and reap direct children without a pause; return whether any is left.

        The orphans of those come next: this outruns a chain that forks and ends.
        """
        for _ in range(_STRIKES):
            sweep.kill(sweep.adopted_by(os.getpid(), outside=os.getsid(0)))
            if not self._reap_adopted():
                return False
        return True

    def _find_left(self) -> list[ProcessEntry]:
        """Return what the guard had started and still runs."""
        ours = os.getsid(0)
        below = sweep.running_below(os.getpid())
        found = {entry.key: entry for entry in below if entry.sid != ours}
        if sys.platform != "linux":  # pragma: no cover - no subreaper there
            marker = f"{STACK_VARIABLE}={self._stack_id}"
            for entry in sweep.marked(os.fsencode(marker)):
                found[entry.key] = entry
        return list(found.values())

    def _reap_adopted(self) -> bool:
        """Collect the dead that are ours now; return whether any is left."""
        adopted = sweep.adopted_by(os.getpid(), outside=os.getsid(0))
        left = False
        for entry in adopted:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(entry.pid, os.WNOHANG)
                left = left or not pid
                if pid in self._pids:
                    self._settle(self._pids[pid], status)
        return left


def _watch_end(
    loop: asyncio.AbstractEventLoop, pid: int, on_end: Callable[[], None]
) -> Callable[[], None]:
    """Call when the process has ended; return what gives that up.

    The link tells it too, unless something stuck before its exec holds a copy.
    """
    if not hasattr(os, "pidfd_open"):  # macOS, and Pythons made on an old Linux
        return lambda: None
    handle = os.pidfd_open(pid)
    loop.add_reader(handle, on_end)

    def forget() -> None:
        loop.remove_reader(handle)
        os.close(handle)

    return forget


def _encode_environment(env: Mapping[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in env.items()}


def _refuse_impossible(argv: Sequence[str], fds: Mapping[int, int]) -> None:
    """Raise for what only a mistake of ours can ask for."""
    if not argv:
        raise ValueError("a command has no words")
    if len(fds) > MOST_FDS:
        raise ValueError(f"too many descriptors: {len(fds)}")


def _no_guard() -> SceneshiftError:
    return SceneshiftError(
        "nothing can be started: the guard process is gone", hint="start `inv dev` anew"
    )


def _launch_failure(reply: Message, program: str, cwd: Path) -> SceneshiftError:
    """Return the guard's report as an error for people."""
    number = reply["errno"]
    reason = os.strerror(number).lower()
    if reply["stage"] == "cwd":
        return SceneshiftError(
            f"`{program}` cannot run in its folder: {cwd}: {reason}",
            hint="correct `cwd` in [tool.sceneshift.processes]",
        )
    if reply["stage"] == "exec" and number == errno.ENOENT:
        return SceneshiftError(
            f"the command was not found: {program}",
            hint="install it, or correct the Procfile",
        )
    return SceneshiftError(
        f"`{program}` cannot be started: {reason}", hint=_HINTS.get(number)
    )


_HINTS = {
    errno.EACCES: "make it executable: chmod +x",
    errno.ENOEXEC: "its first line should name an interpreter: #!/bin/sh",
    errno.E2BIG: "its environment and arguments are too large: shorten them",
    errno.EMFILE: "allow more open files: ulimit -n 4096",
    errno.EAGAIN: "end some processes, or allow more: ulimit -u",
}
