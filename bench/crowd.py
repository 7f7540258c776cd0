"""Clients as reloads like them least: many, slow to send, and loath to reconnect."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from bench.requests import Clients, NoAnswerError, parse_answer

_TIMEOUT_S = 30.0
_PAUSES_S = (0.0, 0.001, 0.005, 0.02, 0.1)
_SPLIT_S = 0.03
_BODY_S = 0.002
_BODY = b"x" * 20_000
_CHANGES = 8  # every so many clients, one connects anew each time


@dataclass(slots=True)
class _Line:
    """A connection.

    Attributes:
        reader: Its answers.
        writer: Its requests.
        asked: How many requests it has carried.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    asked: int = 0


@dataclass(slots=True)
class Crowd(Clients):
    """Clients that ask again when they have their answer, and after a pause.

    Half of the requests are sent whole, a tenth in two pieces with time between them,
    the others have a body of 20,000 bytes that comes after the head. To `counts` comes
    `closed`: kept connections that the server closed between two requests.

    Attributes:
        keeps: Whether most clients keep their connections.
        faults: What is to be said of each request that was lost, or stale.
    """

    keeps: bool = False
    faults: list[str] = field(default_factory=list)
    _is_over: bool = False

    async def run(self, count: int) -> None:
        """Ask with so many clients until that is over."""
        await asyncio.gather(
            *(self._visit(keeps=self.keeps and n % _CHANGES > 0) for n in range(count))
        )

    def finish(self) -> None:
        """Let no client ask again."""
        self._is_over = True

    async def _visit(self, *, keeps: bool) -> None:
        line = None
        while not self._is_over:
            await asyncio.sleep(random.choice(_PAUSES_S))  # noqa: S311 - a load
            if line is not None and line.reader.at_eof():
                self.counts["closed"] += 1
                _close(line)
                line = None
            line = await self._ask(line, keeps=keeps)
        _close(line)

    async def _ask(self, line: _Line | None, *, keeps: bool) -> _Line | None:
        """Send one request; return its connection where it can carry another."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                if line is None:
                    line = _Line(*await asyncio.open_connection("127.0.0.1", self.port))
                known = self.newest
                await _send(line.writer, keeps=keeps)
                values = parse_answer(await _receive(line.reader))
        except (NoAnswerError, OSError, asyncio.IncompleteReadError) as error:
            self._tell(self.note_failure(error), line, self.newest)
            _close(line)
            return None
        if self.note_answer(values, known):
            self._tell("stale", line, known)
        line.asked += 1
        if keeps:
            return line
        _close(line)
        return None

    def _tell(self, what: str, line: _Line | None, known: int) -> None:
        asked = "no connection" if line is None else f"request {line.asked + 1} of one"
        self.faults.append(f"{what}: {asked}, when {known} was known")


def _close(line: _Line | None) -> None:
    if line is not None:
        line.writer.close()


async def _send(writer: asyncio.StreamWriter, *, keeps: bool) -> None:
    end = b"Host: 127.0.0.1\r\n" + (b"" if keeps else b"Connection: close\r\n")
    kind = random.random()  # noqa: S311 - a load
    if kind < 0.5:
        writer.write(b"GET / HTTP/1.1\r\n" + end + b"\r\n")
    elif kind < 0.6:
        writer.write(b"GET / HT")
        await asyncio.sleep(random.uniform(0, _SPLIT_S))  # noqa: S311 - a load
        writer.write(b"TP/1.1\r\n" + end + b"\r\n")
    else:
        length = b"Content-Length: %d\r\n" % len(_BODY)
        writer.write(b"POST / HTTP/1.1\r\n" + end + length + b"\r\n")
        await asyncio.sleep(random.choice((0.0, _BODY_S)))  # noqa: S311 - a load
        writer.write(_BODY)
    await writer.drain()


async def _receive(reader: asyncio.StreamReader) -> bytes:
    """Return an answer, whose head tells its length.

    Raises:
        NoAnswerError: It does not.
        asyncio.IncompleteReadError: The connection has ended before it has.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().splitlines():
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return head + await reader.readexactly(int(value))
    raise NoAnswerError("error")
