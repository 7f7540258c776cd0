"""Where one HTTP/1 message ends and the next begins, told by the bytes of a connection.

Only what tells lengths is read (RFC 9112, section 6). What is no HTTP/1 or becomes
something else (an upgrade, a tunnel, an answer that ends with its connection) is opaque
from there on: nothing is said of it any more.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Fields = dict[bytes, bytes]
    # From the first line and the fields: the length of what follows, or CHUNKED, and
    # whether the message is one that counts.
    Measure = Callable[[bytes, Fields], tuple[int, bool]]

CHUNKED = -1
_STEP = 8192  # bytes that are looked through at a time
_CAPITALS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # of a method, or of `HTTP/1.1`
_LONGEST = 1 << 18  # bytes of a head, as long as no server takes them


class OpaqueError(Exception):
    """These bytes are no messages whose ends could be told."""


class Messages:
    """The messages of one direction, one after the other.

    Args:
        measure: Reads a head.
        start: What each begins with, where that is always the same.

    Attributes:
        ended: How many that count are there to their end.
        is_between: Whether the next one has not begun.
    """

    def __init__(self, measure: Measure, start: bytes = b"") -> None:
        self.ended = 0
        self.is_between = True
        self._measure = measure
        self._start = start
        self._begun = bytearray()  # of a head, or of a line between chunks
        self._left = 0  # bytes of a body or of a chunk that are still to come
        self._read = self._read_head
        self._counts = True

    def feed(self, data: memoryview) -> None:
        """Take what was read or sent.

        Raises:
            OpaqueError: It is no such message.
        """
        while data:
            if self._left:
                count = min(self._left, len(data))
                self._pass_body(count)
                data = data[count:]
            else:
                data = self._read(data)

    def skip(self, count: int) -> None:
        """Take so many bytes of a body that nobody has seen.

        Raises:
            OpaqueError: There are more than the body has.
        """
        if count > self._left:
            raise OpaqueError
        self._pass_body(count)

    def _pass_body(self, count: int) -> None:
        self._left -= count
        if not self._left and self._read == self._read_head:
            self._end()

    def _end(self) -> None:
        self._read = self._read_head
        self.is_between = True
        self.ended += self._counts

    def _find(self, end: bytes, data: memoryview) -> tuple[bytes | None, memoryview]:
        """Return what is before an end, once that has come, and what is behind it."""
        piece, before = data[:_STEP], len(self._begun)
        self._begun += piece
        at = self._begun.find(end, max(0, before - len(end) + 1))
        if at >= 0:
            text = bytes(self._begun[:at])
            self._begun.clear()
            return text, data[at + len(end) - before :]
        if len(self._begun) > _LONGEST:
            raise OpaqueError
        return None, data[len(piece) :]

    def _read_head(self, data: memoryview) -> memoryview:
        if self.is_between:
            # Some clients send an empty line after a body (RFC 9112, 2.2).
            while data and data[0] in b"\r\n":
                data = data[1:]
            if data and data[0] not in _CAPITALS:
                raise OpaqueError  # TLS, for one
            self.is_between = not data
        head, data = self._find(b"\r\n\r\n", data)
        begun = self._begun if head is None else head
        if not begun.startswith(self._start[: len(begun)]):
            raise OpaqueError
        if head is None:
            return data
        first, *lines = head.split(b"\r\n")
        length, self._counts = self._measure(first, _read_fields(lines))
        if length == CHUNKED:
            self._read = self._read_size
        elif length:
            self._left = length
        else:
            self._end()
        return data

    def _read_size(self, data: memoryview) -> memoryview:
        line, data = self._find(b"\r\n", data)
        if line is None:
            return data
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            raise OpaqueError from None
        if size:
            self._left = size + 2  # with the end of the line behind it
        else:
            self._read = self._read_trailer
        return data

    def _read_trailer(self, data: memoryview) -> memoryview:
        line, data = self._find(b"\r\n", data)
        if line == b"":
            self._end()
        return data


class Exchange:
    """The requests and answers of one connection.

    Attributes:
        is_opaque: Whether nothing is known of it any more.
    """

    def __init__(self) -> None:
        self.is_opaque = False
        self._is_last = False  # the connection ends with this answer
        self._requests = Messages(self._measure_request)
        self._answers = Messages(self._measure_answer, b"HTTP/1.")
        self._methods: list[bytes] = []  # of the requests that have no answer yet

    @property
    def is_idle(self) -> bool:
        """Whether it is between two requests, and may carry another."""
        return not (self.is_opaque or self._is_last or self.is_busy)

    @property
    def is_busy(self) -> bool:
        """Whether a request has begun that is not wholly there, or not answered."""
        requests, answers = self._requests, self._answers
        is_between = requests.is_between and answers.is_between
        return not is_between or requests.ended != answers.ended

    def note_received(self, data: memoryview) -> None:
        """Know what was read from the client."""
        self._note(self._requests.feed, data)

    def note_sent(self, data: memoryview) -> None:
        """Know what was sent to the client."""
        self._note(self._answers.feed, data)

    def note_sent_file(self, count: int) -> None:
        """Know that so many bytes of a file were sent to the client."""
        self._note(self._answers.skip, count)

    def give_up(self) -> None:
        """Know that bytes went by unseen."""
        self.is_opaque = True

    def _note(self, take: Callable[[Any], None], what: Any) -> None:
        if self.is_opaque:
            return
        try:
            take(what)
        except OpaqueError:
            self.is_opaque = True

    def _measure_request(self, first: bytes, fields: Fields) -> tuple[int, bool]:
        method, _, rest = first.partition(b" ")
        version = rest.rpartition(b" ")[2]
        if not version.startswith(b"HTTP/1."):
            raise OpaqueError
        self._methods.append(method)
        self._is_last |= _is_last(version, fields)
        return _measure_body(fields) or 0, True

    def _measure_answer(self, first: bytes, fields: Fields) -> tuple[int, bool]:
        version, _, rest = first.partition(b" ")
        status = rest[:3]
        if not status.isdigit():
            raise OpaqueError
        if not self._methods:
            raise OpaqueError  # to a request that was not seen
        if status.startswith(b"1") and status != b"101":
            return 0, False
        method = self._methods.pop(0)
        if status == b"101" or (method == b"CONNECT" and status.startswith(b"2")):
            raise OpaqueError
        self._is_last |= _is_last(version, fields)
        if method == b"HEAD" or status in (b"204", b"304"):
            return 0, True
        length = _measure_body(fields)
        if length is None:
            raise OpaqueError  # it ends with the connection
        return length, True


def _measure_body(fields: Fields) -> int | None:
    """Return the length of a body, or CHUNKED; None where the head does not tell."""
    if b"transfer-encoding" in fields:
        coding = fields[b"transfer-encoding"].rpartition(b",")[2].strip()
        return CHUNKED if coding.lower() == b"chunked" else None
    length = fields.get(b"content-length")
    if length is None:
        return None
    if not length.isdigit():
        raise OpaqueError
    return int(length)


def _is_last(version: bytes, fields: Fields) -> bool:
    """Say whether the connection ends with a message, or with the answer to it."""
    is_old = version == b"HTTP/1.0" and not _has(fields, b"keep-alive")
    return is_old or _has(fields, b"close")


def _has(fields: Fields, option: bytes) -> bool:
    """Say whether the field `Connection` names an option."""
    named = fields.get(b"connection", b"").lower().split(b",")
    return option in [each.strip() for each in named]


def _read_fields(lines: list[bytes]) -> Fields:
    """Return the fields of a head, names in lower case, several values as a list."""
    fields: Fields = {}
    for line in lines:
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        known = fields[name] + b"," if name in fields else b""
        fields[name] = known + value.strip()
    return fields
