from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from sceneshift.env.response import ask

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def answering(*answer: bytes) -> Iterator[int]:
    """Answer one connection with these pieces; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                for piece in answer:
                    connection.sendall(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("answer", "is_good", "detail"),
    [
        ([b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100], True, "GET /health: 200"),
        ([b"HTTP/1", b".0 302 Found\r\n"], True, "GET /health: 302"),
        ([b"HTTP/1.1 503 No\r\n\r\n"], False, "GET /health: 503"),
        ([b"SSH-2.0"], False, "GET /health: no HTTP"),
        ([], False, "GET /health: no HTTP"),
    ],
)
def test_a_path_is_good_as_its_answer_is(
    answer: list[bytes], detail: str, *, is_good: bool
) -> None:
    """2xx and 3xx are, as for a start's readiness."""
    with answering(*answer) as port:
        response = ask(port, "/health", limit_s=10)
    assert (response.is_good, response.detail) == (is_good, detail)
    assert response.time_s >= 0


def test_without_a_path_a_connection_will_do() -> None:
    """And where there is none, the system's word is told."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert ask(port, None, limit_s=10).detail == f"port {port}: accepts"
    refused = ask(port, None, limit_s=10)
    assert not refused.is_good
    assert refused.detail == f"port {port}: connection refused"


def test_a_server_that_says_nothing_is_given_up() -> None:
    """The limit ends the wait."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        response = ask(port, "/", limit_s=0.05)
    assert (response.is_good, response.detail) == (False, "GET /: timed out")
