"""Is a process ready? Asked by HTTP, TCP or a command."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from sceneshift.core.errors import ConfigError
from sceneshift.dev.clock import Clock
from sceneshift.dev.model import CommandProbe, HttpProbe, TcpProbe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

# IPv4 first; servers that bind `localhost` may be on IPv6 alone (Node does so).
_HOSTS = ("127.0.0.1", "::1")
_FIRST_INTERVAL_S = 0.02
_GROWTH = 1.6
# An attempt that meets nobody costs next to nothing and is in no log: so long after the
# begin of accepting it is noticed at the latest, as a part of the time until then.
_LAG = 0.05
_LONGEST_LINE = 65_536
# What is read of an answer whose status is known, so that small ones end in order and
# the server does not log a reset.
_REST_BYTES = 65_536
_REST_TIME_S = 0.1
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})(?: |\r|\n)")

Askable = HttpProbe | TcpProbe | CommandProbe


class RunCommand(Protocol):
    """What runs a probe's command; cancelled, it ends the command."""

    async def __call__(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path
    ) -> int:
        """Run `argv` to its end and return its exit code."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTarget:
    """Whom a probe asks.

    Attributes:
        port: The process's port; None where it has none.
        env: The process's environment, for a probe's command.
        cwd: Where the process runs, for a probe's command.
    """

    port: int | None
    env: Mapping[str, str]
    cwd: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTimes:
    """How often a probe asks, and how long it waits for an answer.

    Attributes:
        first_interval_s: Seconds between the first two attempts; it grows from there,
            slowly while nobody is there to answer.
        interval_s: The longest pause between two attempts.
        attempt_timeout_s: An attempt that takes longer has failed.
    """

    first_interval_s: float = _FIRST_INTERVAL_S
    interval_s: float = 0.25
    attempt_timeout_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What one attempt showed.

    Attributes:
        ok: Whether the process is ready.
        detail: What it answered, for people: `GET /health: 503`.
        is_absent: Whether nobody was there to answer.
    """

    ok: bool
    detail: str
    is_absent: bool = False


_DEFAULT_TIMES = ProbeTimes()
# A command costs processes, and often an interpreter, every time.
_COMMAND_TIMES = ProbeTimes(interval_s=1.0, attempt_timeout_s=10.0)


async def wait_ready(  # noqa: PLR0913 - options, each by its name
    probe: Askable,
    target: ProbeTarget,
    *,
    run_command: RunCommand,
    times: ProbeTimes | None = None,
    on_result: Callable[[ProbeResult], None] | None = None,
    clock: Clock | None = None,
) -> None:
    """Return when `probe` finds the process ready; cancel it where that ends.

    Args:
        probe: How readiness is told.
        target: Whom it asks.
        run_command: What runs a probe's command.
        times: Other intervals than the usual ones.
        on_result: Takes each attempt's result, to say what is still waited for.
        clock: The process's own: who stands at a breakpoint is asked nothing.

    Raises:
        ConfigError: The probe asks a port and the process has none.
    """
    times = times or _usual_times(probe)
    clock = clock or Clock()
    interval_s, began = times.first_interval_s, clock.time()
    while True:
        await clock.going()
        result = await check_once(
            probe, target, run_command=run_command, times=times, limit=clock.limit
        )
        if on_result is not None:
            on_result(result)
        if result.ok:
            return
        if result.is_absent:
            lag_s = max(times.first_interval_s, (clock.time() - began) * _LAG)
            await asyncio.sleep(min(lag_s, times.interval_s))
        else:
            await asyncio.sleep(interval_s)
            interval_s = min(interval_s * _GROWTH, times.interval_s)


async def check_once(
    probe: Askable,
    target: ProbeTarget,
    *,
    run_command: RunCommand,
    times: ProbeTimes | None = None,
    limit: Callable[[float], AbstractAsyncContextManager[object]] = asyncio.timeout,
) -> ProbeResult:
    """Ask once.

    Args:
        probe: How readiness is told.
        target: Whom it asks.
        run_command: What runs a probe's command.
        times: Other limits than the usual ones.
        limit: What counts the seconds of an attempt.

    Raises:
        ConfigError: The probe asks a port and the process has none.
    """
    limit_s = (times or _usual_times(probe)).attempt_timeout_s
    is_absent = False
    try:
        async with limit(limit_s):
            ok, answer = await _ask(probe, target, run_command)
    except TimeoutError:
        ok, answer = False, f"no answer within {limit_s:g} s"
    except OSError as error:
        ok, answer = False, error.strerror or str(error)
        is_absent = isinstance(error, ConnectionRefusedError)
    detail = f"{_describe(probe, target)}: {answer}"
    return ProbeResult(ok=ok, detail=detail, is_absent=is_absent)


def _usual_times(probe: Askable) -> ProbeTimes:
    """How often and how long that kind of probe asks."""
    return _COMMAND_TIMES if isinstance(probe, CommandProbe) else _DEFAULT_TIMES


def _describe(probe: Askable, target: ProbeTarget) -> str:
    """Name what is asked."""
    match probe:
        case HttpProbe(path=path):
            return f"GET {path}"
        case TcpProbe():
            return f"port {target.port}"
        case CommandProbe(command=command):
            return f"`{command}`"


async def _ask(
    probe: Askable, target: ProbeTarget, run_command: RunCommand
) -> tuple[bool, str]:
    """Ask, and return whether the process is ready and what it answered."""
    match probe:
        case HttpProbe(path=path):
            return await _ask_http(path, _get_port(target))
        case TcpProbe():
            _, writer = await _connect(_get_port(target))
            await _close(writer)
            return True, "accepts connections"
        case CommandProbe(command=command):
            argv = ("/bin/sh", "-c", command)
            code = await run_command(argv, env=target.env, cwd=target.cwd)
            return code == 0, f"exit code {code}"


def _get_port(target: ProbeTarget) -> int:
    """Return the port, which such a probe needs."""
    if target.port is None:
        raise ConfigError(
            "a probe by HTTP or TCP is set for a process without a port",
            hint="give the process a port, or a probe by command or log line",
        )
    return target.port


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to this machine's `port`; raise the first address's error."""
    first: OSError | None = None
    for host in _HOSTS:
        try:
            return await asyncio.open_connection(host, port, limit=_LONGEST_LINE)
        except OSError as error:
            first = first or error
    assert first is not None  # there are hosts
    raise first


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close the connection, whatever its other end did."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _ask_http(path: str, port: int) -> tuple[bool, str]:
    """GET `path`; ready is 2xx and 3xx."""
    reader, writer = await _connect(port)
    try:
        writer.write(_render_request(path, port))
        status = await _read_status(reader)
        await _read_rest(reader)
    except ValueError:
        return False, "the answer is no HTTP"
    finally:
        writer.close()
    return 200 <= status < 400, str(status)


def _render_request(path: str, port: int) -> bytes:
    """Write the request; whatever the path holds, it stays within its line."""
    target = quote("/" + path.removeprefix("/"), safe="/?&=%:@!$'()*+,;~-._")
    # `localhost`, because host checks of development servers let it in.
    return (
        f"GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: */*\r\n"
        "User-Agent: sceneshift\r\nConnection: close\r\n\r\n"
    ).encode()


async def _read_status(reader: asyncio.StreamReader) -> int:
    """Return the status of the final answer; raise ValueError where it is no HTTP."""
    while True:
        match = _STATUS.match(await reader.readline())
        if match is None:
            raise ValueError
        status = int(match[1])
        if status >= 200:
            return status
        # 1xx: informational, such as early hints; the answer comes after its headers.
        while (await reader.readline()).strip():
            pass


async def _read_rest(reader: asyncio.StreamReader) -> None:
    """Read what follows the status, up to a limit: an endless answer is left."""
    with contextlib.suppress(OSError, EOFError, TimeoutError):
        async with asyncio.timeout(_REST_TIME_S):
            await reader.readexactly(_REST_BYTES)
