"""A GET whose answer may wait for a breakpoint."""

from __future__ import annotations

import contextlib
import re
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sceneshift.ide.dap.client import Client

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LIMIT_S = 2.0


class Call:
    """A request under way; it goes on while its client waits.

    Args:
        client: Whose loop it is part of.
        host: Of the server.
        port: Of the server.
        path: What is asked for.

    Attributes:
        is_over: Whether the answer is complete, or there will be none.
    """

    def __init__(self, client: Client, host: str, port: int, path: str) -> None:
        self.path = path
        self.is_over = False
        self._data = b""
        self._line: socket.socket | None = None
        head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        head += "Accept: */*\r\nConnection: close\r\n\r\n"
        try:
            self._line = socket.create_connection((host, port), timeout=_LIMIT_S)
            self._line.sendall(head.encode())
        except OSError:
            self.is_over = True
            return
        client.watch(self._line, self._read)

    @property
    def status(self) -> int | None:
        """The code of the answer; None where there is none."""
        found = _STATUS.match(self._data)
        return int(found[1]) if found else None

    @property
    def body(self) -> bytes:
        """What came behind the head."""
        return self._data.partition(b"\r\n\r\n")[2]

    def describe(self) -> str:
        """Say what was asked and answered."""
        return f"GET {self.path}: {self.status or 'no answer'}"

    def _read(self) -> bool:
        assert self._line is not None
        data = b""
        with contextlib.suppress(OSError):
            data = self._line.recv(1 << 16)
        self._data += data
        if not data:
            self.is_over = True
            self._line.close()
        return bool(data)
