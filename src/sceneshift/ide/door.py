"""A port that leads to another one of this machine, as long as that is wanted.

Editors' files are committed and name the ports of the main checkout. A linked worktree
has others, and so has whoever sets PORT; no editor can be told so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.holders import find_holder
from sceneshift.core.ports import is_free

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ADDRESS = "127.0.0.1"
_TARGET = "localhost"  # what serves a page may be at ::1 alone
_SIZE = 1 << 16
_PAUSE_S = 0.1
_UNUSED_S = 30.0
# A browser is asked for its address first, by a connection of its own, and on a busy
# machine the next one takes a while.
_GAP_S = 5.0


class Door:
    """A port that others connect to.

    Args:
        port: It.
        target: The port that it leads to.
        root: The project's folder.
        gap_s: Seconds after a connection in which there may be another one.

    Raises:
        SceneshiftError: Another program has the port, and which.
    """

    def __init__(
        self, port: int, target: int, *, root: Path, gap_s: float = _GAP_S
    ) -> None:
        if not is_free(port):
            raise _refuse(port, target, root)
        try:
            self._listener = socket.create_server((_ADDRESS, port))
        except OSError as error:  # somebody was faster
            raise _refuse(port, target, root) from error
        self._target = target
        self._gap_s = gap_s
        self._count = 0
        self._end = time.monotonic() + _UNUSED_S

    @property
    def is_wanted(self) -> bool:
        """Whether anybody is connected, or may soon be for the first time."""
        return self._count > 0 or time.monotonic() < self._end

    def expect(self) -> None:
        """Have it wanted by somebody more, who is about to connect."""
        self._end = max(self._end, time.monotonic() + _UNUSED_S)

    def close(self) -> None:
        """Leave it to another process, which has it too."""
        self._listener.close()

    def serve(self, lives: Callable[[], bool]) -> None:
        """Lead through it, as long as something holds."""
        asyncio.run(self._serve(lives))

    def serve_aside(self, lives: Callable[[], bool]) -> None:
        """Have another process do so, as long as it is wanted and leads anywhere.

        Args:
            lives: Something that has to hold besides.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        # Whoever started this ends with its terminal, maybe before the other has left.
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if os.fork():
            signal.signal(signal.SIGHUP, before)
            self.close()
            return
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        try:
            self.serve(lambda: lives() and self.is_wanted and self._is_answered)
        finally:
            os._exit(0)

    @property
    def _is_answered(self) -> bool:
        return not is_free(self._target)

    async def _serve(self, lives: Callable[[], bool]) -> None:
        server = await asyncio.start_server(self._lead, sock=self._listener)
        try:
            while lives():  # noqa: ASYNC110 - of that nothing tells
                await asyncio.sleep(_PAUSE_S)
        finally:
            server.close()  # and no word of who is connected is waited for

    async def _lead(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Lead one connection; without a word it goes no further.

        Else debugpy would take no other.
        """
        self._count += 1
        try:
            with contextlib.suppress(OSError):
                if first := await reader.read(_SIZE):
                    self._end = 0.0  # from now on as long as somebody is connected
                    await self._exchange(first, reader, writer)
        finally:
            self._count -= 1
            self._end = max(self._end, time.monotonic() + self._gap_s)
            writer.close()

    async def _exchange(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Bring words there and back, until one of both has no more."""
        back, forth = await asyncio.open_connection(_TARGET, self._target)
        forth.write(first)
        ways = (_bring(reader, forth), _bring(back, writer))
        tasks = [asyncio.ensure_future(each) for each in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in tasks:
                each.cancel()
            forth.close()


async def _bring(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while words := await reader.read(_SIZE):
            writer.write(words)
            await writer.drain()


def _refuse(port: int, target: int, root: Path) -> SceneshiftError:
    holder = find_holder(port, root=root)
    hint = "end that program"
    if holder is not None and holder.is_ours:
        hint = "bring the entries up to date: inv ide.generate"
    elif holder is not None and holder.stack is not None:
        hint = "end that stack with `inv dev.stop` there"
    return SceneshiftError(
        f"port {port}, which the entry names, is taken by "
        f"{holder or 'an unknown process'}; in this checkout it is {target}",
        hint=hint,
    )
