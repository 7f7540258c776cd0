"""Connections that a reload finds in the middle of something are kept."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from socket import create_connection
from typing import TYPE_CHECKING

import pytest

from support import free_port

if TYPE_CHECKING:
    from socket import socket

    from reloading import Stack

ASGI = """\
from number import NUMBER

LARGE = b"x" * 30_000_000

async def app(scope, receive, send):
    body = b"%d" % NUMBER
    if scope["path"] == "/large":
        body = LARGE
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""
SERVERS = {
    "asyncio": "uvicorn asgi:app --port $PORT --loop asyncio --http httptools",
    "uvloop": "uvicorn asgi:app --port $PORT --loop uvloop --http httptools",
    "h11": "uvicorn asgi:app --port $PORT --loop asyncio --http h11",
}
SLOW = """\
import os, time
open("importing", "w").close()
while not os.path.exists("go"):
    time.sleep(0.01)
NUMBER = 2
"""
TABLE = """\
[tool.sceneshift.processes.web]
stop = { reload_time_s = 60 }
"""


def project(command: str) -> dict[str, str]:
    """Return a project of one server, whose old code has much time for its end."""
    sources = {"asgi.py": ASGI, "number.py": "NUMBER = 0\n", "pyproject.toml": TABLE}
    return {**sources, "Procfile.dev": f"web: {command} --lifespan off\n"}


@pytest.mark.parametrize("server", SERVERS)
def test_a_connection_is_kept_whose_answer_is_read_late(
    stack: Stack, server: str
) -> None:
    """The old code sends it, and the next request on it is for the new code."""
    stack.start(project(SERVERS[server]))
    stack.wait_page("0")
    connection = HTTPConnection("127.0.0.1", stack.port, timeout=30)
    connection.request("GET", "/large")
    answer = connection.getresponse()
    old = stack.pid("web")
    stack.write({"number.py": "NUMBER = 1\n"})
    stack.wait_page("1")
    stack.wait(partial(has_said_goodbye, stack, old))
    assert len(answer.read()) == 30_000_000
    kept = connection.sock
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"1"
    assert connection.sock is kept
    connection.close()


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("is_after", [False, True])
def test_a_connection_is_kept_whose_request_ends_after_the_answer(
    stack: Stack, server: str, *, is_after: bool
) -> None:
    """Be it before the save or after it: the next request is for the new code."""
    stack.start(project(SERVERS[server]))
    stack.wait_page("0")
    connection = HTTPConnection("127.0.0.1", stack.port, timeout=30)
    connection.request("POST", "/early", headers={"Content-Length": "4"})
    assert connection.getresponse().read() == b"0"
    kept = connection.sock
    if not is_after:
        connection.send(b"late")
    stack.write({"number.py": "NUMBER = 1\n"})
    stack.wait_page("1")
    if is_after:
        connection.send(b"late")
    stack.wait(lambda: has_read_all(stack.port, kept))
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"1"
    assert connection.sock is kept
    connection.close()


def test_new_code_answers_when_the_old_has_heard_that_it_holds(stack: Stack) -> None:
    """Else a request that the old one reads late gets a stale answer.

    One that hears nothing at all is waited for 3 s, as what it says shows here.
    """
    stack.start(project(SERVERS["uvloop"]))
    stack.wait_page("0")
    old = stack.pid("web")
    os.kill(old, signal.SIGSTOP)
    try:
        stack.write({"number.py": "NUMBER = 1\n"})
        stack.wait_page("1")
    finally:
        os.kill(old, signal.SIGCONT)
    (reload,) = stack.ask("dev.why")["reloads"]
    assert reload["duration_s"] >= 3.0
    stack.write({"number.py": "NUMBER = 2\n"})
    stack.wait_page("2")


@pytest.mark.parametrize("server", SERVERS)
def test_code_that_holds_reads_nothing_of_a_connection_that_it_is_given(
    stack: Stack, server: str
) -> None:
    """The request on it is for the successor, whose import takes long here."""
    stack.start(project(SERVERS[server]))
    stack.wait_page("0")
    visitors = [HTTPConnection("127.0.0.1", stack.port, timeout=30) for _ in range(9)]
    for each in visitors:
        each.request("GET", "/large")
    answers = [each.getresponse() for each in visitors]
    stack.write({"number.py": "NUMBER = 1\n"})
    stack.wait_page("1")
    stack.write({"number.py": SLOW})
    stack.wait((stack.root / "importing").exists)
    for each, answer in zip(visitors, answers, strict=True):
        answer.read()
        each.request("GET", "/")
    assert not select.select([each.sock for each in visitors], [], [], 0.5)[0]
    (stack.root / "go").touch()
    assert [each.getresponse().read() for each in visitors] == [b"2"] * 9
    for each in visitors:
        each.close()


LATER = """\
import asyncio, os, socket

def bind(port):
    with socket.create_server(("127.0.0.1", port)):
        pass

async def app(scope, receive, send):
    ports = map(int, scope["path"].strip("/").split("-"))
    await asyncio.gather(*(asyncio.to_thread(bind, port) for port in ports))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"bound"})
"""


def test_threads_of_a_running_server_may_bind(stack: Stack) -> None:
    """What is told to them and what is told to the server do not get mixed up."""
    stack.start({**project(SERVERS["asyncio"]), "asgi.py": LATER})
    ports = "-".join(str(free_port()) for _ in range(8))
    stack.wait_page("bound", f"/{ports}")


def test_an_address_of_another_process_is_in_use(stack: Stack) -> None:
    """As it is without us: the first one keeps it."""
    serve = "import socket, time\nsock = socket.create_server(('127.0.0.1', {}))\n"
    source = serve.format(stack.port) + "print('bound', flush=True)\ntime.sleep(300)\n"
    procfile = "one: python serve.py\ntwo: python serve.py\n"
    stack.start({"serve.py": source, "Procfile.dev": procfile})
    stack.wait_output("Address already in use")
    stack.wait_output("bound")
    assert stack.output.count("| bound") == 1


def test_more_can_wait_than_the_server_has_thought_of(stack: Stack) -> None:
    """`http.server` asks for a queue of 5, and over a reload more may come."""
    command = "python -m http.server $PORT --bind 127.0.0.1"
    stack.start({"page": "served", "Procfile.dev": f"web: {command}\n"})
    stack.wait_page("served", "/page")
    server = stack.pid("web")
    os.kill(server, signal.SIGSTOP)
    with contextlib.ExitStack() as opened:
        try:
            clients = [
                opened.enter_context(create_connection(("127.0.0.1", stack.port), 30))
                for _ in range(40)
            ]
        finally:
            os.kill(server, signal.SIGCONT)
        for client in clients:
            client.sendall(b"GET /page HTTP/1.0\r\n\r\n")
            assert client.makefile().read().endswith("\nserved")


def has_read_all(port: int, client: socket) -> bool:
    """Say whether a server has read what a client has sent it (proc_net_tcp(5))."""
    ends = f":{port:04X}", f":{client.getsockname()[1]:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _number, here, there, _state, queues, *_ = line.split()
        if here.endswith(ends[0]) and there.endswith(ends[1]):
            return queues.endswith(":00000000")
    return False


def has_said_goodbye(stack: Stack, pid: int) -> bool:
    """Say whether uvicorn waits for the last of a process's connections."""
    return (
        "Waiting for connections to close" in stack.output
        or not Path(f"/proc/{pid}").exists()
    )
