"""An editor's side of debugging: as much of its protocols as tests need."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import socket
import struct
import threading
import urllib.parse
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE_S = 30.0
Body = dict[str, Any]


class Session:
    """One session of a debugger: of an anchor, or of a process beside it.

    Attributes:
        line: Of the breakpoint.
    """

    def __init__(self, file: Path, line: int) -> None:
        self.line = line
        self._file = file
        self._numbers = itertools.count(1)
        self._answers: dict[int, queue.Queue[Body]] = {}
        self._events: queue.Queue[Body] = queue.Queue()
        self._sock: socket.socket

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    @classmethod
    def attach(cls, port: int, file: Path, line: int, **settings: Any) -> Self:
        """Return a session that has a breakpoint in a file.

        Args:
            port: Where the adapter listens.
            file: Where the breakpoint is.
            line: The same.
            settings: What an entry of launch.json says, or an adapter asks for.
        """
        session = cls(file, line)
        session._sock = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        session._sock.settimeout(None)
        threading.Thread(target=session._read, daemon=True).start()
        session.ask("initialize", adapterID="debugpy", pathFormat="path")
        attaching = session._send("attach", {"subProcess": True, **settings})
        session.wait("initialized")
        session.set_breakpoint(line)
        session.ask("configurationDone")
        session._receive(attaching)
        return session

    def take_child(self) -> Session:
        """Return a session for the next process that is told of, as editors do."""
        return self.take(self.wait("debugpyAttach"))

    def take(self, told: Body) -> Session:
        """Return a session for a process of which an event has told."""
        port = told["connect"]["port"]
        return Session.attach(port, self._file, self.line, **told)

    def set_breakpoint(self, *lines: int) -> None:
        """Have a breakpoint at these lines, and nowhere else."""
        self.ask(
            "setBreakpoints",
            source={"path": str(self._file)},
            breakpoints=[{"line": line} for line in lines],
        )

    def wait_stop(self) -> tuple[int, int]:
        """Return thread and line, when one has stopped."""
        thread = int(self.wait("stopped")["threadId"])
        frames = self.ask("stackTrace", threadId=thread)["stackFrames"]
        return thread, int(frames[0]["line"])

    def ask(self, command: str, **arguments: Any) -> Body:
        """Send a request; return what the answer has."""
        return self._receive(self._send(command, arguments))

    def wait(self, event: str) -> Body:
        """Return what an event of that name has, when it has come."""
        return self.wait_any(event)[1]

    def wait_any(self, *events: str) -> tuple[str, Body]:
        """Return the next event of these names, and what it has."""
        while True:
            message = self._events.get(timeout=DEADLINE_S)
            if message["event"] in events:
                return message["event"], message.get("body", {})

    def _send(self, command: str, arguments: Body) -> int:
        number = next(self._numbers)
        self._answers[number] = queue.Queue()
        message = {"seq": number, "type": "request", "command": command}
        data = json.dumps({**message, "arguments": arguments}).encode()
        self._sock.sendall(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        return number

    def _receive(self, number: int) -> Body:
        answer = self._answers[number].get(timeout=DEADLINE_S)
        assert answer["success"], answer
        body: Body = answer.get("body") or {}
        return body

    def _read(self) -> None:
        # An adapter that is killed resets what it has.
        with contextlib.suppress(ConnectionError), self._sock.makefile("rb") as lines:
            while head := lines.readline():
                lines.readline()
                message = json.loads(lines.read(int(head.partition(b":")[2])))
                if message["type"] == "event":
                    self._events.put(message)
                elif message["type"] == "response":
                    self._answers[message["request_seq"]].put(message)


class Page:
    """A page in a browser, by the DevTools protocol.

    Args:
        address: Its `webSocketDebuggerUrl`.
    """

    def __init__(self, address: str) -> None:
        place = urllib.parse.urlsplit(address)
        self._numbers = itertools.count(1)
        self._events: list[Body] = []
        sock = socket.create_connection((place.hostname, place.port), DEADLINE_S)
        self._file = sock.makefile("rwb", buffering=0)
        sock.close()  # the file goes on
        head = f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\n"
        key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        version = "Sec-WebSocket-Version: 13\r\n\r\n"
        self._file.write(f"{head}{key}{upgrade}{version}".encode())
        while self._file.readline().strip():
            pass

    def close(self) -> None:
        """Let it go."""
        self._file.close()

    def ask(self, method: str, **params: Any) -> Body:
        """Return the result of a method."""
        number = next(self._numbers)
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == number:
                result: Body = message["result"]
                return result
            self._events.append(message)

    def wait(self, method: str) -> Body:
        """Return the parameters of an event, when it has come."""
        while True:
            message = self._events.pop(0) if self._events else self._receive()
            if message.get("method") == method:
                params: Body = message["params"]
                return params

    def _send(self, message: Body) -> None:
        data = json.dumps(message).encode()
        mask = os.urandom(4)
        masked = bytes(each ^ mask[at % 4] for at, each in enumerate(data))
        self._file.write(
            struct.pack("!BBH", 0x81, 0x80 | 126, len(data)) + mask + masked
        )

    def _receive(self) -> Body:
        length = self._read(2)[1]
        if length == 126:
            (length,) = struct.unpack("!H", self._read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._read(8))
        message: Body = json.loads(self._read(length))
        return message

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._file.read(count - len(data))
            assert part, "the browser is gone"
            data += part
        return data
