"""Connections that are followed, used as sockets are and HTTP's are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from serving import Server, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Start = Callable[[str], Server]

APP = r"""
import os, pickle, socket, sys, threading, time
from multiprocessing.reduction import ForkingPickler

kind, port = sys.argv[1:]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

def send_away(sock):
    return pickle.loads(ForkingPickler.dumps(sock))

def wrap_in_trio(sock):
    import trio._socket
    return trio._socket._SocketType(sock)._sock

USES = {"dup": socket.socket.dup, "pickle": send_away, "trio": wrap_in_trio}

if kind == "few":
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

def serve(sock):
    if kind == "dup":
        with sock:
            sock = sock.dup()
    elif kind in USES:
        sock = USES[kind](sock)
    while socket.socket.recv(sock, 65536):
        while os.path.exists("wait"):
            time.sleep(0.01)
        socket.socket.sendall(sock, ANSWER)

with socket.create_server(("127.0.0.1", int(port))) as listener:
    while True:
        sock, _address = listener.accept()
        threading.Thread(target=serve, args=(sock,), daemon=True).start()
"""
# As trio itself has it.
TRIO = """
import socket

class _SocketType:
    def __init__(self, sock):
        if type(sock) is not socket.socket:
            raise TypeError(type(sock).__name__)
        self._sock = sock
"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Return what starts a server that uses its connections in some way."""
    monkeypatch.chdir(tmp_path)
    started: list[Server] = []

    def start(kind: str) -> Server:
        server = Server(tmp_path, APP, kind)
        started.append(server)
        server.await_listening()
        return server

    yield start
    for server in started:
        server.close()


@pytest.mark.parametrize("kind", ["dup", "pickle", "trio"])
def test_who_hands_a_connection_on_goes_on_with_it(
    start: Start, tmp_path: Path, kind: str
) -> None:
    """What goes over it then is not seen, so it stays what it is."""
    (tmp_path / "trio").mkdir()
    (tmp_path / "trio" / "_socket.py").write_text(TRIO)
    server = start(kind)
    connection = server.connect()
    assert ask(connection) == b"ok"
    (tmp_path / "wait").touch()
    connection.request("GET", "/")
    server.hold()
    (tmp_path / "wait").unlink()
    assert connection.getresponse().read() == b"ok"
    server.resume()
    assert ask(connection) == b"ok"


def test_a_server_that_has_few_descriptors_does_not_die_of_it(start: Start) -> None:
    """What cannot be laid aside is not; the program has some left."""
    server = start("few")
    connections = [server.connect() for _ in range(60)]
    assert {ask(each) for each in connections} == {b"ok"}
    server.hold()
    server.resume()
    assert {ask(each) for each in connections} == {b"ok"}
