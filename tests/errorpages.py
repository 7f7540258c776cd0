"""An error page on a socket, and clients of it."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sceneshift.dev.errorpage import ErrorPage
from sceneshift.dev.failure import ErrorReport, parse_failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

SOURCE = "import os\n\n\ndef greet(name):\n    return '<b>' + nmae\n\n\ngreet('x')\n"


def make_report(folder: Path) -> ErrorReport:
    """A failure in a file with markup in it."""
    (folder / "api.py").write_text(SOURCE)
    text = (
        "Traceback (most recent call last):\n"
        '  File "/usr/lib/python3/runpy.py", line 9, in run\n    exec(code)\n'
        "  File \"api.py\", line 5, in greet\n    return '<b>' + nmae\n"
        "NameError: name '<script>' is not defined\n"
    )
    return parse_failure(text, folder, process="web", since=1_700_000_000.256789)


class Shown:
    """An error page on a socket, and clients of it."""

    def __init__(self, report: ErrorReport, **options: Any) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.page = ErrorPage(self.sock, loop=asyncio.get_running_loop(), **options)
        self.page.show(report)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect as a client."""
        return await asyncio.open_connection(*self.sock.getsockname())

    async def send(
        self, request: bytes, *, is_all: bool = False
    ) -> tuple[dict[str, str], bytes]:
        """Send a request as it is, and that it is all; return the headers and body."""
        reader, writer = await self.connect()
        writer.write(request)
        if is_all:
            writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return split(answer)

    async def get(
        self, accept: str = "*/*", method: str = "GET"
    ) -> tuple[dict[str, str], bytes]:
        """Ask for a media type."""
        return await self.send(
            f"{method} / HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n".encode()
        )


def split(answer: bytes) -> tuple[dict[str, str], bytes]:
    """Split an answer; the status line is the header of no name."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in rest)
    return {"": first, **headers}, body


@asynccontextmanager
async def shown(report: ErrorReport, **options: Any) -> AsyncIterator[Shown]:
    """Show a report, and clean up."""
    page = Shown(report, **options)
    with page.sock:
        yield page
        page.page.close()
        await asyncio.gather(*page.page._clients, return_exceptions=True)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine."""
    asyncio.run(asyncio.wait_for(main, 30))
