"""The answer on a port while its process cannot start."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import TYPE_CHECKING

import pytest

from errorpages import run, shown, split
from sceneshift.dev.failure import ErrorReport, parse_failure

if TYPE_CHECKING:
    from pathlib import Path


def test_a_browser_gets_a_page(report: ErrorReport) -> None:
    """The page shows what, where, the source and the traceback, all escaped."""

    async def main() -> None:
        async with shown(report) as page:
            headers, body = await page.get("text/html,application/xml;q=0.9,*/*;q=0.8")
        assert headers[""] == "HTTP/1.1 503 Service Unavailable"
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert int(headers["Content-Length"]) == len(body)
        text = body.decode()
        assert 'datetime="2023-11-14T22:13:20.256Z"' in text
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
                "since": "2023-11-14T22:13:20.256Z",
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


def test_a_length_of_thousands_of_digits_is_a_long_one(report: ErrorReport) -> None:
    """Python refuses to read such a number, so it is not read."""
    troubles: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: troubles.append(str(context)))
        length = "9" * 5000
        async with shown(report) as page:
            head = f"POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode()
            headers, _ = await page.send(head, is_all=True)
        assert "503" in headers[""]

    run(main())
    gc.collect()
    assert troubles == []
