"""What a process of the stack answers, and how long that takes."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass

_STATUS = re.compile(rb"HTTP/1\.[01] (?P<code>\d{3})\b")
_ENOUGH = 64  # bytes that the first line's beginning needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer.

    Attributes:
        is_good: Whether a connection was accepted, or a GET answered by 2xx or 3xx.
        detail: What was asked and answered, for people.
        time_s: Seconds that it took.
    """

    is_good: bool
    detail: str
    time_s: float


def ask(port: int, path: str | None, *, limit_s: float) -> Response:
    """Ask a process of this machine, as its readiness is asked.

    Without a library: this is on the path of a command that is to be quick, and one
    line of HTTP is all that is read.

    Args:
        port: Its port.
        path: What is got; None where a connection will do.
        limit_s: Seconds that it has.
    """
    began = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=limit_s) as sock:
            is_good, detail = (True, "accepts") if path is None else _get(sock, path)
    except OSError as error:
        reason = (error.strerror or str(error) or type(error).__name__).lower()
        is_good, detail = False, reason
    asked = f"port {port}" if path is None else f"GET {path}"
    took_s = time.monotonic() - began
    return Response(is_good=is_good, detail=f"{asked}: {detail}", time_s=took_s)


def _get(sock: socket.socket, path: str) -> tuple[bool, str]:
    host = f"127.0.0.1:{sock.getpeername()[1]}"
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    sock.sendall(request.encode())
    start = b""
    while len(start) < _ENOUGH and (data := sock.recv(_ENOUGH)):
        start += data
    status = _STATUS.match(start)
    if status is None:
        return False, "no HTTP"
    code = int(status["code"])
    return 200 <= code < 400, str(code)
