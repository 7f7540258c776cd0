"""An editor's side of debugging: as much of its protocols as tests need."""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import socket
import threading
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
