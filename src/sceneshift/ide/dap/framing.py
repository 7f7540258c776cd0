"""Messages on the wire: a header with their length, and JSON.

See "Base protocol" in https://microsoft.github.io/debug-adapter-protocol/overview.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote

Message: TypeAlias = dict[str, Any]

_END = b"\r\n\r\n"
_LENGTH = b"content-length"
_LONGEST_HEAD = 4096  # a peer that sends more of it speaks something else


class DebugError(SceneshiftError):
    """A debug adapter does not do what it was asked for."""


def encode(message: Message) -> bytes:
    """Return a message as it is sent."""
    body = msgspec.json.encode(message)
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class Decoder:
    """Takes bytes as they come, and returns whole messages."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that are complete with these bytes.

        Raises:
            DebugError: The peer speaks something else.
        """
        self._rest += data
        messages = []
        while (message := self._take()) is not None:
            messages.append(message)
        return messages

    def _take(self) -> Message | None:
        head, end, _ = self._rest.partition(_END)
        if not end:
            if len(head) > _LONGEST_HEAD:
                raise _foreign(head)
            return None
        start = len(head) + len(_END)
        length = _read_length(bytes(head))
        if len(self._rest) < start + length:
            return None
        body = bytes(self._rest[start : start + length])
        del self._rest[: start + length]
        try:
            return msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.DecodeError as exc:
            raise _foreign(body) from exc


def _read_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == _LENGTH and value.strip().isdigit():
            return int(value)
    raise _foreign(head)


def _foreign(data: bytes | bytearray) -> DebugError:
    text = bytes(data[:80]).decode(errors="replace")
    return DebugError(f"what answers is no debug adapter, it says: {quote(text)}")
