"""Sessions with adapters that behave in ways of their own."""

from __future__ import annotations

import socket
import struct
import threading
from typing import TYPE_CHECKING

from breakpoints import ENVIRON, answer, launch, scripted
from sceneshift.ide.dap.client import Client
from sceneshift.ide.dap.session import Stage

if TYPE_CHECKING:
    from pathlib import Path

# When its socket is closed, the peer is told that the line is broken.
RESET = struct.pack("ii", 1, 0)


def test_functions_are_told_to_sessions_that_begin_later(tmp_path: Path) -> None:
    """As files are."""
    heard = {"type": "event", "event": "output", "body": {"output": "functions"}}
    says = {
        "initialize": [answer(), {"type": "event", "event": "initialized"}],
        "setFunctionBreakpoints": [heard],
    }
    with scripted(says) as client:
        client.break_in(["show"])
        session = client.start(launch(tmp_path))
        assert client.wait(lambda: session.output == "functions", limit_s=10)


def test_what_means_nothing_is_passed_over(tmp_path: Path) -> None:
    """A stop of no thread, an event of another adapter's own, a message of no kind."""
    told = [{"type": "event", "event": name} for name in ("stopped", "own")]
    says = {
        "initialize": [answer()],
        "launch": [*told, {"type": "?"}, answer()],
        "disconnect": ["end"],
    }
    with scripted(says) as client:
        session = client.start(launch(tmp_path))
        assert client.wait(lambda: session.stage is Stage.RUNNING, limit_s=10)
        assert client.find_stop() is None


def test_what_speaks_another_language_is_no_adapter() -> None:
    """A web server has the port, and says so."""
    assert "is no debug adapter, it says: `HTTP/1.1 400" in _attach_to(
        b"HTTP/1.1 400 Bad Request\r\n\r\n"
    )


def test_a_line_that_is_broken_ends_the_session() -> None:
    """The adapter was killed."""
    assert _attach_to(b"") == "the adapter ended"


def _attach_to(said: bytes) -> str:
    """Attach to what says something and breaks the line; return why it failed."""
    with socket.create_server(("127.0.0.1", 0)) as server, Client(ENVIRON) as client:

        def serve() -> None:
            line, _ = server.accept()
            with line:
                line.recv(1 << 16)
                line.sendall(said)
                if said:  # else what comes behind would be lost
                    line.recv(1)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

        thread = threading.Thread(target=serve)
        thread.start()
        connect = {"host": "127.0.0.1", "port": server.getsockname()[1]}
        session = client.start({"request": "attach", "connect": connect})
        assert client.wait(lambda: session.stage is Stage.ENDED, limit_s=10)
        thread.join()
    assert session.failure is not None
    return session.failure
