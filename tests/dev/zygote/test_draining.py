"""Which connections wait for an answer."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.zygote.draining import count_busy
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A client's end, and the one that a server has accepted."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _address = server.accept()
        with client, accepted:
            yield client, accepted


def is_idle(accepted: socket.socket) -> bool:
    """Say whether nothing is under way on the port."""
    return count_busy({accepted.getsockname()[1]}) == 0


def test_a_request_is_under_way_until_it_is_answered(pair: Pair) -> None:
    """Also when the server has read it and says nothing yet."""
    client, accepted = pair
    client.sendall(b"ask")
    wait_until(lambda: not is_idle(accepted))
    assert accepted.recv(10) == b"ask"
    assert not is_idle(accepted)
    accepted.sendall(b"answer")
    wait_until(lambda: is_idle(accepted))


def test_a_client_that_never_asks_is_not_waited_for(pair: Pair) -> None:
    """It has a moment to begin; after that its connection is an idle one."""
    wait_until(lambda: is_idle(pair[1]))


def test_connections_to_other_ports_are_others(pair: Pair) -> None:
    """Nor does the socket that listens count."""
    client, accepted = pair
    client.sendall(b"ask")
    wait_until(lambda: not is_idle(accepted))
    assert count_busy({1}) == 0


def test_connections_that_are_closed_meanwhile_are_not_counted() -> None:
    """Threads of the server go on, and their numbers are given to other files."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        is_over = False

        def churn() -> None:
            while not is_over:
                with socket.create_connection(address), server.accept()[0]:
                    pass
                Path(os.devnull).read_bytes()

        before = len([*Path("/proc/self/fd").iterdir()])
        threads = [threading.Thread(target=churn) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(300):
                count_busy({address[1]})
        finally:
            is_over = True
            for thread in threads:
                thread.join()
        assert len([*Path("/proc/self/fd").iterdir()]) == before
