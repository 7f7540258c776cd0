"""Clients who come while there are no descriptors left for them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from typing import TYPE_CHECKING, cast

import pytest

from errorpages import make_report
from sceneshift.core.channel import encode
from sceneshift.dev.control import ControlServer
from sceneshift.dev.errorpage import ErrorPage
from sceneshift.dev.shortage import PAUSE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from sceneshift.core.channel import Message
    from sceneshift.dev.control import Connection

    Close = Callable[[], Coroutine[None, None, None]]
    Serve = Callable[[Path], tuple[socket.socket, Close]]


def serve_page(folder: Path) -> tuple[socket.socket, Close]:
    """Show an error page; return its socket and how it is closed."""
    sock = socket.create_server(("127.0.0.1", 0))
    page = ErrorPage(sock, loop=asyncio.get_running_loop())
    page.show(make_report(folder))

    async def close() -> None:
        page.close()
        sock.close()

    return sock, close


def serve_control(folder: Path) -> tuple[socket.socket, Close]:
    """Listen as a stack does; return the socket and how it is closed."""

    async def answer(request: Message, connection: Connection) -> None:
        assert request
        await connection.send({"ok": True})

    server = ControlServer(folder / "sock", answer, asyncio.get_running_loop())
    return server._sock, server.close


@contextlib.contextmanager
def no_descriptors() -> Iterator[None]:
    """Have this process open no more than it has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def wait_unheeded(sock: socket.socket) -> None:
    """Return when the loop does not ask the system about the socket."""
    loop = cast("asyncio.SelectorEventLoop", asyncio.get_running_loop())
    watched = loop._selector.get_map()  # type: ignore[attr-defined]
    async with asyncio.timeout(10.0):
        while sock.fileno() in watched:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0)


@pytest.mark.parametrize("serve", [serve_page, serve_control])
def test_the_loop_rests_until_there_may_be_descriptors_again(
    tmp_path: Path, serve: Serve
) -> None:
    """The client waits in the queue, and is answered then."""

    async def main() -> None:
        sock, close = serve(tmp_path)
        with socket.socket(sock.family) as client:
            with no_descriptors():
                client.connect(sock.getsockname())
                await wait_unheeded(sock)
            client.sendall(encode({"op": "status"}) + b"\r\n\r\n")  # is both
            assert await asyncio.to_thread(client.recv, 1024)
        await close()

    asyncio.run(main())


@pytest.mark.parametrize("serve", [serve_page, serve_control])
def test_a_socket_that_is_closed_in_the_meantime_stays_so(
    tmp_path: Path, serve: Serve
) -> None:
    """The end of the pause finds nothing to accept from."""
    troubles: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, it: troubles.append(it["message"]))
        sock, close = serve(tmp_path)
        with socket.socket(sock.family) as client:
            with no_descriptors():
                client.connect(sock.getsockname())
                await wait_unheeded(sock)
            await close()
            passed = loop.create_future()
            loop.call_later(PAUSE_S, passed.set_result, None)
            await passed

    asyncio.run(main())
    assert troubles == []
