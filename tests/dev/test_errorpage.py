"""The answer on a port while its process cannot start."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.dev.errorpage import ErrorPage, ErrorReport, parse_failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

SOURCE = "import os\n\n\ndef greet(name):\n    return '<b>' + nmae\n\n\ngreet('x')\n"


@pytest.fixture
def report(tmp_path: Path) -> ErrorReport:
    """A failure in a file with markup in it."""
    (tmp_path / "api.py").write_text(SOURCE)
    text = (
        "Traceback (most recent call last):\n"
        '  File "/usr/lib/python3/runpy.py", line 9, in run\n    exec(code)\n'
        "  File \"api.py\", line 5, in greet\n    return '<b>' + nmae\n"
        "NameError: name '<script>' is not defined\n"
    )
    return parse_failure(text, tmp_path, process="web", since=1_700_000_000.0)


class Shown:
    """An error page on a socket, and clients of it."""

    def __init__(self, report: ErrorReport, **options: Any) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.page = ErrorPage(self.sock, loop=asyncio.get_running_loop(), **options)
        self.page.show(report)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect as a client."""
        return await asyncio.open_connection(*self.sock.getsockname())

    async def send(self, request: bytes) -> tuple[dict[str, str], bytes]:
        """Send a request as it is; return the answer's headers and body."""
        reader, writer = await self.connect()
        writer.write(request)
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


def test_a_browser_gets_a_page(report: ErrorReport) -> None:
    """The page shows what, where, the source and the traceback, all escaped."""

    async def main() -> None:
        async with shown(report) as page:
            headers, body = await page.get("text/html,application/xml;q=0.9,*/*;q=0.8")
        assert headers[""] == "HTTP/1.1 503 Service Unavailable"
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert int(headers["Content-Length"]) == len(body)
        text = body.decode()
        assert "NameError: name &#x27;&lt;script&gt;&#x27; is not defined" in text
        assert "<code>api.py:5</code>" in text
        assert f'data-path="{report.root}/api.py:5"' in text
        assert '<span class="here"><i>5</i>    return &#x27;&lt;b&gt;&#x27;' in text
        assert '<span class="library">  File' in text
        assert '<span class="own">  File' in text
        assert "<b>&#x27;" not in text
        assert f'const mine = "{headers["ETag"]}"' in text
        assert "http://" not in text
        assert "https://" not in text

    run(main())


def test_the_answer_is_marked_and_never_kept(report: ErrorReport) -> None:
    """Clients see whose answer it is, when to come again, and store nothing."""

    async def main() -> None:
        async with shown(report) as page:
            headers, _ = await page.get()
        assert headers["X-Sceneshift-Error"] == "1"
        assert headers["Retry-After"] == "1"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Connection"] == "close"

    run(main())


def test_a_program_gets_json(report: ErrorReport) -> None:
    """Who asks for JSON can read the parts."""

    async def main() -> None:
        async with shown(report) as page:
            headers, body = await page.get("application/json, text/plain, */*")
        assert headers["Content-Type"].startswith("application/json")
        assert json.loads(body) == {
            "error": {
                "process": "web",
                "headline": report.headline,
                "file": str(report.file),
                "line": 5,
                "traceback": report.text,
                "since": "2023-11-14T22:13:20+00:00",
            }
        }

    run(main())


def test_a_terminal_gets_text(report: ErrorReport) -> None:
    """Who asks for nothing special gets plain text."""

    async def main() -> None:
        async with shown(report) as page:
            headers, body = await page.get()
        assert headers["Content-Type"].startswith("text/plain")
        first, _, rest = body.decode().partition("\n\n")
        assert first == f"web could not start: api.py:5: {report.headline}"
        assert rest == report.text + "\n"

    run(main())


def test_a_failure_without_a_place_has_a_page(tmp_path: Path) -> None:
    """Words that are no traceback are shown as they are."""

    async def main() -> None:
        report = parse_failure("sh: 1: foo: not found", tmp_path, process="web")
        async with shown(report) as page:
            _, html = await page.get("text/html")
            _, body = await page.get("application/json")
        assert b"<h2>Output</h2>" in html
        assert b'class="place"' not in html.replace(b"{", b"")
        assert json.loads(body)["error"]["file"] is None

    run(main())


def test_head_gets_the_head(report: ErrorReport) -> None:
    """A HEAD is answered as a GET is, without its body."""

    async def main() -> None:
        async with shown(report) as page:
            headers, body = await page.get(method="HEAD")
            wanted, _ = await page.get()
        assert body == b""
        assert headers == wanted

    run(main())


@pytest.mark.parametrize(
    "framing", ["Content-Length: 3000000", "Transfer-Encoding: chunked"]
)
def test_who_posts_a_lot_sees_the_answer(framing: str, report: ErrorReport) -> None:
    """The body is read before the connection is closed, so nothing is reset."""

    async def main() -> None:
        async with shown(report) as page:
            head = f"POST /upload HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode()
            reader, writer = await page.connect()
            writer.write(head)
            for _ in range(300):
                writer.write(b"x" * 10_000)
                await writer.drain()
            writer.write_eof()
            headers, body = split(await reader.read())
            writer.close()
            await writer.wait_closed()
        assert "503" in headers[""]
        assert report.headline in body.decode()

    run(main())


def test_a_length_that_is_no_number_is_no_body(report: ErrorReport) -> None:
    """Nonsense in the head does not hold up the answer."""

    async def main() -> None:
        async with shown(report) as page:
            headers, _ = await page.send(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
        assert "503" in headers[""]

    run(main())


def test_an_endless_head_is_answered(report: ErrorReport) -> None:
    """More than 64 KiB of head are not kept."""

    async def main() -> None:
        async with shown(report) as page:
            reader, writer = await page.connect()
            writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000)
            writer.write_eof()
            headers, _ = split(await reader.read())
            writer.close()
            await writer.wait_closed()
        assert "503" in headers[""]

    run(main())


def test_a_silent_client_is_let_go(report: ErrorReport) -> None:
    """A client has its time, and then no more."""

    async def main() -> None:
        async with shown(report, client_time_s=0.05) as page:
            reader, writer = await page.connect()
            writer.write(b"GET / HT")
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

    run(main())


def test_a_client_that_hangs_up_harms_nobody(report: ErrorReport) -> None:
    """A reset before, or an end within, a request is the client's own affair."""

    async def main() -> None:
        async with shown(report) as page:
            raw = socket.create_connection(page.sock.getsockname())
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()
            socket.create_connection(page.sock.getsockname()).close()
            headers, _ = await page.get()
        assert "503" in headers[""]

    run(main())


def test_a_connection_that_another_took_is_no_error(report: ErrorReport) -> None:
    """Between the news of a client and the accept somebody else may be quicker."""

    async def main() -> None:
        async with shown(report) as page:
            page.page._accept()
            headers, _ = await page.get()
        assert "503" in headers[""]

    run(main())


def test_more_clients_than_room_wait_their_turn(report: ErrorReport) -> None:
    """One who holds a place is not in the way for ever, and nobody is refused."""

    async def main() -> None:
        async with shown(report, most_clients=2) as page:
            idle = [await page.connect() for _ in range(2)]
            late = asyncio.create_task(page.get())
            while len(page.page._clients) < 2:  # noqa: ASYNC110 - a test
                await asyncio.sleep(0.005)
            for _, writer in idle:
                writer.close()
                await writer.wait_closed()
            headers, _ = await late
        assert "503" in headers[""]

    run(main())


def test_a_place_that_is_freed_after_the_end_is_nobodys(report: ErrorReport) -> None:
    """A client that leaves after `hide` does not make it accept again."""

    async def main() -> None:
        async with shown(report, most_clients=1) as page:
            _, writer = await page.connect()
            while not page.page._clients:  # noqa: ASYNC110 - a test
                await asyncio.sleep(0.005)
            page.page.hide()
            writer.close()
            await writer.wait_closed()
            await asyncio.gather(*page.page._clients)
            await asyncio.sleep(0)
            assert not asyncio.get_running_loop().remove_reader(page.sock.fileno())

    run(main())


def test_a_hidden_page_accepts_nobody(report: ErrorReport) -> None:
    """A client that is announced as it is hidden is the process's."""

    async def main() -> None:
        async with shown(report) as page:
            with socket.create_connection(page.sock.getsockname()):
                page.page.hide()
                page.page._accept()
                assert not page.page._clients

    run(main())


def test_a_hidden_page_leaves_the_queue_to_the_process(report: ErrorReport) -> None:
    """Who is accepted gets the answer; who waits is served by the process."""

    async def main() -> None:
        async with shown(report) as page:
            reader, writer = await page.connect()
            while not page.page._clients:  # noqa: ASYNC110 - a test
                await asyncio.sleep(0.005)
            page.page.hide()
            waiting = socket.create_connection(page.sock.getsockname())
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            headers, _ = split(await reader.read())
            assert "503" in headers[""]
            connection, address = page.sock.accept()
            assert address == waiting.getsockname()
            for one in (connection, waiting):
                one.close()
            writer.close()
            await writer.wait_closed()

    run(main())


@pytest.mark.parametrize("blocking", [True, False])
def test_the_socket_is_handed_back_as_it_was(
    *,
    blocking: bool,
    report: ErrorReport,
) -> None:
    """The flag is shared with the process, which may rely on it."""

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            os.set_blocking(sock.fileno(), blocking)
            page = ErrorPage(sock, loop=asyncio.get_running_loop())
            page.show(report)
            assert not os.get_blocking(sock.fileno())
            page.hide()
            page.hide()
            assert os.get_blocking(sock.fileno()) is blocking

    run(main())


def test_another_error_replaces_the_first(report: ErrorReport, tmp_path: Path) -> None:
    """A page that is open sees by the tag that the error is another one."""

    async def main() -> None:
        other = parse_failure("another", tmp_path, process="web")
        async with shown(report) as page:
            first, _ = await page.get()
            page.page.show(other)
            second, body = await page.get()
        assert first["ETag"] != second["ETag"]
        assert b"another" in body

    run(main())


def test_closing_drops_who_is_not_answered(report: ErrorReport) -> None:
    """The end of the supervisor waits for no client."""

    async def main() -> None:
        async with shown(report) as page:
            reader, writer = await page.connect()
            while not page.page._clients:  # noqa: ASYNC110 - a test
                await asyncio.sleep(0.005)
            page.page.close()
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

    run(main())
