"""The word from another terminal: a Unix socket of this checkout's stack.

Requests and answers are messages (`core/channel.py`). A request has an `op`; an answer
has `ok`, and with false an `error`, a `hint` and an exit `code`. After the answer to
`follow` come messages with `lines`, until one side goes; the answer to `attach` brings
the terminal's descriptor.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING, Protocol

from sceneshift.core.channel import Decoder, encode
from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.shortage import PAUSE_S, is_shortage

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from sceneshift.core.channel import Message

_MOST_CLIENTS = 64


class Connection:
    """One client."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._sock = sock
        self._loop = loop

    async def send(self, message: Message, fd: int | None = None) -> None:
        """Send a message, with a descriptor where one goes along.

        Raises:
            OSError: The client is gone.
        """
        data = encode(message if fd is None else {**message, "fds": 1})
        if fd is not None:
            sent = socket.send_fds(self._sock, [data], [fd])
            data = data[sent:]
        await self._loop.sock_sendall(self._sock, data)

    async def read(self) -> bytes:
        """Return what the client sent; nothing when it is gone."""
        try:
            return await self._loop.sock_recv(self._sock, 65536)
        except OSError:
            return b""

    async def wait_gone(self) -> None:
        """Return when the client has gone."""
        while await self.read():
            pass


class Handler(Protocol):
    """Who answers."""

    def __call__(self, request: Message, connection: Connection) -> Awaitable[None]:
        """Answer a request by sending one or more messages."""
        ...


class ControlServer:
    """Listens while the stack runs; mode 0600."""

    def __init__(
        self, path: Path, handler: Handler, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Bind the path.

        Whoever makes this holds the lock of the checkout: a socket that lies there is
        left over from a run that was killed.
        """
        self._path = path
        self._handler = handler
        self._loop = loop
        self._clients: set[asyncio.Task[None]] = set()
        self._sock = self._listen()

    def restore(self) -> None:
        """Listen anew where the socket was removed; who is connected stays."""
        if not self._is_in_place():
            former, self._sock = self._sock, self._listen()
            self._stop_listening(former)

    async def close(self) -> None:
        """Answer no more, and remove the socket."""
        if self._is_in_place():
            self._path.unlink()
        self._stop_listening(self._sock)
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _listen(self) -> socket.socket:
        self._path.unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            sock.bind(str(self._path))
        finally:
            os.umask(before)
        self._identity = _identify(self._path)
        sock.listen(_MOST_CLIENTS)
        sock.setblocking(False)
        self._resume(sock)
        return sock

    def _resume(self, sock: socket.socket) -> None:
        if sock.fileno() >= 0:  # else it was closed in the pause
            self._loop.add_reader(sock.fileno(), self._accept, sock)

    def _stop_listening(self, sock: socket.socket) -> None:
        self._loop.remove_reader(sock.fileno())
        sock.close()

    def _is_in_place(self) -> bool:
        return _identify(self._path) == self._identity

    def _accept(self, listening: socket.socket) -> None:
        try:
            sock, _address = listening.accept()
        except OSError as error:
            if is_shortage(error):
                self._loop.remove_reader(listening.fileno())
                self._loop.call_later(PAUSE_S, self._resume, listening)
            return
        sock.setblocking(False)
        client = self._loop.create_task(self._serve(sock))
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    async def _serve(self, sock: socket.socket) -> None:
        connection, decoder = Connection(sock, self._loop), Decoder()
        with contextlib.suppress(OSError), sock:
            while data := await connection.read():
                for request, _fds in decoder.feed(data, []):
                    await self._answer(request, connection)

    async def _answer(self, request: Message, connection: Connection) -> None:
        try:
            await self._handler(request, connection)
        except SceneshiftError as error:
            await connection.send(_refuse(error))
        except OSError:
            raise  # the client is gone
        except Exception as error:
            failed = SceneshiftError(
                f"the stack failed to answer: {error!r}",
                hint="see the output of `inv dev` for the traceback, and report it",
            )
            await connection.send(_refuse(failed))
            raise


def _identify(path: Path) -> tuple[int, int] | None:
    """Tell one socket from another of the same path; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns  # the number alone may come again


def _refuse(error: SceneshiftError) -> Message:
    return {
        "ok": False,
        "error": error.message,
        "hint": error.hint,
        "code": error.exit_code,
    }
