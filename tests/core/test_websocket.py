"""The client of a WebSocket, beside a server that is not ours."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

from sceneshift.core.websocket import (
    Decoder,
    Opcode,
    WebSocket,
    WebSocketError,
    encode_frame,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LENGTHS = (0, 1, 125, 126, 127, 65_535, 65_536, 200_000)


def frame(opcode: Opcode, payload: bytes, *, is_final: bool = True) -> bytes:
    """Return a frame as a server sends it."""
    length = len(payload)
    if length < 126:
        size = bytes([length])
    elif length < 1 << 16:
        size = bytes([126]) + length.to_bytes(2)
    else:
        size = bytes([127]) + length.to_bytes(8)
    return bytes([0x80 * is_final | opcode]) + size + payload


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[tuple[Opcode, bytes]], bytes]:
    """Return messages in pieces, with pings between them, and their bytes."""
    whole, data = [], b""
    for payload in draw(st.lists(st.binary(max_size=300), max_size=4)):
        places = draw(st.lists(st.integers(0, len(payload)), max_size=3).map(sorted))
        pieces = [
            payload[a:b]
            for a, b in zip([0, *places], [*places, len(payload)], strict=True)
        ]
        for number, piece in enumerate(pieces):
            if number and draw(st.booleans()):
                whole.append((Opcode.PING, b"x"))
                data += frame(Opcode.PING, b"x")
            kind = Opcode.CONTINUATION if number else Opcode.TEXT
            data += frame(kind, piece, is_final=number == len(pieces) - 1)
        whole.append((Opcode.TEXT, payload))
    return whole, data


@given(streams(), st.integers(1, 50))
def test_messages_are_whole_however_they_come(
    stream: tuple[list[tuple[Opcode, bytes]], bytes], size: int
) -> None:
    """In pieces of their own, in any pieces of TCP, with pings in between."""
    decoder, (whole, data) = Decoder(), stream
    chunks = [data[place : place + size] for place in range(0, len(data), size)]
    assert [each for chunk in chunks for each in decoder.feed(chunk)] == whole


@pytest.mark.parametrize("length", LENGTHS)
def test_a_head_may_come_byte_by_byte(length: int) -> None:
    """Each length has a head of its own."""
    decoder, data = Decoder(), frame(Opcode.TEXT, b"x" * length)
    heads = [decoder.feed(data[place : place + 1]) for place in range(10)]
    found = [*heads, decoder.feed(data[10:])]
    assert [each for got in found for each in got] == [(Opcode.TEXT, b"x" * length)]


@pytest.mark.parametrize(
    "data",
    [
        frame(Opcode.CONTINUATION, b"x"),
        frame(Opcode.TEXT, b"x", is_final=False) + frame(Opcode.TEXT, b"y"),
        b"\x83\x00",
        b"\xc1\x00",
        encode_frame(Opcode.TEXT, b"x", b"1234"),
    ],
)
def test_what_is_no_message_of_a_server_is_refused(data: bytes) -> None:
    """A piece of nothing, one within another, unknown kinds, and masks."""
    with pytest.raises(WebSocketError):
        Decoder().feed(data)


def echo(sock: socket.socket) -> None:
    """Answer each text with a ping and itself, in two pieces; end at `end`."""
    peer = WSConnection(ConnectionType.SERVER)
    texts: list[str] = []
    while data := sock.recv(1 << 16):
        peer.receive_data(data)
        for event in peer.events():
            answer = b""
            if isinstance(event, Request):
                answer = peer.send(AcceptConnection())
            elif isinstance(event, TextMessage):
                texts.append(event.data)
                if event.message_finished:
                    text = "".join(texts)
                    texts.clear()
                    answer = peer.send(Ping(b"there?")) + peer.send(Pong(b""))
                    first = TextMessage(text[:1], message_finished=False)
                    answer += peer.send(first) + peer.send(TextMessage(text[1:]))
                    if text == "end":
                        answer += peer.send(CloseConnection(1000))
            sock.sendall(answer)


def reject(sock: socket.socket) -> None:
    """Want no WebSocket."""
    peer = WSConnection(ConnectionType.SERVER)
    peer.receive_data(sock.recv(1 << 16))
    sock.sendall(peer.send(RejectConnection(status_code=403)))


def end(sock: socket.socket) -> None:
    """Say nothing."""
    sock.recv(1 << 16)


@contextlib.contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve one connection; yield the address."""

    def run() -> None:
        with contextlib.suppress(OSError):
            sock, _ = server.accept()
            with sock:
                serve(sock)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=run)
        thread.start()
        yield f"ws://127.0.0.1:{server.getsockname()[1]}/devtools/page/1"
        thread.join()


def receive_all(line: WebSocket) -> Iterator[str]:
    """Yield messages until the end."""
    while (found := line.receive()) is not None:
        yield from found


def test_another_implementation_understands_each_length() -> None:
    """What is masked here is plain there; pings are answered, and the end told."""
    said = ["ä" * (length // 2) for length in LENGTHS]
    with serving(echo) as address:
        line = WebSocket.connect(address, limit_s=30)
        heard = receive_all(line)
        for text in [*said, "end"]:
            assert line.send(text)
            assert next(heard) == text
        assert list(heard) == []
        line.close()
        line.close()
        assert not line.send("x")
        assert line.receive() is None


@pytest.mark.parametrize(
    ("serve", "said"), [(reject, "says: HTTP/1.1 403"), (end, "says: nothing")]
)
def test_a_server_of_something_else_is_told(
    serve: Callable[[socket.socket], None], said: str
) -> None:
    """With its first line."""
    with (
        serving(serve) as address,
        pytest.raises(WebSocketError, match=f"/devtools/page/1, it {said}"),
    ):
        WebSocket.connect(address, limit_s=30)


def test_where_nobody_is_that_is_told() -> None:
    """Not with a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"ws://127.0.0.1:{server.getsockname()[1]}/"
    with pytest.raises(WebSocketError, match=r"nothing answers at ws.*refused"):
        WebSocket.connect(address, limit_s=30)
