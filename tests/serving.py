"""A server in a child of a zygote, which is told what the supervisor would tell it."""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import signal
import socket
from typing import TYPE_CHECKING, Any

from sceneshift.dev.zygote.words import HOLD, RESUME, RETIRE
from support import wait_until
from zygotes import Zygote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from zygotes import Child


class Server:
    """A program that serves, and the socket that the supervisor has for it.

    Its arguments are its kind and its port; one that is called "alone" binds by itself.
    """

    def __init__(self, folder: Path, source: str, kind: str) -> None:
        self.zygote = Zygote(folder)
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        if kind == "alone":
            self.listener.close()  # it binds the port itself
        self.zygote.begin(source, argv=[kind, str(self.port)])
        self.child: Child = self.zygote.fork(park=False)
        self.pid = self.child.pid
        self._connections: list[http.client.HTTPConnection] = []

    def await_listening(self) -> None:
        """Give it its socket, and wait until it listens."""
        self.child.bind(self.listener)
        assert self.child.next("bound")["waits"]
        self.child.tell(op="serve")
        socket_level, accepts = socket.SOL_SOCKET, socket.SO_ACCEPTCONN
        wait_until(lambda: self.listener.getsockopt(socket_level, accepts))

    def await_ready(self) -> None:
        """Give it its socket, and wait until it says that it serves."""
        self.await_listening()
        assert self.child.next("ready")["pid"] == self.pid

    def hold(self) -> None:
        """Have it stop accepting."""
        self._say(HOLD)
        self.child.next("held")

    def resume(self) -> None:
        """Have it go on."""
        self._say(RESUME)
        self.child.next("resumed")

    def _say(self, number: int) -> None:
        """Say a word until something is said: as the supervisor does."""
        os.kill(self.pid, number)
        while not select.select([self.child.channel], [], [], 0.1)[0]:
            os.kill(self.pid, number)

    def retire(self, *others: str) -> dict[str, Any]:
        """Have it give its connections away; return what it says first of that."""
        self._say(RETIRE)
        return self.child.next("connection", *(others or ("handed",)))

    def end(self) -> None:
        """Have it end as it does by itself: uvicorn then raises the signal anew."""
        os.kill(self.pid, signal.SIGTERM)
        assert self.child.wait_end() == -signal.SIGTERM

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection to it that is open."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self._connections.append(connection)
        connection.connect()
        return connection

    def close(self) -> None:
        """Leave nothing of it."""
        for connection in self._connections:
            connection.close()
        self.zygote.close()
        self.listener.close()


def ask(connection: http.client.HTTPConnection) -> bytes:
    """Return an answer, and keep the connection."""
    connection.request("GET", "/")
    return connection.getresponse().read()


@contextlib.contextmanager
def starting(folder: Path, source: str) -> Iterator[Callable[[str], Server]]:
    """Yield what starts a server of a kind, which listens; nothing of any is left."""
    with contextlib.ExitStack() as started:

        def start(kind: str) -> Server:
            server = Server(folder, source, kind)
            started.callback(server.close)
            server.await_listening()
            return server

        yield start
