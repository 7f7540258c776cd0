"""Where a connection is between two requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneshift.dev.zygote.framing import Exchange

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    b"5;name=value\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: a\r\n\r\n"
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
PROMISED = b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n"
PIECES = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nfoo\r\n3\r\nbar\r\n0\r\n\r\n"
)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODY = b"HTTP/1.1 200 OK\r\n\r\nuntil the end"
PAIRS = [
    (GET, OK),
    (GET, EMPTY),
    (GET, PIECES),
    (HEAD, PROMISED),
    (POST, OK),
    (POST, CONTINUE + PIECES),
    (CHUNKED, CONTINUE + CONTINUE + EMPTY),
    (b"\r\n" + GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
    (GET, b"HTTP/1.0 204 No Content\r\nConnection: keep-alive\r\n\r\n"),
    (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", OK),
]


def feed(exchange: Exchange, request: bytes, answer: bytes) -> None:
    """Let a request come in, and its answer go out."""
    exchange.note_received(memoryview(request))
    exchange.note_sent(memoryview(answer))


def state(exchange: Exchange) -> str:
    """Return what is said of a connection, in one word."""
    if exchange.is_opaque:
        return "opaque"
    if exchange.is_idle:
        return "idle"
    return "busy" if exchange.is_busy else "last"


def test_a_connection_that_has_carried_nothing_is_idle() -> None:
    """Its first request is the successor's."""
    assert state(Exchange()) == "idle"


@given(st.lists(st.sampled_from(PAIRS), min_size=1), st.data())
def test_a_connection_is_idle_after_each_whole_exchange(
    pairs: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    """However its bytes are cut, and busy everywhere between."""
    exchange = Exchange()
    for request, answer in pairs:
        end = len(request) + len(answer)
        cuts = data.draw(st.sets(st.integers(1, end - 1)))
        begin = 0
        for cut in sorted({*cuts, len(request), end}):
            piece = memoryview(request + answer)[begin:cut]
            is_asking = cut <= len(request)
            (exchange.note_received if is_asking else exchange.note_sent)(piece)
            has_begun = (request + answer)[:cut].strip() != b""
            assert state(exchange) == ("busy" if has_begun and cut < end else "idle")
            begin = cut


@given(st.lists(st.sampled_from(PAIRS), min_size=2, max_size=5))
def test_requests_may_come_ahead_of_answers(pairs: list[tuple[bytes, bytes]]) -> None:
    """The connection is idle when the last of them is answered."""
    exchange = Exchange()
    exchange.note_received(memoryview(b"".join(request for request, _ in pairs)))
    for _, answer in pairs:
        assert state(exchange) == "busy"
        exchange.note_sent(memoryview(answer))
    assert state(exchange) == "idle"


def test_an_answer_may_come_before_its_request_is_whole() -> None:
    """The rest belongs to whoever has read the beginning."""
    exchange = Exchange()
    feed(exchange, POST[:-3], OK)
    assert state(exchange) == "busy"
    exchange.note_received(memoryview(POST[-3:]))
    assert state(exchange) == "idle"


def test_a_file_is_sent_unseen() -> None:
    """Its length is enough."""
    exchange = Exchange()
    feed(exchange, GET, PROMISED)
    exchange.note_sent_file(1500)
    assert state(exchange) == "busy"
    exchange.note_sent_file(500)
    assert state(exchange) == "idle"
    exchange.note_sent_file(1)
    assert state(exchange) == "opaque"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"GET / HTTP/1.1\r\nConnection: keep-alive, Close\r\n\r\n", OK),
        (b"GET / HTTP/1.0\r\n\r\n", OK),
        (GET, OK.replace(b"Content", b"Connection: close\r\nContent")),
        (GET, OK.replace(b"1.1", b"1.0")),
    ],
)
def test_a_connection_that_ends_with_its_answer_is_never_idle(
    request_: bytes, answer: bytes
) -> None:
    """Nor is anything under way on it any more."""
    exchange = Exchange()
    feed(exchange, request_, answer)
    assert state(exchange) == "last"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (GET, BODY),
        (GET, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
        (b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
        (GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        (GET, b"HTTP/2 200\r\n\r\n"),
        (b"PING\n", b"PONG\n"),
        (GET, b"HTTP/1.1 OK\r\n\r\n"),
        (GET, OK + OK),
        (GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", b""),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b""),
        (b"\x16\x03\x01\x02\x00", b""),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 300_000, b""),
    ],
)
def test_nothing_is_said_of_what_is_not_understood(
    request_: bytes, answer: bytes
) -> None:
    """Nor of anything that comes after it."""
    exchange = Exchange()
    feed(exchange, request_, answer)
    assert state(exchange) == "opaque"
    feed(exchange, GET, OK)
    assert state(exchange) == "opaque"


@given(st.binary(), st.binary())
def test_no_bytes_are_too_odd(received: bytes, sent: bytes) -> None:
    """Whatever a program speaks, it goes on speaking."""
    feed(Exchange(), received, sent)
