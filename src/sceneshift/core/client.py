"""The other end of the control socket: light, for every command pays for it."""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from typing import TYPE_CHECKING

from sceneshift.core.channel import Channel
from sceneshift.core.errors import (
    BusyError,
    RefusedError,
    SceneshiftError,
    UsageError,
)
from sceneshift.core.paths import StateFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sceneshift.core.channel import Message

SOCKET_NAME = "dev.sock"
_ANSWER_S = 30.0
_MEANWHILE_S = 1.0
_BY_CODE = {2: UsageError, 4: RefusedError, 5: BusyError}


class Client:
    """A connection to the stack of a checkout."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @classmethod
    def find(cls, root: Path) -> Client | None:
        """Return a connection, or None where no stack runs here.

        Raises:
            SceneshiftError: It runs, but is suspended: it would not answer.
        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(_ANSWER_S)
        try:
            sock.connect(str(StateFolder(root).socket(SOCKET_NAME)))
        except OSError:
            sock.close()
            return None
        _refuse_suspended(sock)
        return cls(Channel(sock))

    @classmethod
    def get(cls, root: Path) -> Client:
        """Return a connection.

        Raises:
            SceneshiftError: No stack runs here.
        """
        client = cls.find(root)
        if client is None:
            raise SceneshiftError(
                f"nothing runs in this checkout: {root}", hint="start it: inv dev"
            )
        return client

    def ask(
        self,
        request: Message,
        *,
        wait_s: float = _ANSWER_S,
        meanwhile: Callable[[], None] | None = None,
    ) -> Message:
        """Send a request and return its answer, which may take so long.

        Args:
            request: What is asked.
            wait_s: Seconds.
            meanwhile: Is called each second in which there is no answer yet.

        Raises:
            SceneshiftError: The stack refuses, or goes away meanwhile.
        """
        self._channel.sock.settimeout(wait_s)
        answer, fds = self._ask(request, meanwhile)
        for fd in fds:
            os.close(fd)
        return answer

    def ask_terminal(self, request: Message) -> tuple[int, str]:
        """Send a request; return the terminal's descriptor, and `file:line`."""
        answer, fds = self._ask(request)
        return fds[0], answer["place"]

    def fileno(self) -> int:
        """Return the descriptor, for `select`."""
        return self._channel.fileno()

    def follow(self) -> Iterator[Message]:
        """Yield what comes after an answer, until the stack ends."""
        self._channel.sock.settimeout(None)
        while (received := self._channel.receive()) is not None:
            yield received[0]

    def wait_end(self) -> None:
        """Return when the stack has closed the connection."""
        for _message in self.follow():
            pass

    def close(self) -> None:
        """Go."""
        self._channel.close()

    def _ask(
        self, request: Message, meanwhile: Callable[[], None] | None = None
    ) -> tuple[Message, list[int]]:
        try:
            self._channel.send(request)
            if meanwhile is not None:
                self._pass_time(meanwhile)
            received = self._channel.receive()
        except TimeoutError as error:
            waited_s = self._channel.sock.gettimeout() or 0.0
            raise SceneshiftError(
                f"the stack does not answer within {waited_s:g} s",
                hint="see what it does: inv dev.logs",
            ) from error
        except OSError:
            received = None
        if received is None:
            raise SceneshiftError("the stack has just ended", hint="start it: inv dev")
        message, fds = received
        if not message["ok"]:
            error_class = _BY_CODE.get(message["code"], SceneshiftError)
            raise error_class(message["error"], hint=message["hint"])
        return message, fds

    def _pass_time(self, meanwhile: Callable[[], None]) -> None:
        """Return when there is something to be read.

        Raises:
            TimeoutError: There is not in the time that the socket has.
        """
        end = time.monotonic() + (self._channel.sock.gettimeout() or 0.0)
        while (left_s := end - time.monotonic()) > 0:
            if select.select([self._channel], [], [], min(left_s, _MEANWHILE_S))[0]:
                return
            meanwhile()
        raise TimeoutError


def _refuse_suspended(sock: socket.socket) -> None:
    """Say at once that Ctrl-Z was pressed, rather than wait for an answer."""
    if not hasattr(socket, "SO_PEERCRED"):  # pragma: no cover - macOS
        return
    from sceneshift.core.processes import find_process  # noqa: PLC0415 - 2 ms

    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid = int.from_bytes(credentials[:4], sys.byteorder)
    entry = find_process(pid)
    if entry is not None and entry.state == "T":
        sock.close()
        raise SceneshiftError(
            f"the stack of this checkout is suspended: pid {pid}",
            hint=f"let it go on: fg in its terminal, or kill -CONT {pid}",
        )
