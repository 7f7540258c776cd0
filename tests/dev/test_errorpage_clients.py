"""Clients of an error page that are slow, many, gone or in the way."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from errorpages import run, shown, split
from sceneshift.dev.errorpage import ErrorPage
from sceneshift.dev.failure import ErrorReport, parse_failure
from support import until

if TYPE_CHECKING:
    from pathlib import Path


def test_an_endless_head_is_answered(report: ErrorReport) -> None:
    """More than 64 KiB of head are not kept."""

    async def main() -> None:
        async with shown(report) as page:
            head = b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000
            headers, _ = await page.send(head, is_all=True)
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
            await until(lambda: len(page.page._clients) == 2)
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
            await until(lambda: page.page._clients)
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
            await until(lambda: page.page._clients)
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
            await until(lambda: page.page._clients)
            page.page.close()
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

    run(main())
