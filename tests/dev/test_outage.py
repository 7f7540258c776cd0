from __future__ import annotations

import asyncio
import os
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.failure import ErrorReport
from sceneshift.dev.model import ProcessSpec, StackSpec
from sceneshift.dev.outage import Outages, is_code_error
from sceneshift.dev.run.held import HeldSockets
from support import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path("/")


@pytest.mark.parametrize(
    ("headline", "starting", "later"),
    [
        ("SyntaxError: invalid syntax", True, True),
        ("ModuleNotFoundError: No module named 'x'", True, True),
        ("package.errors.ImportError: x", True, True),
        ('Error loading ASGI app. Could not import module "app".', True, True),
        ("NameError: name 'x' is not defined", True, False),
        ("AttributeError: x", True, False),
        ("sqlalchemy.exc.OperationalError: no such table", False, False),
        ("KeyError: 'SyntaxError'", False, False),
        ("", False, False),
    ],
)
def test_an_error_of_the_code_needs_a_change_of_it(
    headline: str,
    starting: bool,  # noqa: FBT001 - a column
    later: bool,  # noqa: FBT001 - a column
) -> None:
    """A wrong name too, while it starts; a database that is not up yet never."""
    assert is_code_error(headline, was_ready=False) is starting
    assert is_code_error(headline, was_ready=True) is later


def report(text: str) -> ErrorReport:
    """Return why a process cannot start."""
    return ErrorReport(process="web", headline=text, text=text, since=0.0, root=ROOT)


def spec(name: str, port: int | None, *, listens: bool = True) -> ProcessSpec:
    """Return a process."""
    return ProcessSpec(
        name=name,
        label=name,
        command="",
        cwd=ROOT,
        env={},
        port=port,
        listens=listens,
    )


class Down:
    """A stack of one process that is down."""

    def __init__(self, process: ProcessSpec) -> None:
        self.held = HeldSockets()
        stack = StackSpec(root=ROOT, environment="development", processes=(process,))
        self.outages = Outages(stack, self.held, asyncio.get_running_loop())
        self.outages.forked.add("web")
        self.port = process.port or 0

    async def get(self) -> str:
        """Return what its port answers."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"GET / HTTP/1.1\r\nAccept: text/plain\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.decode()

    async def get_from(self, server: socket.socket) -> str:
        """Return what it answers where a socket is served with `mine`."""
        asked = asyncio.create_task(self.get())
        await asyncio.to_thread(serve_one, server)
        return await asked


def serve_one(server: socket.socket) -> None:
    """Answer one client."""
    connection, _ = server.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"mine")


@contextmanager
def down(process: ProcessSpec) -> Iterator[Down]:
    """Have a process that is down; its pages and sockets are gone afterwards."""
    made = Down(process)
    try:
        yield made
    finally:
        made.outages.close()
        made.held.close()


def test_the_port_of_a_process_that_never_listened_answers() -> None:
    """With the newest reason, until the process has the port again."""

    async def use() -> None:
        with down(spec("web", free_port())) as it:
            it.outages.begin("web", report("first"))
            assert "first" in await it.get()
            it.outages.begin("web", report("second"))
            assert "second" in await it.get()
            it.outages.end("web")
            (held,) = it.held.of("web")
            assert os.get_blocking(held.sock.fileno())  # as the program made it
            assert await it.get_from(held.sock) == "mine"

    asyncio.run(use())


@pytest.mark.parametrize(
    "process", [spec("web", None), spec("web", 1, listens=False)], ids=["none", "job"]
)
def test_what_has_no_port_to_answer_on_answers_nowhere(process: ProcessSpec) -> None:
    """Nothing is bound for it."""

    async def use() -> None:
        with down(process) as it:
            it.outages.begin("web", report("x"))
            assert it.held.of("web") == []

    asyncio.run(use())


def test_a_process_of_the_shell_has_its_port_to_itself() -> None:
    """It could not bind it when it is mended."""

    async def use() -> None:
        with down(spec("web", free_port())) as it:
            it.outages.forked.clear()
            it.outages.begin("web", report("x"))
            assert it.held.of("web") == []

    asyncio.run(use())


def test_a_port_that_another_program_has_is_left_to_it() -> None:
    """Whether it was bound before, or listens where we only had bound."""

    async def use(*, is_bound: bool) -> None:
        with socket.socket() as other, down(spec("web", free_port())) as it:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if is_bound:
                key = f"{int(socket.AF_INET)}/127.0.0.1/{it.port}"
                it.held.get("web", key)
            other.bind(("127.0.0.1", it.port))
            other.listen()
            it.outages.begin("web", report("x"))
            assert await it.get_from(other) == "mine"

    asyncio.run(use(is_bound=False))
    asyncio.run(use(is_bound=True))


def test_the_end_of_all_is_the_end_of_the_pages() -> None:
    """What is asked then is refused as soon as the sockets are closed."""

    async def use() -> None:
        with down(spec("web", free_port())) as it:
            it.outages.begin("web", report("x"))
            it.outages.close()
            it.outages.end("web")  # nothing is left to end
            it.held.close()
            with pytest.raises(ConnectionRefusedError):
                await it.get()

    asyncio.run(use())


def test_a_page_that_pauses_leaves_the_port_to_another() -> None:
    """And answers again afterwards, unless it was ended meanwhile."""

    async def use() -> None:
        with down(spec("web", free_port())) as it:
            it.outages.begin("web", report("mend me"))
            it.outages.pause("web")
            (held,) = it.held.of("web")
            held.sock.setblocking(True)
            assert await it.get_from(held.sock) == "mine"
            it.outages.resume("web")
            assert "mend me" in await it.get()
            it.outages.end("web")
            it.outages.pause("web")
            it.outages.resume("web")
            assert await it.get_from(held.sock) == "mine"

    asyncio.run(use())
