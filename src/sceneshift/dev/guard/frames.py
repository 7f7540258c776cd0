"""Messages between the supervisor and its guard, on a stream.

A frame is four bytes of length, most significant first, and that many bytes of
marshal: built into the interpreter, so it costs the guard no memory (json brings `re`
and enums, 1 MB), and arguments and environments stay bytes. Both ends run the same
interpreter on an unnamed socket pair; marshal would be wrong for anything else.
"""

from __future__ import annotations

import marshal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Message = dict[str, Any]

_HEAD = 4
_FORMAT = 2  # the last version without references: equal values, equal bytes
_LONGEST = 1 << 26


def encode(message: Message) -> bytes:
    """Return the message as one frame.

    Raises:
        ValueError: It holds what marshal cannot write, or is longer than 64 MiB.
    """
    body = marshal.dumps(message, _FORMAT)
    if len(body) > _LONGEST:
        raise ValueError(f"a message is too long: {len(body)} bytes")
    return len(body).to_bytes(_HEAD, "big") + body


class FrameReader:
    """Puts messages together again, wherever the stream was cut."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[Message]:
        """Take what has arrived and return the messages that are complete with it.

        Raises:
            ValueError: The stream is not one of frames.
        """
        self._buffer += chunk
        messages: list[Message] = []
        while (end := self._end()) is not None:
            body = bytes(self._buffer[_HEAD:end])
            del self._buffer[:end]
            messages.append(marshal.loads(body))  # noqa: S302 - see the module
        return messages

    def _end(self) -> int | None:
        """Return where the first frame ends; None while it is incomplete."""
        if len(self._buffer) < _HEAD:
            return None
        length = int.from_bytes(self._buffer[:_HEAD], "big")
        if length > _LONGEST:
            raise ValueError(f"a frame is too long: {length} bytes")
        end = _HEAD + length
        return end if len(self._buffer) >= end else None
