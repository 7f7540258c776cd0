"""The line to whoever has started this program: JSON, one object a line."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

_INTERVAL_S = 0.2
_GONE = 143


class Line:
    """The other end of a socket.

    Args:
        socket: It is connected.
    """

    def __init__(self, socket: socket.socket) -> None:
        self._socket = socket
        self._reader = socket.makefile("rb")
        self._lock = threading.Lock()

    def receive(self) -> dict[str, Any] | None:
        """Return what is asked for; None where the other side is gone."""
        said = self._reader.readline()
        return json.loads(said) if said.endswith(b"\n") else None

    def watch(self) -> None:
        """End this program when the other one has: nobody waits for it any more.

        What was not committed by then is taken back by the database.
        """
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        self._socket.recv(1)  # it says nothing more
        os._exit(_GONE)

    def send(self, **message: object) -> None:
        """Tell something."""
        data = json.dumps(message, default=str).encode() + b"\n"
        with self._lock:
            self._socket.sendall(data)


class Reporter:
    """Tells how far it is, and not more often than anybody could read.

    Args:
        line: Where to.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._told_at = 0.0
        self._step: dict[str, str] = {}
        self._rows = 0
        self._table = ""

    def begin(self, dataset: str, file: str) -> None:
        """Tell which file is applied now."""
        self._step = {"dataset": dataset, "file": file}
        self._tell(table="", rows=0)

    def count(self, table: str, more: int) -> None:
        """Take into account that a table has got more rows."""
        if table != self._table:
            self._table, self._rows = table, 0
        self._rows += more
        if time.monotonic() - self._told_at >= _INTERVAL_S:
            self._tell(table=table, rows=self._rows)

    def say(self, what: str) -> None:
        """Tell of something else that takes its time."""
        self._step = {"dataset": "", "file": what}
        self._tell(table="", rows=0)

    def _tell(self, *, table: str, rows: int) -> None:
        self._told_at = time.monotonic()
        self._line.send(progress={**self._step, "table": table, "rows": rows})
