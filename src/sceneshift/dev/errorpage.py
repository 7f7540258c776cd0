"""The answer on a process's port while it cannot start: 503 with the reason."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sceneshift.dev.errorview import choose_kind, render_views
from sceneshift.dev.shortage import PAUSE_S, is_shortage

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from sceneshift.dev.errorview import ErrorView
    from sceneshift.dev.failure import ErrorReport

_CLIENT_TIME_S = 5.0
_LONGEST_HEAD = 65_536
_MOST_CLIENTS = 100
_LONGEST_BODY = 16 * 1024 * 1024
_CHUNK = 65_536
_MOST_DIGITS = 18  # `int` refuses thousands of them
# The page is our own and everything in it is escaped; this is the second lock.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What is read of a request.

    Attributes:
        method: As it was sent.
        headers: By their names in lower case; the last one of a name.
    """

    method: str
    headers: Mapping[str, str]

    @property
    def body_bytes(self) -> int:
        """How much follows the head; as much as is read at most where it is unsaid."""
        if "transfer-encoding" in self.headers:
            return _LONGEST_BODY
        length = self.headers.get("content-length", "0")
        if not length.isdecimal():
            return 0
        return min(int(length[:_MOST_DIGITS]), _LONGEST_BODY)


class ErrorPage:
    """Answers for a process that cannot start, on the listening socket held for it."""

    def __init__(
        self,
        sock: socket.socket,
        *,
        loop: asyncio.AbstractEventLoop,
        client_time_s: float = _CLIENT_TIME_S,
        most_clients: int = _MOST_CLIENTS,
    ) -> None:
        """Prepare; nothing is accepted before `show`.

        Args:
            sock: Listens; stays open and belongs to the caller.
            loop: The event loop of the supervisor.
            client_time_s: Seconds in which a client has to send and to read.
            most_clients: How many are answered at once; more wait in the queue.
        """
        self._sock = sock
        self._loop = loop
        self._client_time_s = client_time_s
        self._most_clients = most_clients
        self._view: ErrorView | None = None
        self._was_blocking = True
        self._clients: set[asyncio.Task[None]] = set()

    def show(self, report: ErrorReport) -> None:
        """Answer with `report` from now on."""
        is_new = self._view is None
        self._view = render_views(report)
        if is_new:
            # The flag is shared with every process that has the socket, so it is put
            # back before the next one accepts.
            self._was_blocking = os.get_blocking(self._sock.fileno())
            os.set_blocking(self._sock.fileno(), False)
            self._listen()

    def hide(self) -> None:
        """Stop accepting at once; who waits is left to the process."""
        if self._view is not None:
            self._view = None
            self._loop.remove_reader(self._sock.fileno())
            os.set_blocking(self._sock.fileno(), self._was_blocking)

    def close(self) -> None:
        """Stop accepting, and drop who is not yet answered."""
        self.hide()
        for client in tuple(self._clients):
            client.cancel()

    def _listen(self) -> None:
        """Accept where there is room for one more."""
        if self._view is not None and len(self._clients) < self._most_clients:
            self._loop.add_reader(self._sock.fileno(), self._accept)

    def _accept(self) -> None:
        """Take one client; the loop calls again while others wait."""
        if self._view is None:
            return  # hidden between the news of a client and now
        try:
            connection, _ = self._sock.accept()
        except OSError as error:  # else it went away
            if is_shortage(error):
                self._loop.remove_reader(self._sock.fileno())
                self._loop.call_later(PAUSE_S, self._listen)
            return
        connection.setblocking(False)
        client = self._loop.create_task(self._serve(connection, self._view))
        self._clients.add(client)
        client.add_done_callback(self._forget)
        if len(self._clients) >= self._most_clients:
            self._loop.remove_reader(self._sock.fileno())

    def _forget(self, client: asyncio.Task[None]) -> None:
        """Make room for another client."""
        self._clients.discard(client)
        self._listen()

    async def _serve(self, connection: socket.socket, view: ErrorView) -> None:
        """Answer one client, however slow or broken it is."""
        with contextlib.suppress(OSError, EOFError, TimeoutError), connection:
            async with asyncio.timeout(self._client_time_s):
                await _answer(connection, view)


async def _answer(connection: socket.socket, view: ErrorView) -> None:
    """Read a request, write the answer, and see the client read it."""
    reader, writer = await asyncio.open_connection(sock=connection, limit=_LONGEST_HEAD)
    try:
        request = await _read_request(reader)
        writer.write(_render_answer(request, view))
        await writer.drain()
        if request.body_bytes:
            # A connection closed with something unread is reset, and the client may
            # then lose the answer: so its body is read, after the answer was sent.
            writer.write_eof()
            await _drop(reader, request.body_bytes)
        writer.close()
        await writer.wait_closed()
    finally:
        # Closing waits for a client that does not read; after the time is up, no more.
        writer.transport.abort()


async def _read_request(reader: asyncio.StreamReader) -> _Request:
    """Read the head of a request; what is no HTTP is taken as a plain GET."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        return _Request(method="GET", headers={"content-length": str(_LONGEST_BODY)})
    first, *rest = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in rest)
    return _Request(
        method=first.partition(" ")[0],
        headers={name.strip().lower(): value.strip() for name, _, value in pairs},
    )


def _render_answer(request: _Request, view: ErrorView) -> bytes:
    """Write the head and, unless it was a HEAD, the body."""
    kind = choose_kind(request.headers.get("accept", ""))
    body = view.bodies[kind]
    head = (
        "HTTP/1.1 503 Service Unavailable\r\n"
        f"Content-Type: {kind}; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Retry-After: 1\r\n"
        "Cache-Control: no-store\r\n"
        "Vary: Accept\r\n"
        f"ETag: {view.tag}\r\n"
        "X-Sceneshift-Error: 1\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        f"Content-Security-Policy: {_POLICY}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (b"" if request.method == "HEAD" else body)


async def _drop(reader: asyncio.StreamReader, size: int) -> None:
    """Read `size` bytes or to the end."""
    while size > 0 and (chunk := await reader.read(_CHUNK)):
        size -= len(chunk)
