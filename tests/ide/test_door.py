"""A port that leads to another one, and what opens it before an editor attaches."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.holders import find_holder
from sceneshift.core.ports import is_free
from sceneshift.ide.door import Door
from sceneshift.ide.reach import Claim, is_led
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
    door = Door(port, echo.port, root=tmp_path, gap_s=1.0)
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
        door.expect()
        assert door.is_wanted
        assert echo.accepted == 1
        echo.close()
        with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as client:
            client.sendall(b"c")
            assert client.recv(1) == b""


def test_a_port_that_leads_there_already_is_left_alone(tmp_path: Path) -> None:
    """Two sessions go through one door, which stays for the second one.

    The next one has to be opened.
    """
    file = tmp_path / "7000"
    file.touch()
    asked: list[bool] = []
    with file.open("r+b", 0) as first, file.open("r+b", 0) as second:
        assert not is_led(first, 7010)
        claim = Claim(first, 7010, expect=lambda: asked.append(True))
        assert claim.holds()
        assert not asked
        assert is_led(second, 7010, limit_s=0.3)
        assert claim.holds()
        assert asked
    with file.open("r+b", 0) as third:
        assert not is_led(third, 7010)


def lead(root: Path, port: int, target: int) -> int:
    """Have another process lead there; return its pid."""
    words = (
        "import sys; from pathlib import Path; from sceneshift.ide.reach import lead"
    )
    subprocess.run(
        [sys.executable, "-c", f"{words}; lead(Path.cwd(), {port}, {target})"],
        cwd=root,
        check=True,
    )
    holder = find_holder(port, root=root)
    assert holder is not None
    assert holder.pid is not None
    return holder.pid


def test_a_door_goes_on_until_its_target_ends(tmp_path: Path) -> None:
    """Not with a terminal; and it makes way for one that leads elsewhere."""
    port = free_port()
    one, other = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    with one, other:
        first = lead(tmp_path, port, one.getsockname()[1])
        os.kill(first, signal.SIGHUP)
        assert lead(tmp_path, port, one.getsockname()[1]) == first
        assert lead(tmp_path, port, other.getsockname()[1]) != first
        with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as client:
            client.sendall(b"a")
            other.settimeout(DEADLINE_S)
            taken, _ = other.accept()
            with taken:
                assert taken.recv(1) == b"a"
                other.close()
                wait_until(lambda: is_free(port))


def test_a_port_of_another_program_is_told_with_its_holder(
    tmp_path: Path, echo: Echo
) -> None:
    """Whoever goes there would be led astray."""
    text = f"port {echo.port}, which the entry names, is taken by pid {os.getpid()} "
    with pytest.raises(SceneshiftError, match=text) as caught:
        Door(echo.port, 7000, root=tmp_path)
    assert caught.value.message.endswith("; in this checkout it is 7000")
