"""Connections that clients keep to servers of which the agent knows nothing."""

from __future__ import annotations

import os
import select
import signal
import socket
import ssl
import struct
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.dev.zygote.addresses import RINGER
from serving import ask, starting
from support import wait_until
from zygotes import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.client import HTTPConnection
    from pathlib import Path

    from serving import Server

    Start = Callable[[str], Server]

APP = r"""
import asyncio, os, socket, ssl, sys, threading, time

LARGE = 5_000_000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
kind, port = sys.argv[1:]

def answer(path, peer):
    if path == "/large":
        return HEAD % LARGE + b"x" * LARGE
    body = peer.encode()
    return HEAD % len(body) + body

def serve_thread(sock):
    if kind == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AECDH-AES128-SHA:@SECLEVEL=0")
        sock = context.wrap_socket(sock, server_side=True)
    if kind == "timeout":
        sock.settimeout(0.2)
    received = sock.makefile("rb")
    try:
        while line := received.readline():
            path, length = line.split()[1].decode(), 0
            while (line := received.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            received.read(length)
            if path == "/file":
                with open(__file__, "rb") as file:
                    sock.sendall(HEAD % os.fstat(file.fileno()).st_size)
                    sock.sendfile(file)
            elif path == "/slow":
                while not os.path.exists("go"):
                    time.sleep(0.01)
                sock.sendall(answer(path, "slow"))
            elif path == "/look":
                try:
                    sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
                except BlockingIOError:
                    pass
                sock.sendall(answer(path, "looked"))
            else:
                sock.sendall(answer(path, "%s:%s" % sock.getpeername()))
    except TimeoutError:
        pass
    received.close()
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close()

def serve_threads():
    with socket.create_server(("127.0.0.1", int(port))) as listener:
        while True:
            sock, _address = listener.accept()
            threading.Thread(target=serve_thread, args=(sock,), daemon=True).start()

class Protocol(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.begun = transport, b""
        assert transport.get_protocol() is self
    def data_received(self, data):
        self.begun += data
        if self.begun.endswith(b"\r\n\r\n"):
            path, self.begun = self.begun.split()[1].decode(), b""
            if path == "/other":
                self.transport.set_protocol(Other(self.transport))
                self.transport.write(answer(path, "other"))
                return
            peer = "%s:%s" % self.transport.get_extra_info("peername")
            self.transport.writelines([answer(path, peer)])

class Other(asyncio.Protocol):
    def __init__(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(data)

async def serve_loop():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Protocol, "127.0.0.1", int(port))
    async with server:
        await server.serve_forever()

if kind == "uvloop":
    import uvloop
    uvloop.run(serve_loop())
elif kind == "asyncio":
    asyncio.run(serve_loop())
else:
    serve_threads()
"""
KINDS = pytest.mark.parametrize("kind", ["threads", "asyncio", "uvloop"])
GO_ON = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Return what starts a server of a kind."""
    monkeypatch.chdir(tmp_path)
    with starting(tmp_path, APP) as start:
        yield start


def name(connection: HTTPConnection) -> bytes:
    """Return a client's address, as the servers answer with it."""
    return "{}:{}".format(*connection.sock.getsockname()).encode()


def give(server: Server, fd: int | None) -> socket.socket:
    """Ring at a server, and give it a connection, or none."""
    ring = socket.create_connection(("127.0.0.1", server.port), 30, (RINGER, 0))
    asked = server.child.next("adopt")
    assert asked["ring"] == ring.getsockname()[1]
    if fd is None:
        answer(asked, {"op": "none"})
    else:
        answer(asked, {"op": "connection"}, (fd,))
        os.close(fd)
    return ring


def take(said: dict[str, Any]) -> int:
    """Return the descriptor of a connection that was given away."""
    assert said["event"] == "connection"
    (fd,) = said["fds"]
    return int(fd)


@KINDS
def test_a_kept_connection_goes_on_with_the_successor(start: Start, kind: str) -> None:
    """Who knows its client's address, and nothing else is different."""
    old, new = start(kind), start(kind)
    connection = old.connect()
    assert ask(connection) == name(connection)
    old.hold()
    connection.send(GO_ON)
    assert not select.select([connection.sock], [], [], 0.2)[0]
    with give(new, take(old.retire())):
        assert connection.sock.recv(4096).endswith(name(connection))
        assert ask(connection) == name(connection)
    old.end()


@KINDS
def test_a_connection_without_a_request_goes_on_too(start: Start, kind: str) -> None:
    """Its client may be about to ask."""
    old, new = start(kind), start(kind)
    connection = old.connect()
    assert ask(old.connect()) != b""
    old.hold()
    fds = [take(old.retire()), take(old.retire())]
    with give(new, fds[0]), give(new, fds[1]):
        assert ask(connection) == name(connection)


@KINDS
def test_a_connection_is_read_again_when_holding_is_over(
    start: Start, kind: str
) -> None:
    """As often as that may be."""
    server = start(kind)
    connection, idle = server.connect(), server.connect()
    assert ask(connection) == name(connection)
    assert ask(idle) == name(idle)
    for _ in range(3):
        server.hold()
        connection.request("GET", "/")
        assert not select.select([connection.sock], [], [], 0.1)[0]
        server.resume()
        assert connection.getresponse().read() == name(connection)
    assert ask(idle) == name(idle)


@KINDS
def test_an_answer_on_its_way_is_finished_first(start: Start, kind: str) -> None:
    """Then the connection is the successor's, who gets the next request."""
    old, new = start(kind), start(kind)
    connection = old.connect()
    connection.request("GET", "/large")
    received = connection.getresponse()
    old.hold()
    assert old.retire("retired")["busy"] == 1
    assert len(received.read()) == 5_000_000
    with give(new, take(old.retire())):
        assert ask(connection) == name(connection)


def test_a_request_that_is_computed_is_finished_first(
    start: Start, tmp_path: Path
) -> None:
    """By the code that has begun it, whatever comes meanwhile."""
    old, new = start("threads"), start("threads")
    connection, other = old.connect(), old.connect()
    connection.request("GET", "/slow")
    assert ask(other) == name(other)
    old.hold()
    fd = take(old.retire())
    with give(new, fd):
        assert ask(other) == name(other)
    assert old.retire("retired")["busy"] == 1
    (tmp_path / "go").touch()
    assert connection.getresponse().read() == b"slow"
    with give(new, take(old.retire())):
        assert ask(connection) == name(connection)


def test_a_file_that_the_kernel_sends_is_an_answer(start: Start) -> None:
    """Nobody else sees its bytes."""
    old, new = start("threads"), start("threads")
    connection = old.connect()
    connection.request("GET", "/file")
    assert b"serve_thread" in connection.getresponse().read()
    old.hold()
    with give(new, take(old.retire())):
        assert ask(connection) == name(connection)


@pytest.mark.parametrize(("kind", "path"), [("threads", "/look"), ("uvloop", "/other")])
def test_what_is_no_http_any_more_is_left_alone(
    start: Start, kind: str, path: str
) -> None:
    """The old code goes on with it to its end."""
    server = start(kind)
    connection = server.connect()
    connection.request("GET", path)
    assert connection.getresponse().read() in {b"looked", b"other"}
    server.hold()
    assert server.retire("retired")["event"] == "retired"
    server.resume()
    with connection.sock as client:
        client.sendall(GO_ON)
        assert client.recv(4096)


def test_an_encrypted_connection_is_left_alone(start: Start) -> None:
    """Its keys are in the old code's process, which goes on with it to its end."""
    server = start("tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH-AES128-SHA:@SECLEVEL=0")
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(server.connect().sock) as client:
        for _ in range(2):
            client.sendall(GO_ON)
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
            server.hold()
            assert server.retire("retired")["event"] == "retired"
            server.resume()


def test_a_server_that_waits_for_a_time_does_so(start: Start) -> None:
    """And closes the connection then, also while it is to hold."""
    server = start("timeout")
    connection, other = server.connect(), server.connect()
    assert ask(connection) == name(connection)
    assert connection.sock.recv(1) == b""
    server.hold()
    assert other.sock.recv(1) == b""
    server.resume()
    last = server.connect()
    assert ask(last) == name(last)


@KINDS
def test_a_ring_without_a_connection_is_nothing(start: Start, kind: str) -> None:
    """It was taken by another worker, or its client has gone."""
    server = start(kind)
    with give(server, None) as ring:
        assert ring.recv(1) == b""
    connection = server.connect()
    assert ask(connection) == name(connection)


@KINDS
def test_a_client_that_goes_meanwhile_harms_nobody(start: Start, kind: str) -> None:
    """Neither the old code nor the new."""
    old, new = start(kind), start(kind)
    connection = old.connect()
    assert ask(connection) == name(connection)
    old.hold()
    connection.close()
    with give(new, take(old.retire())):
        another = new.connect()
        assert ask(another) == name(another)
    os.kill(old.pid, signal.SIGTERM)
    wait_until(lambda: old.child.wait_end() == -signal.SIGTERM)


@KINDS
def test_a_client_that_has_broken_off_harms_nobody(start: Start, kind: str) -> None:
    """What is given then is no connection any more, and is not accepted."""
    server = start(kind)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _address = listener.accept()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert select.select([accepted], [], [], 30)[0]
    with give(server, accepted.detach()):
        connection = server.connect()
        assert ask(connection) == name(connection)
    assert server.zygote.read_output() == ""
