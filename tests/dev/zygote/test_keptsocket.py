"""Connections that are followed, used as sockets are and HTTP's are not."""

from __future__ import annotations

import os
import resource
import socket
import threading
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.dev.zygote.kept import Kept
from sceneshift.dev.zygote.keptsocket import KeptSocket
from serving import ask, starting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from serving import Server

    Start = Callable[[str], Server]

APP = r"""
import asyncio, os, pickle, socket, sys, threading, time
from multiprocessing.reduction import ForkingPickler

kind, port = sys.argv[1:]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

def send_away(sock):
    return pickle.loads(ForkingPickler.dumps(sock))

def wrap_in_trio(sock):
    import trio._socket
    return trio._socket._SocketType(sock)._sock

BUFFER = bytearray(65536)
READS = {
    "recvfrom": lambda sock, size: sock.recvfrom(size)[0],
    "recvfrom_into": lambda sock, buffer: sock.recvfrom_into(buffer)[0],
    "recvmsg": lambda sock, size: sock.recvmsg(size)[0],
    "recvmsg_into": lambda sock, buffer: sock.recvmsg_into([buffer])[0],
}
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
    read = READS.get(kind, type(sock).recv)
    while read(sock, BUFFER if "into" in kind else 65536):
        while os.path.exists("wait"):
            time.sleep(0.01)
        sock.sendall(ANSWER)

class Protocol(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        assert not hasattr(transport, "observer")
    def data_received(self, data):
        self.transport.write(ANSWER)

async def serve_loop():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Protocol, "127.0.0.1", int(port))
    await server.serve_forever()

if kind == "uvloop":
    import uvloop
    uvloop.run(serve_loop())

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
    with starting(tmp_path, APP) as start:
        yield start


COPIES = ["dup", "pickle", "trio"]
READS = ["recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into"]


@pytest.mark.parametrize("kind", [*COPIES, *READS])
def test_who_reads_by_another_way_goes_on_with_a_connection(
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


def test_what_a_zygote_has_loaded_before_is_adapted_too(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a `.pth` file, as coverage has one."""
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "sitecustomize.py").write_text(
        "import multiprocessing.reduction"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "early"))
    assert ask(start("pickle").connect()) == b"ok"


# As on macOS; what is not there cannot be called by mistake.
POOR = """
import os, select, signal
del os.eventfd, os.EFD_CLOEXEC, os.EFD_NONBLOCK
del select.epoll
del signal.SIGRTMIN, signal.SIGRTMAX
"""


@pytest.mark.parametrize("kind", ["plain", "uvloop"])
def test_where_there_are_no_words_connections_are_python_s_own(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Nothing is handed over on macOS, and nothing of Linux is needed."""
    (tmp_path / "poor").mkdir()
    (tmp_path / "poor" / "sitecustomize.py").write_text(POOR)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "poor"))
    server = start(kind)
    connection = server.connect()
    assert ask(connection) == b"ok"
    assert server.zygote.read_output() == ""


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Return the connections of a program that nobody hears."""
    held = SimpleNamespace(say_held=lambda: None)
    agent: Any = SimpleNamespace(send=lambda *_: None, handover=held)
    kept = Kept(agent)
    yield kept
    for each in kept._silent or ():
        each.close()


@pytest.fixture
def sock(kept: Kept) -> Iterator[KeptSocket]:
    """Return one of them; its client says nothing."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        accepted, _address = listener.accept()
        with KeptSocket(kept, listener, accepted.detach()) as made:
            kept.follow(made)
            yield made


def test_what_a_program_says_of_blocking_meanwhile_holds(
    kept: Kept, sock: KeptSocket
) -> None:
    """It said so of what stands in, and means the connection."""
    kept.hold()
    sock.setblocking(False)
    kept.resume()
    assert not os.get_blocking(sock.fileno())


@pytest.mark.parametrize("is_over", [False, True])
def test_a_request_to_a_connection_that_is_closed_meanwhile_is_the_successor_s(
    kept: Kept, sock: KeptSocket, *, is_over: bool
) -> None:
    """Its server was tired of waiting, and would have read it; else it is closed."""
    given: list[int] = []
    agent: Any = kept._agent
    agent.send = lambda _message, fds: given.append(os.dup(fds[0]))
    kept.hold()
    with socket.socket(fileno=os.dup(find_client(sock))) as client:
        client.sendall(b"GET")
        sock.close()
        (kept.resume if is_over else partial(kept.hand_over, lambda: None))()
        if is_over:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        else:
            with socket.socket(fileno=given.pop()) as real:
                assert real.recv(3) == b"GET"
    assert not given


def find_client(sock: KeptSocket) -> int:
    """Return the descriptor of a connection's other end, which is here too."""
    assert sock.laid is not None
    for fd in range(3, 200):
        try:
            with socket.socket(fileno=os.dup(fd)) as each:
                if each.getsockname() == sock.getpeername():
                    return fd
        except OSError:
            continue
    raise AssertionError


def test_what_is_let_go_is_what_it_was(kept: Kept, sock: KeptSocket) -> None:
    """Also while it is to hold."""
    before = os.fstat(sock.fileno()).st_ino
    kept.hold()
    assert os.fstat(sock.fileno()).st_ino != before
    sock.let_go()
    assert os.fstat(sock.fileno()).st_ino == before


def test_who_can_open_nothing_any_more_goes_on(kept: Kept, sock: KeptSocket) -> None:
    """The word to hold is heard all the same."""
    before = os.fstat(sock.fileno()).st_ino
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        kept.hold()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert os.fstat(sock.fileno()).st_ino == before


def test_another_connection_may_come_while_one_is_looked_for(
    kept: Kept, sock: KeptSocket
) -> None:
    """One thread sends a file while another accepts."""
    threads = []

    class Late:
        laid = None

        def fileno(self) -> int:
            threads.append(threading.Thread(target=kept.follow, args=[sock]))
            threads[-1].start()
            threads[-1].join(0.1)
            return -1

        def may_be_laid(self) -> bool:
            return False

    late: Any = Late()
    kept.follow(late)
    kept.forget(sock)
    assert kept.find(0) is None
    for thread in threads:
        thread.join()
