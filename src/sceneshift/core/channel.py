"""Messages between the supervisor and the processes that it talks with.

A message is one JSON object in a frame: four bytes of length, big-endian, then UTF-8
text. File descriptors travel with the first byte of their frame.
"""

from __future__ import annotations

import _thread
import json
import os
import socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Message = dict[str, Any]

_LENGTH = struct.Struct("!I")
_MOST_FDS = 64


def encode(message: Message) -> bytes:
    """Return the frame of a message."""
    text = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(text)) + text


class Decoder:
    """Frames back into messages, however the stream was cut.

    The descriptors of a frame belong to the message whose first byte they came with:
    one `recvmsg` never crosses into a second message that has some, so they are handed
    out in order, `fds` many to each message.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._fds: list[int] = []

    def feed(self, data: bytes, fds: list[int]) -> list[tuple[Message, list[int]]]:
        """Take what was received; return the whole messages with their fds."""
        self._bytes += data
        self._fds += fds
        whole = []
        while len(self._bytes) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._bytes)
            end = _LENGTH.size + length
            if len(self._bytes) < end:
                break
            message = json.loads(self._bytes[_LENGTH.size : end])
            del self._bytes[:end]
            count = message.get("fds", 0)
            whole.append((message, self._fds[:count]))
            del self._fds[:count]
        return whole


class Channel:
    """One end of a stream socket that carries messages."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._decoder = Decoder()
        self._queue: list[tuple[Message, list[int]]] = []
        self._waiting: list[tuple[bytes, tuple[int, ...]]] = []
        self._sending = _thread.allocate_lock()
        self._identity = _identify(sock.fileno())

    def fileno(self) -> int:
        """Return the descriptor, for selectors."""
        return self.sock.fileno()

    @property
    def is_intact(self) -> bool:
        """Whether the descriptor is still the one that this was made with."""
        return _identify(self.sock.fileno()) == self._identity

    def abandon(self) -> None:
        """Let go of a descriptor that is another's by now, without closing it."""
        self.sock.detach()

    def send(self, message: Message, fds: tuple[int, ...] = ()) -> None:
        """Send a message; blocks while the other side's buffer is full.

        A thread, or a signal's handler, that comes in the middle of another message
        leaves its own to the one that is sending.
        """
        if fds:
            message = {**message, "fds": len(fds)}
        # Duplicates: the caller may have closed its own by then.
        self._waiting.append((encode(message), tuple(map(os.dup, fds))))
        while self._waiting and self._sending.acquire(blocking=False):
            try:
                self._send_waiting()
            finally:
                self._sending.release()

    def _send_waiting(self) -> None:
        while self._waiting:
            data, fds = self._waiting.pop(0)
            try:
                sent = self._send_first(data, fds)
            finally:
                for fd in fds:
                    os.close(fd)
            if sent < len(data):
                self.sock.sendall(data[sent:])

    def _send_first(self, data: bytes, fds: tuple[int, ...]) -> int:
        if not fds:
            return self.sock.send(data)
        return socket.send_fds(self.sock, [data], fds)

    def receive(self) -> tuple[Message, list[int]] | None:
        """Wait for a message; None at the end of the stream."""
        while not self._queue:
            data, fds = self._receive_bytes()
            if not data:
                return None
            self._queue += self._decoder.feed(data, fds)
        return self._queue.pop(0)

    def take_queued(self) -> list[tuple[Message, list[int]]]:
        """Return the messages that came together with one that `receive` returned."""
        queued, self._queue = self._queue, []
        return queued

    def receive_all(self) -> list[tuple[Message, list[int]]] | None:
        """Read once and return every whole message; None at the end of the stream."""
        data, fds = self._receive_bytes()
        if not data:
            return None
        return self._decoder.feed(data, fds)

    def _receive_bytes(self) -> tuple[bytes, list[int]]:
        """Read once: bytes (none at the end) and close-on-exec descriptors."""
        try:
            data, fds, _flags, _address = socket.recv_fds(self.sock, 65536, _MOST_FDS)
        except ConnectionError:
            return b"", []
        for fd in fds:
            os.set_inheritable(fd, False)
        return data, fds

    def close(self) -> None:
        """Close this end."""
        self.sock.close()


def _identify(fd: int) -> tuple[int, int] | None:
    """Tell one open socket from another; None where there is none."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino
