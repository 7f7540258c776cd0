from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.channel import Channel
from sceneshift.core.client import SOCKET_NAME
from sceneshift.core.paths import StateFolder
from sceneshift.env.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SWITCH = {
    "environment": "staging",
    "waiting": [{"name": "web", "state": "starting", "setup": None}],
    "ready": ["worker"],
}


class Stack:
    """A stack that says one word after the other of its switch, the last for ever.

    Attributes:
        said: What it says.
    """

    def __init__(self, root: Path) -> None:
        state = StateFolder(root)
        state.make()
        self.said: list[dict[str, Any] | None] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(state.socket(SOCKET_NAME)))
        self._server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line = Channel(self._server.accept()[0])
            except OSError:
                return
            line.receive()
            said = self.said.pop(0) if len(self.said) > 1 else self.said[0]
            line.send({"ok": True, "status": {"switch": said}})
            line.close()

    def close(self) -> None:
        """Be there no more."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Return a stack."""
    made = Stack(tmp_path)
    yield made
    made.close()


def test_what_is_waited_for_is_said_once(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until it is something else; nothing is said of no switch."""
    done = {**SWITCH, "waiting": [], "ready": ["worker", "web"]}
    stack.said = [None, SWITCH, SWITCH, done]
    progress = Progress(tmp_path)
    for _each in range(5):
        progress()
    assert capsys.readouterr().err.splitlines() == [
        "0 s: waits for web (starting); ready: worker",
        "0 s: waits for its end; ready: worker, web",
    ]


def test_it_is_said_again_after_a_silence(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else it looks as if nothing went on."""
    stack.said = [SWITCH]
    progress = Progress(tmp_path, silence_s=0)
    progress()
    progress()
    assert capsys.readouterr().err.count("waits for web") == 2


def test_of_a_stack_that_is_gone_nothing_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer that does not come says it."""
    Progress(tmp_path)()
    assert capsys.readouterr().err == ""
