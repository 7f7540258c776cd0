"""A uvicorn in a child of a zygote, which is told what the supervisor would tell it."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from serving import Server, ask
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


APP = r"""
import asyncio, os, ssl, sys
import uvicorn

async def app(scope, receive, send):
    path, headers = scope["path"], []
    if path != "/endless":
        headers.append((b"content-length", b"5" if path == "/promised" else b"1"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    is_whole = path == "/"
    message = {"type": "http.response.body", "body": b"0", "more_body": not is_whole}
    await send(message)
    while not is_whole and (await receive())["type"] != "http.disconnect":
        pass

class Own(asyncio.Protocol):
    def __init__(self, config, server_state, app_state, _loop=None):
        self.connections = server_state.connections
    def connection_made(self, transport):
        self.transport = transport
        self.connections.add(self)
    def connection_lost(self, error):
        self.connections.discard(self)
    def data_received(self, data):
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0")
    def shutdown(self):
        self.transport.close()

kind, port = sys.argv[1:]
if kind == "alone":
    os.closerange(3, 256)
plain = {"h11": "h11", "own": Own}.get(kind, "httptools")
config = uvicorn.Config(
    app, port=int(port), http=plain, lifespan="off", timeout_keep_alive=1
)
config.load()
if kind == "tls":
    config.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    config.ssl.maximum_version = ssl.TLSVersion.TLSv1_2
    config.ssl.set_ciphers("AECDH-AES128-SHA:@SECLEVEL=0")
uvicorn.Server(config).run()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Server]]:
    """Return what starts a server of a kind."""
    started: list[Server] = []

    def start(kind: str) -> Server:
        server = Server(tmp_path, APP, kind)
        started.append(server)
        if kind != "alone":
            server.await_ready()
        return server

    yield start
    for server in started:
        server.close()


KINDS = pytest.mark.parametrize("kind", ["h11", "httptools"])


@KINDS
def test_a_connection_is_read_again_when_holding_is_over(
    start: Callable[[str], Server], kind: str
) -> None:
    """And it is closed after its time, as one that was never held."""
    server = start(kind)
    kept, idle = server.connect(), server.connect()
    assert (ask(kept), ask(idle)) == (b"0", b"0")
    server.hold()
    kept.request("GET", "/")
    server.resume()
    assert kept.getresponse().read() == b"0"
    assert idle.sock.recv(1) == b""
    server.end()


@KINDS
def test_an_idle_connection_is_given_away(
    start: Callable[[str], Server], kind: str
) -> None:
    """It is the same connection, and the client sees no end of it."""
    server = start(kind)
    connection = server.connect()
    assert ask(connection) == b"0"
    with connection.sock as client:
        server.hold()
        (fd,) = server.retire()["fds"]
        server.child.next("handed")
        server.end()
        with socket.socket(fileno=fd) as given:
            given.sendall(b"more")
            assert client.recv(4) == b"more"


@KINDS
def test_one_that_was_told_to_hold_before_it_serves_reads_nothing(
    tmp_path: Path, kind: str
) -> None:
    """A worker may have begun when its successor does; the request is for that one."""
    server = Server(tmp_path, APP, kind)
    ours, theirs = socket.socketpair()
    with contextlib.closing(server), ours:
        server.child.bind(server.listener)
        server.child.next("bound")
        server.hold()
        server.child.tell(op="serve")
        server.child.next("ready")
        ours.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        with theirs:
            server.child.channel.send({"op": "connection"}, (theirs.fileno(),))
        assert not select.select([ours], [], [], 0.3)[0]
        assert server.retire()["event"] == "connection"
        server.end()


def test_an_encrypted_connection_is_closed(start: Callable[[str], Server]) -> None:
    """Its keys are in this process alone."""
    server = start("tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH-AES128-SHA:@SECLEVEL=0")
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(server.connect().sock) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(4) == b"HTTP"
        server.hold()
        assert server.retire()["event"] == "handed"
        while client.recv(4096):
            pass
    server.end()


@KINDS
@pytest.mark.parametrize("accept", ["text/event-stream", "text/plain"])
def test_an_answer_without_an_end_is_ended_properly(
    start: Callable[[str], Server], kind: str, accept: str
) -> None:
    """A stream of events at once, another when most of the time is over."""
    server = start(kind)
    connection = server.connect()
    connection.request("GET", "/endless", headers={"Accept": accept})
    answer = connection.getresponse()
    assert answer.read(1) == b"0"
    server.child.tell(op="ending", time_s=0.01 if accept == "text/plain" else 3600)
    assert answer.read() == b""
    server.end()


@KINDS
def test_an_answer_that_has_promised_more_is_cut_off(
    start: Callable[[str], Server], kind: str
) -> None:
    """The client is to know that it has not got all."""
    server = start(kind)
    connection = server.connect()
    connection.request("GET", "/promised", headers={"Accept": "text/event-stream"})
    answer = connection.getresponse()
    server.child.tell(op="ending", time_s=3600)
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    server.end()


def test_a_server_goes_on_when_nobody_speaks_to_it(
    start: Callable[[str], Server],
) -> None:
    """Nor does a word disturb it that it does not know."""
    server = start("httptools")
    server.child.tell(op="unknown")
    assert ask(server.connect()) == b"0"
    server.child.channel.close()
    assert ask(server.connect()) == b"0"
    server.end()


def test_connections_that_nobody_here_understands_are_left_alone(
    start: Callable[[str], Server],
) -> None:
    """A protocol of the user's own is no HTTP that could be handed over."""
    server = start("own")
    connection = server.connect()
    assert ask(connection) == b"0"
    server.hold()
    assert server.retire()["event"] == "handed"
    assert ask(connection) == b"0"
    server.end()


def test_a_server_that_is_a_daemon_is_uvicorns_own(
    start: Callable[[str], Server],
) -> None:
    """It has closed the line, so it binds, serves and ends by itself."""
    server = start("alone")
    assert wait_until(lambda: answers(server)) == b"0"
    said = []
    while received := server.child.channel.receive_all():
        said += [message["event"] for message, _fds in received]
    assert "bind" not in said
    server.end()


def answers(server: Server) -> bytes | None:
    """Return its answer, if it serves."""
    try:
        return ask(server.connect())
    except ConnectionRefusedError:
        return None
