"""The client's end of a WebSocket: RFC 6455, as much of it as browsers' debuggers use.

No extension is asked for, and messages are texts.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import socket
from enum import IntEnum
from typing import Self
from urllib.parse import urlsplit

from sceneshift.core.errors import SceneshiftError

_CHUNK = 1 << 18
_LONGEST_HEAD = 1 << 14
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # of the RFC's section 1.3
_FINAL, _MASKED = 0x80, 0x80
_SHORT, _MEDIUM = 126, 127  # lengths that say how many bytes have the length


class WebSocketError(SceneshiftError):
    """What answers does not speak the protocol, or nobody answers."""


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


def encode_frame(opcode: Opcode, payload: bytes, key: bytes) -> bytes:
    """Return one whole frame as a client sends it, masked with a key of 4 bytes."""
    length = len(payload)
    head = bytes([_FINAL | opcode])
    if length < _SHORT:
        head += bytes([_MASKED | length])
    elif length < 1 << 16:
        head += bytes([_MASKED | _SHORT]) + length.to_bytes(2)
    else:
        head += bytes([_MASKED | _MEDIUM]) + length.to_bytes(8)
    return head + key + _mask(payload, key)


def _mask(data: bytes, key: bytes) -> bytes:
    """Return data combined with a key of 4 bytes; a second time is back again."""
    keys = (key * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data) ^ int.from_bytes(keys)).to_bytes(len(data))


class Decoder:
    """Takes bytes as a server sends them, and returns what is whole."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._kind = Opcode.TEXT
        self._parts: bytearray | None = None  # of a message that is not whole

    def feed(self, data: bytes) -> list[tuple[Opcode, bytes]]:
        """Return the messages that are whole now, with pings and the like in between.

        Raises:
            WebSocketError: The peer speaks something else.
        """
        self._rest += data
        found = []
        while (frame := self._take()) is not None:
            if (whole := self._join(*frame)) is not None:
                found.append(whole)
        return found

    def _take(self) -> tuple[bool, Opcode, bytes] | None:
        """Return a frame, and whether it is the last one of its message."""
        rest = self._rest
        if len(rest) < 2:
            return None
        start, length = 2, rest[1] & ~_MASKED
        if length in {_SHORT, _MEDIUM}:
            start += 2 if length == _SHORT else 8
            if len(rest) < start:
                return None
            length = int.from_bytes(rest[2:start])
        if rest[1] & _MASKED:
            raise WebSocketError("what answers is no server of a WebSocket")
        if len(rest) < start + length:
            return None
        is_final, payload = bool(rest[0] & _FINAL), bytes(rest[start : start + length])
        try:
            opcode = Opcode(rest[0] & ~_FINAL)  # a bit of an extension makes another
        except ValueError as exc:
            raise WebSocketError("a frame of an unknown kind has come") from exc
        del rest[: start + length]
        return is_final, opcode, payload

    def _join(
        self,
        is_final: bool,  # noqa: FBT001 - a frame's
        opcode: Opcode,
        payload: bytes,
    ) -> tuple[Opcode, bytes] | None:
        """Return what is whole with a frame; None where more is to come."""
        if opcode >= Opcode.CLOSE:
            return opcode, payload
        if (opcode is Opcode.CONTINUATION) is (self._parts is None):
            raise WebSocketError("a message has begun within another, or in no place")
        if self._parts is None:
            self._kind, self._parts = opcode, bytearray()
        self._parts += payload
        if not is_final:
            return None
        whole, self._parts = bytes(self._parts), None
        return self._kind, whole


class WebSocket:
    """A connection; `connect` makes one.

    Args:
        sock: A socket over which the two have agreed already.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._decoder = Decoder()

    @classmethod
    def connect(cls, address: str, *, limit_s: float) -> Self:
        """Connect to `ws://host:port/path`.

        Args:
            address: Where.
            limit_s: Seconds that each step may take, and each sending afterwards.

        Raises:
            WebSocketError: Nobody is there, or who is speaks something else.
        """
        place = urlsplit(address)
        try:
            sock = socket.create_connection((place.hostname, place.port), limit_s)
        except OSError as exc:
            reason = (exc.strerror or str(exc)).lower()
            raise WebSocketError(f"nothing answers at {address}: {reason}") from exc
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _agree(sock, place.netloc, place.path or "/")
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._sock.fileno()

    def send(self, text: str) -> bool:
        """Send a message; return False where nobody takes it any more."""
        return self._send(Opcode.TEXT, text.encode())

    def receive(self) -> list[str] | None:
        """Read once, and return the messages that are whole now; None at the end.

        Raises:
            WebSocketError: The peer speaks something else.
        """
        try:
            data = self._sock.recv(_CHUNK)
        except OSError:
            return None
        if not data:
            return None
        texts: list[str] = []
        for opcode, payload in self._decoder.feed(data):
            if opcode is Opcode.PING:
                self._send(Opcode.PONG, payload)
            elif opcode is Opcode.CLOSE:
                self._send(Opcode.CLOSE, payload)
                with contextlib.suppress(OSError):
                    self._sock.shutdown(socket.SHUT_WR)  # the peer closes it now
            elif opcode is not Opcode.PONG:
                texts.append(payload.decode(errors="replace"))
        return texts

    def close(self) -> None:
        """Close it; a second time does nothing."""
        if self._sock.fileno() >= 0:
            self._send(Opcode.CLOSE, b"")
            self._sock.close()

    def _send(self, opcode: Opcode, payload: bytes) -> bool:
        try:
            self._sock.sendall(encode_frame(opcode, payload, os.urandom(4)))
        except OSError:
            return False
        return True


def _agree(sock: socket.socket, host: str, path: str) -> None:
    """Have a server of HTTP go over to the protocol."""
    key = base64.b64encode(os.urandom(16))
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key.decode()}",
    ]
    head = bytearray()
    with contextlib.suppress(OSError):
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        # Byte by byte: what follows the head is a frame already.
        while not head.endswith(b"\r\n\r\n") and len(head) < _LONGEST_HEAD:
            byte = sock.recv(1)
            if not byte:
                break
            head += byte
    digest = hashlib.sha1(key + _GUID, usedforsecurity=False).digest()
    first, _, fields = bytes(head).partition(b"\r\n")
    if b" 101" not in first or base64.b64encode(digest) not in fields:
        said = first.decode(errors="replace") or "nothing"
        raise WebSocketError(f"{host} speaks no WebSocket at {path}, it says: {said}")
