"""A browser under a debugger, by Chrome's DevTools protocol.

See https://chromedevtools.github.io/devtools-protocol/.
"""

from __future__ import annotations

import itertools
import json
import select
import time
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.websocket import WebSocket, WebSocketError
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable

Message: TypeAlias = dict[str, Any]

_CONNECT_S = 5.0
_ANSWER_S = 10.0


class DevToolsError(SceneshiftError):
    """A browser does not do what it was asked for."""


class Loop(Protocol):
    """What waits for a browser and perhaps for others, too."""

    def watch(self, source: int, on_ready: Callable[[], bool]) -> None:
        """Call something when a descriptor can be read, until it returns False."""
        ...

    def unwatch(self, source: int) -> None:
        """Look at a descriptor no more; one that is not looked at is no news."""
        ...

    def wait(self, is_done: Callable[[], bool], *, limit_s: float) -> bool:
        """Wait until something is so; return whether it is."""
        ...


class DevTools:
    """A connection to a browser, or to one page of it.

    Args:
        line: The connection.
        loop: What waits; None means that nothing else is waited for.

    Attributes:
        events: What has come and was not taken, the oldest first.
        is_closed: Whether the browser is gone.
    """

    def __init__(self, line: WebSocket, loop: Loop | None = None) -> None:
        self.events: list[Message] = []
        self.is_closed = False
        self._line = line
        self._numbers = itertools.count(1)
        self._answers: dict[int, Message] = {}
        self._loop = loop or _Alone()
        self._loop.watch(line.fileno(), self._read)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @classmethod
    def connect(cls, address: str, loop: Loop | None = None) -> Self:
        """Connect to a `webSocketDebuggerUrl`.

        Raises:
            WebSocketError: Nobody is there, or who is speaks something else.
        """
        return cls(WebSocket.connect(address, limit_s=_CONNECT_S), loop)

    def close(self) -> None:
        """Leave the browser; a second time does nothing."""
        if self._line.fileno() >= 0:
            self._loop.unwatch(self._line.fileno())
        self._line.close()
        self.is_closed = True

    def ask(
        self,
        method: str,
        *,
        session: str = "",
        limit_s: float = _ANSWER_S,
        **params: Any,
    ) -> Message:
        """Return the result of a method.

        Args:
            method: `Domain.method`.
            session: Of the page that is meant; empty means the browser, or the page
                that was connected to.
            limit_s: Seconds that the answer may take.
            params: What the method takes.

        Raises:
            DevToolsError: The browser refuses, does not answer in time, or is gone.
        """
        number = next(self._numbers)
        message: Message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._line.send(json.dumps(message))
        self.wait(lambda: number in self._answers, limit_s=limit_s)
        answer = self._answers.pop(number, None)
        if answer is None and self.is_closed:
            raise DevToolsError("the browser has ended")
        if answer is None:
            raise DevToolsError(f"no answer to {quote(method)} within {limit_s:g} s")
        if "error" in answer:
            reason = answer["error"].get("message", "no reason was given")
            raise DevToolsError(f"{quote(method)} was refused: {reason}")
        result: Message = answer["result"]
        return result

    def wait(self, is_done: Callable[[], bool], *, limit_s: float) -> bool:
        """Wait until something is so, or the browser is gone; return whether it is."""
        self._loop.wait(lambda: is_done() or self.is_closed, limit_s=limit_s)
        return is_done()

    def has(self, method: str) -> bool:
        """Tell whether an event of a name has come, and was not taken."""
        return any(each["method"] == method for each in self.events)

    def take(self, method: str, *, limit_s: float = 0.0) -> Message | None:
        """Return the parameters of the oldest event of a name; None where none comes.

        Args:
            method: `Domain.event`.
            limit_s: Seconds that it may take.
        """
        self.wait(lambda: self.has(method), limit_s=limit_s)
        for place, event in enumerate(self.events):
            if event["method"] == method:
                del self.events[place]
                params: Message = event.get("params", {})
                return params
        return None

    def _read(self) -> bool:
        try:
            texts = self._line.receive()
        except WebSocketError:
            texts = None
        for text in texts or ():
            message = json.loads(text)
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self.events.append(message)
        self.is_closed = texts is None
        return not self.is_closed


class _Alone:
    """Waits for one connection and nothing else."""

    def watch(self, source: int, on_ready: Callable[[], bool]) -> None:
        self._source, self._on_ready = source, on_ready

    def unwatch(self, source: int) -> None:
        pass

    def wait(self, is_done: Callable[[], bool], *, limit_s: float) -> bool:
        deadline = time.monotonic() + limit_s
        while not is_done():
            rest_s = deadline - time.monotonic()
            if rest_s <= 0:
                return False
            if select.select([self._source], [], [], rest_s)[0]:
                self._on_ready()
        return True
