"""Clients: one that asks until it sees a value, one that asks 200 times a second."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections import Counter
from dataclasses import dataclass, field

_REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
_TIMEOUT_S = 10.0
_PAUSE_S = 0.001
RATE = 200  # requests a second
FAILURES = ("refused", "reset", "timed out", "error")


class NoAnswerError(Exception):
    """A request that got no proper answer; the text says how it failed."""


def parse_answer(data: bytes) -> list[int]:
    """Return the values of an answer.

    Raises:
        NoAnswerError: It is no complete answer with status 200.
    """
    head, _, body = data.partition(b"\r\n\r\n")
    if not head:
        raise NoAnswerError("reset")
    if b" 200 " not in head.splitlines()[0]:
        raise NoAnswerError("error")
    with contextlib.suppress(ValueError):
        # A server that sends it in chunks puts sizes around it.
        return list(json.loads(body[body.index(b"[") : body.rindex(b"]") + 1]))
    raise NoAnswerError("reset")


def ask(port: int) -> list[int]:
    """Ask once, on a connection of its own.

    Raises:
        NoAnswerError: It failed.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), _TIMEOUT_S) as sock:
            sock.sendall(_REQUEST)
            data = b"".join(iter(lambda: sock.recv(1 << 16), b""))
    except OSError as error:
        raise NoAnswerError(_name(error)) from error
    return parse_answer(data)


def await_answer(port: int, value: int, time_s: float) -> float:
    """Ask about a thousand times a second until an answer has a value.

    Returns:
        When that answer was there, on the clock of `time.perf_counter`.

    Raises:
        TimeoutError: None had it in that time.
    """
    deadline = time.perf_counter() + time_s
    while time.perf_counter() < deadline:
        with contextlib.suppress(NoAnswerError):
            if value in ask(port):
                return time.perf_counter()
        time.sleep(_PAUSE_S)
    raise TimeoutError(f"no answer with the new value within {time_s:g} s")


def _name(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    return "timed out" if isinstance(error, TimeoutError) else "reset"


@dataclass(slots=True)
class Clients:
    """Who asks one port, and how it went.

    Attributes:
        port: Where to.
        counts: Outcomes: `ok`, `refused`, `reset`, `timed out`, `error`; and among
            those that are ok `stale`: older than an answer that somebody had before
            the request was sent.
        newest: The highest value that any answer had.
    """

    port: int
    counts: Counter[str] = field(default_factory=Counter)
    newest: int = 0

    @property
    def lost(self) -> int:
        """How many requests got no proper answer."""
        return sum(self.counts[name] for name in FAILURES)

    async def await_value(self, value: int, time_s: float) -> bool:
        """Return whether an answer had a value within so many seconds."""
        for _ in range(int(time_s * RATE)):
            if self.newest >= value:
                return True
            await asyncio.sleep(1 / RATE)
        return False

    def note_answer(self, values: list[int], known: int) -> bool:
        """Count an answer; say whether it is stale.

        Args:
            values: What it has.
            known: The newest value when the request was sent.
        """
        is_stale = max(values) < known
        self.counts["ok"] += 1
        self.counts["stale"] += is_stale
        self.newest = max(self.newest, *values)
        return is_stale

    def note_failure(self, error: Exception) -> str:
        """Count a request that was lost; return how."""
        name = str(error) if isinstance(error, NoAnswerError) else _name(error)
        self.counts[name] += 1
        return name


@dataclass(slots=True)
class Load(Clients):
    """Requests at a steady rate, whether or not earlier ones were answered."""

    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Ask until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            task = loop.create_task(self._ask())
            self._open.add(task)
            task.add_done_callback(self._open.discard)
            due += 1 / RATE
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def finish(self) -> None:
        """Await what is under way."""
        await asyncio.gather(*self._open)

    async def _ask(self) -> None:
        known = self.newest
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                values = parse_answer(await self._fetch())
        except (NoAnswerError, OSError) as error:
            self.note_failure(error)
        else:
            self.note_answer(values, known)

    async def _fetch(self) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(_REQUEST)
            return await reader.read()
        finally:
            writer.close()
