"""What editors attach to: a process beside each program that is debugged.

It stays while the program is reloaded, and has debugpy's adapter listen at the port
that the editor's files name. Whether it listens is said by itself: a connection that
is closed again, as a probe's, has debugpy 1.8 take no other (debugpy #1308).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.guard.stop import stop_session
from sceneshift.dev.output import PipeReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.core.channel import Message
    from sceneshift.core.program import PythonProgram
    from sceneshift.dev.guard.child import Child
    from sceneshift.dev.guard.spawner import Spawner
    from sceneshift.dev.output import Gate, ProcessStream

_SCRIPT = Path(__file__).parents[1] / "zygote" / "anchor.py"
_START_S = 15.0
_STOP_S = 1.0
# An editor that does not take subprocesses would hold up each of them for ever.
_ANSWER_S = 5.0
_FREE = (3, 12)  # from there on tracing costs next to nothing where nobody stops


class Anchors:
    """All of a stack, by port; several users may have one, as an old and a new code.

    Args:
        loop: The event loop.
        spawner: Starts them.
        gate: What readers of output ask before they read more.
        control: The socket by which programs are heard of without an agent.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        spawner: Spawner,
        gate: Gate,
        control: Path | None = None,
    ) -> None:
        self._loop = loop
        self._spawner = spawner
        self._gate = gate
        self._control = None if control is None else str(control)
        self._anchors: dict[int, _Anchor] = {}
        self._users: dict[object, int] = {}
        self._starting: dict[int, asyncio.Lock] = {}
        self._is_said = False

    def find(self, port: int | None) -> Message | None:
        """Return what a program is told of the one that listens at a port."""
        anchor = None if port is None else self._anchors.get(port)
        if anchor is None or anchor.is_gone:
            return None
        return {**anchor.words, "control": self._control}

    async def raise_for(
        self, user: object, program: PythonProgram, stream: ProcessStream
    ) -> None:
        """Have one for a program that is debugged; what is in the way is said.

        Args:
            user: Who wants it; it has one at a time.
            program: Its interpreter, folder and environment.
            stream: Where is said what is to be said.
        """
        port = program.debug_port
        if self._users.get(user, port) != port:
            await self.leave(user)
        if port is None:
            return
        self._users[user] = port
        async with self._starting.setdefault(port, asyncio.Lock()):
            if self.find(port) is None:
                try:
                    await self._start(port, program, stream)
                except SceneshiftError as error:
                    text = f"no debugger at port {port}: {error.message}"
                    stream.note(text, time.time())

    async def _start(
        self, port: int, program: PythonProgram, stream: ProcessStream
    ) -> None:
        former = self._anchors.pop(port, None)
        if former is not None:
            await former.stop()  # its adapter may be there still, with the port
        anchor = _Anchor(self._loop)
        self._anchors[port] = anchor
        await anchor.start(port, program, stream, self._spawner, self._gate)
        stream.note(f"debugger: 127.0.0.1:{port}", time.time())
        anchor.call_when_gone(lambda: _note_loss(port, stream))
        python = tuple(anchor.words["python"])
        if python < _FREE and not self._is_said:
            self._is_said = True
            version = ".".join(map(str, python))
            text = f"Python {version} computes 4 to 10 times slower with a debugger"
            text += ", also while nobody is attached; 3.12 and later do not"
            stream.note(text, time.time())

    async def leave(self, user: object) -> None:
        """Have a user less; what nobody uses ends."""
        port = self._users.pop(user, None)
        if port is not None and port not in self._users.values():
            anchor = self._anchors.pop(port, None)
            if anchor is not None:
                await anchor.stop()


def _note_loss(port: int, stream: ProcessStream) -> None:
    text = f"the debugger at port {port} is gone: the next start has another"
    stream.note(text, time.time())


class _Anchor:
    """One process with its adapter.

    Attributes:
        words: What it has said of itself.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._line: socket.socket | None = None
        self._reader: PipeReader | None = None
        self._child: Child | None = None
        self._is_wanted = True
        self.words: Message = {}

    @property
    def is_gone(self) -> bool:
        """Whether it listens no more, or not yet."""
        return not self.words or self._child is None or self._child.exited.done()

    async def start(
        self,
        port: int,
        program: PythonProgram,
        stream: ProcessStream,
        spawner: Spawner,
        gate: Gate,
    ) -> None:
        """Start it, and return when an editor may attach.

        Raises:
            SceneshiftError: It does not come up, and why.
        """
        reading, writing = os.pipe()
        source = stream.source()
        self._reader = PipeReader(reading, source, loop=self._loop, gate=gate)
        self._line, theirs = socket.socketpair()
        self._line.setblocking(False)
        try:
            with theirs:
                self._child = await spawner.spawn(
                    [program.interpreter, str(_SCRIPT), str(port)],
                    env=program.debugged_env,
                    cwd=program.cwd,
                    fds={1: writing, 2: writing, 3: theirs.fileno()},
                )
        finally:
            os.close(writing)
        words = await self._hear(self._line)
        if "error" in words:
            await self.stop()
            raise SceneshiftError(words["error"], hint="see: inv dev.logs")
        self.words = {**words, "time_s": _ANSWER_S}

    def call_when_gone(self, tell: Callable[[], None]) -> None:
        """Call something once if it ends unasked."""

        def end(done: asyncio.Future[int]) -> None:
            if self._is_wanted and not done.cancelled():
                tell()

        assert self._child is not None
        self._child.exited.add_done_callback(end)

    async def _hear(self, line: socket.socket) -> Message:
        """Return its one line; where it ends without, it has said why as output."""
        said = b""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_START_S):
                while not said.endswith(b"\n"):
                    part = await self._loop.sock_recv(line, 4096)
                    if not part:
                        break
                    said += part
        if not said.endswith(b"\n"):
            return {"error": "debugpy did not start"}
        words: Message = json.loads(said)
        return words

    async def stop(self) -> None:
        """End it and its adapter, which has a session of its own."""
        self._is_wanted = False
        if self._line is not None:
            self._line.close()
        if self._child is not None:
            await stop_session(self._child, number=signal.SIGKILL, time_s=_STOP_S)
        if self._reader is not None:
            self._reader.drain()
            self._reader.close()
