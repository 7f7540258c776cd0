"""A port that leads to another one, and what opens it before an editor attaches."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.ide.door import Door
from sceneshift.ide.reach import is_led
from support import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEADLINE_S = 30.0


class Echo:
    """A server that says everything twice.

    Attributes:
        port: Where it listens.
        accepted: How many connections it has taken.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.accepted = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                taken, _ = self._listener.accept()
                self.accepted += 1
                with taken:
                    while words := taken.recv(1 << 16):
                        taken.sendall(words * 2)

    def close(self) -> None:
        """Take no more: whoever waits for one, in its thread, takes none either."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture(name="echo")
def _echo() -> Iterator[Echo]:
    with contextlib.closing(Echo()) as echo:
        yield echo


@contextlib.contextmanager
def opened(door: Door) -> Iterator[None]:
    """Have a door serve meanwhile."""
    is_over = threading.Event()
    thread = threading.Thread(target=door.serve, args=(lambda: not is_over.is_set(),))
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_words_go_there_and_back(tmp_path: Path, echo: Echo) -> None:
    """As many as there are; a look without a word goes no further."""
    port = free_port()
    door = Door(port, echo.port, root=tmp_path)
    with opened(door):
        socket.create_connection(("127.0.0.1", port)).close()
        with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as client:
            for words in (b"a", b"b" * 100_000):
                client.sendall(words)
                wanted = b""
                while len(wanted) < 2 * len(words):
                    wanted += client.recv(1 << 16)
                assert wanted == words * 2
            assert door.is_wanted
        assert door.is_wanted  # by who goes on with what was answered
        wait_until(lambda: not door.is_wanted)
        assert echo.accepted == 1
        echo.close()
        with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as client:
            client.sendall(b"c")
            assert client.recv(1) == b""


def test_a_port_that_leads_there_already_is_left_alone(tmp_path: Path) -> None:
    """Two sessions go through one door; the next one has to be opened."""
    file = tmp_path / "7000"
    with file.open("ab") as first, file.open("ab") as second:
        assert not is_led(first)
        assert is_led(second, limit_s=0.3)
    with file.open("ab") as third:
        assert not is_led(third)


def test_a_port_of_another_program_is_told_with_its_holder(
    tmp_path: Path, echo: Echo
) -> None:
    """Whoever goes there would be led astray."""
    text = f"port {echo.port}, which the entry names, is taken by pid {os.getpid()} "
    with pytest.raises(SceneshiftError, match=text) as caught:
        Door(echo.port, 7000, root=tmp_path)
    assert caught.value.message.endswith("; in this checkout it is 7000")
