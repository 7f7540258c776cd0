"""A line to a debug adapter: its pipes, or a TCP connection."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import IO, TYPE_CHECKING, Any

from sceneshift.ide.dap.framing import DebugError, Decoder, encode

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from sceneshift.ide.dap.framing import Message

_CHUNK = 1 << 16


class Connection:
    """A line to an adapter.

    Args:
        source: What its messages are read from; is read when it has some.
        target: What ours are written to.
    """

    def __init__(
        self, source: socket.socket | IO[bytes], target: socket.socket | IO[bytes]
    ) -> None:
        self._ends: Sequence[socket.socket | IO[bytes]] = (source, target)
        self._target = target.fileno()
        self._source = source.fileno()
        self._decoder = Decoder()

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._source

    def send(self, message: Message) -> bool:
        """Send a message; return False where nobody takes it any more."""
        data = memoryview(encode(message))
        try:
            while data:
                data = data[os.write(self._target, data) :]
        except OSError:
            return False
        return True

    def receive(self) -> list[Message] | None:
        """Read once, and return the messages that are whole now; None at the end.

        Raises:
            DebugError: The peer speaks something else.
        """
        try:
            data = os.read(self._source, _CHUNK)
        except OSError:
            return None
        return self._decoder.feed(data) if data else None

    def close(self) -> None:
        """Close it; a second time does nothing."""
        for end in self._ends:
            with contextlib.suppress(OSError):  # what is buffered for a dead peer
                end.close()


def open_pipes(process: subprocess.Popen[bytes]) -> Connection:
    """Return the line to an adapter that was started with pipes."""
    assert process.stdin is not None
    assert process.stdout is not None
    return Connection(process.stdout, process.stdin)


def open_tcp(host: str, port: int, *, limit_s: float) -> Connection:
    """Connect to an adapter that listens.

    debugpy takes one connection that is closed again as its only client, and waits for
    it forever (debugpy#974): a port is never tried first.

    Raises:
        DebugError: Nobody does there.
    """
    try:
        line = socket.create_connection((host, port), timeout=limit_s)
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise DebugError(
            f"nothing can be attached to at {host}:{port}: {reason}"
        ) from (exc)
    line.settimeout(None)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(line, line)


def find_address(configuration: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return where an attach configuration connects to; None where it does not.

    Raises:
        DebugError: The port is no number.
    """
    connect = configuration.get("connect")
    if configuration.get("request") != "attach" or not isinstance(connect, dict):
        return None
    host, port = connect.get("host", "127.0.0.1"), connect.get("port")
    if not str(port).isdigit():
        raise DebugError(f"the port to attach to is no number: {port}")
    return str(host), int(str(port))
