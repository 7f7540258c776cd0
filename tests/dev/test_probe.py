"""Readiness by HTTP, TCP, command and log line."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import ConfigError
from sceneshift.dev.clock import Clock
from sceneshift.dev.model import CommandProbe, HttpProbe, TcpProbe
from sceneshift.dev.oneshot import run_to_end
from sceneshift.dev.probe import (
    Askable,
    ProbeResult,
    ProbeTarget,
    ProbeTimes,
    check_once,
    wait_ready,
)
from spawning import PlainSpawner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

QUICK = ProbeTimes(first_interval_s=0.001, interval_s=0.01, attempt_timeout_s=0.2)


class Answering:
    """A server that says the same to everyone, byte for byte."""

    def __init__(self, answer: bytes, *, host: str = "127.0.0.1") -> None:
        self.answer = answer
        self.host = host
        self.requests: list[bytes] = []
        self.talks: list[asyncio.Task[None]] = []
        self.port = 0

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Listen on a free port."""
        server = await asyncio.start_server(self._talk, self.host, 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield
        await asyncio.gather(*self.talks)

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.talks.append(task)
        self.requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answer)
        with contextlib.suppress(OSError):
            await writer.drain()
            if not self.answer:
                await reader.read()
            writer.close()
            await writer.wait_closed()


def target(port: int | None = None, cwd: Path = Path("/")) -> ProbeTarget:
    """Whom the probe asks."""
    return ProbeTarget(port=port, env={"PATH": os.environ["PATH"]}, cwd=cwd)


RUN = functools.partial(run_to_end, spawn=PlainSpawner())


async def ask(
    probe: Askable, whom: ProbeTarget, times: ProbeTimes | None = None
) -> ProbeResult:
    """Ask once."""
    return await check_once(probe, whom, run_command=RUN, times=times)


def ask_http(answer: bytes, path: str = "/health") -> tuple[ProbeResult, bytes]:
    """Ask a server that answers so; return what it was sent, too."""
    server = Answering(answer)

    async def talk() -> ProbeResult:
        async with server.serve():
            return await ask(HttpProbe(path=path), target(server.port), times=QUICK)

    result = asyncio.run(talk())
    return result, server.requests[0]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


@pytest.mark.parametrize("status", [200, 204, 301, 399])
def test_http_is_ready_with_2xx_and_3xx(status: int) -> None:
    """A redirect, say to a login page, is an answer of a working application."""
    result, _ = ask_http(b"HTTP/1.1 %d Fine\r\n\r\nbody" % status)
    assert result.ok
    assert result.detail == f"GET /health: {status}"


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_http_is_not_ready_with_an_error(status: int) -> None:
    """An error says that the application is not there yet."""
    result, _ = ask_http(b"HTTP/1.0 %d\r\n\r\n" % status)
    assert not result.ok
    assert result.detail == f"GET /health: {status}"


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH_9\r\n", b"\r\n", b"HTTP/1.1 two\r\n", b"x" * 200_000],
    ids=["ssh", "nothing", "no number", "endless line"],
)
def test_http_is_not_ready_with_garbage(answer: bytes) -> None:
    """What speaks another protocol is not the application."""
    result, _ = ask_http(answer)
    assert not result.ok
    assert "no HTTP" in result.detail or "reset" in result.detail


def test_http_waits_for_the_final_answer() -> None:
    """Informational answers come before the one that counts."""
    result, _ = ask_http(
        b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
    )
    assert result.ok


def test_http_cuts_a_huge_answer() -> None:
    """The status is enough: megabytes of a body are not read."""
    result, _ = ask_http(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000_000)
    assert result.ok


def test_http_asks_in_order() -> None:
    """The request is HTTP/1.1, closes, and names who asks."""
    _, request = ask_http(b"HTTP/1.1 200 OK\r\n\r\n", "health check?deep=1")
    lines = request.decode().split("\r\n")
    assert lines[0] == "GET /health%20check?deep=1 HTTP/1.1"
    assert re.fullmatch(r"Host: localhost:\d+", lines[1])
    assert "User-Agent: sceneshift" in lines
    assert "Connection: close" in lines


def test_http_path_cannot_add_a_header() -> None:
    """A line break in a configured path stays in the path."""
    _, request = ask_http(b"HTTP/1.1 200 OK\r\n\r\n", "/a\r\nX-Evil: 1")
    assert b"\r\nX-Evil" not in request


def test_a_hanging_server_is_not_ready() -> None:
    """An answer that does not come in time is none."""
    result, _ = ask_http(b"")
    assert not result.ok
    assert result.detail == "GET /health: no answer within 0.2 s"


def test_a_server_on_ipv6_alone_is_found() -> None:
    """Servers that bind `localhost` may be on `::1` only."""
    server = Answering(b"HTTP/1.1 200 OK\r\n\r\n", host="::1")

    async def talk() -> ProbeResult:
        async with server.serve():
            return await ask(HttpProbe(path="/"), target(server.port))

    try:
        assert asyncio.run(talk()).ok
    except OSError as error:  # pragma: no cover - a machine without IPv6
        pytest.skip(f"no IPv6: {error}")


def test_nobody_on_the_port_is_not_ready() -> None:
    """A refused connection is the usual answer at the start."""
    result = asyncio.run(ask(TcpProbe(), target(port := free_port())))
    assert not result.ok
    assert result.is_absent
    assert result.detail.startswith(f"port {port}: ")


def test_tcp_is_ready_when_the_port_accepts() -> None:
    """A connection is enough."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = asyncio.run(ask(TcpProbe(), target(port)))
    assert result.ok
    assert result.detail == f"port {port}: accepts connections"


@pytest.mark.parametrize("probe", [TcpProbe(), HttpProbe(path="/")])
def test_a_port_probe_needs_a_port(probe: Askable) -> None:
    """A process without a port cannot be asked on it."""
    with pytest.raises(ConfigError, match="without a port"):
        asyncio.run(ask(probe, target()))


@pytest.mark.parametrize(("command", "ok"), [("test -d .", True), ("exit 3", False)])
def test_a_command_is_ready_with_exit_code_0(
    command: str, *, ok: bool, tmp_path: Path
) -> None:
    """The exit code says it."""
    probe = CommandProbe(command=command)
    result = asyncio.run(ask(probe, target(cwd=tmp_path)))
    assert result.ok is ok
    assert result.detail == f"`{command}`: exit code {0 if ok else 3}"


def test_a_hanging_command_is_ended(tmp_path: Path) -> None:
    """An attempt that takes too long leaves no command behind."""
    spawner = PlainSpawner()
    run = functools.partial(run_to_end, spawn=spawner)

    async def attempt() -> ProbeResult:
        probe = CommandProbe(command="sleep 600")
        whom = target(cwd=tmp_path)
        result = await check_once(probe, whom, run_command=run, times=QUICK)
        assert spawner.children[0].exited.done()
        return result

    assert not asyncio.run(attempt()).ok


def test_waits_until_the_probe_is_ready(tmp_path: Path) -> None:
    """It asks again and again, and tells each result."""
    results: list[ProbeResult] = []

    def tell(result: ProbeResult) -> None:
        results.append(result)
        if len(results) == 3:
            (tmp_path / "up").touch()

    asyncio.run(
        wait_ready(
            CommandProbe(command="test -e up"),
            target(cwd=tmp_path),
            run_command=RUN,
            on_result=tell,
        )
    )
    assert [result.ok for result in results] == [False, False, False, True]


def test_an_absent_process_is_asked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses are a part of the time until then; who answers has longer ones."""
    pauses: list[float] = []
    now = 0.0
    answers = [*["absent"] * 3, *["late"] * 3, "ready"]

    async def sleep(pause_s: float) -> None:
        nonlocal now
        pauses.append(round(pause_s, 3))
        now += 1.0

    async def check_once(*_: object, **__: object) -> ProbeResult:
        answer = answers.pop(0)
        is_ok, is_absent = answer == "ready", answer == "absent"
        return ProbeResult(ok=is_ok, detail=answer, is_absent=is_absent)

    async def use() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
        await wait_ready(TcpProbe(), target(1), run_command=RUN)

    monkeypatch.setattr("sceneshift.dev.probe.asyncio.sleep", sleep)
    monkeypatch.setattr("sceneshift.dev.probe.check_once", check_once)
    asyncio.run(use())
    assert pauses == [0.02, 0.05, 0.1, 0.02, 0.032, 0.051]


def test_who_stands_at_a_breakpoint_is_asked_nothing() -> None:
    """Each question might be one more that stops there; the last has time, too."""

    async def use() -> None:
        clock, asked = Clock(), asyncio.Queue[None]()
        answer = asyncio.Event()

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.put_nowait(None)
            clock.stop()
            await answer.wait()
            writer.write(b"HTTP/1.1 503 no\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            whom = target(server.sockets[0].getsockname()[1])
            times = ProbeTimes(first_interval_s=0.0, attempt_timeout_s=0.5)
            waits = asyncio.ensure_future(
                wait_ready(
                    HttpProbe(path="/"),
                    whom,
                    run_command=RUN,
                    times=times,
                    on_result=lambda _: told.set(),
                    clock=clock,
                )
            )
            told = asyncio.Event()
            await asked.get()
            answer.set()
            await told.wait()
            for _ in range(10):  # of the loop: it would ask at once
                await asyncio.sleep(0)
            assert asked.empty()
            clock.go()
            await asked.get()
            waits.cancel()

    asyncio.run(use())


def test_a_ready_process_is_asked_once() -> None:
    """The first attempt comes at once and is enough."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        whom = target(server.getsockname()[1])
        asyncio.run(wait_ready(TcpProbe(), whom, run_command=RUN))
