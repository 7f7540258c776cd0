"""How programs are tried, with adapters that say what they are told to."""

from __future__ import annotations

import http.server
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from breakpoints import answer, launch, scripted
from sceneshift.ide.dap.client import Client
from sceneshift.ide.doctor.attempts import attempt_attach, attempt_launch
from sceneshift.ide.doctor.call import Call
from sceneshift.ide.doctor.findings import Kind, Outcome
from sceneshift.ide.doctor.sources import Place
from sceneshift.ide.doctor.target import read_words
from sceneshift.ide.doctor.trial import Trial, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUTE = "@app.get('/x')\ndef show():\n    return 1\n"
TEST = "def test_one():\n    assert 1\n"
LIMIT_S = 0.2


def event(name: str, **body: Any) -> dict[str, Any]:
    """Return an event."""
    return {"type": "event", "event": name, "body": body}


def stand(file: Path, line: int) -> dict[str, Any]:
    """Return what an adapter says where a thread stands, and lets it go on."""
    frame = {"id": 1, "name": "show", "line": line, "source": {"path": str(file)}}
    return {
        "stackTrace": [answer(body={"stackFrames": [frame]})],
        "continue": [answer()],
        "disconnect": ["end"],
    }


RUNNING = {"initialize": [answer()], "disconnect": ["end"]}


def try_launch(root: Path, line: str, says: dict[str, Any]) -> Verdict:
    """Start a program, by an adapter that says something."""
    target = read_words(line.split(), root, {})
    with scripted({**RUNNING, "launch": [answer()], **says}) as client:
        return attempt_launch(client, launch(root), target, root=root, limit_s=LIMIT_S)


@pytest.mark.parametrize(
    ("line", "name", "text", "said"),
    [
        ("pytest", "test_a.py", TEST, "no test is run within 0.2 s"),
        ("uvicorn app:app", "app.py", ROUTE, "has not begun to listen within 0.2 s"),
    ],
)
def test_what_takes_too_long_is_told(
    tmp_path: Path, line: str, name: str, text: str, said: str
) -> None:
    """Nobody waits for it for ever."""
    (tmp_path / name).write_text(text)
    found = try_launch(tmp_path, line, {})
    assert [one.kind for one in found.findings] == [Kind.SILENT]
    assert said in found.detail


def test_a_server_may_stop_before_it_listens(tmp_path: Path) -> None:
    """What else it stands still for on the way is no breakpoint."""
    file = tmp_path / "app.py"
    file.write_text(ROUTE)
    stops = [event("stopped", threadId=1, reason="exception")]
    stops += [event("stopped", threadId=2, reason="breakpoint")]
    says = {"launch": [answer(), *stops], **stand(file, 3)}
    found = try_launch(tmp_path, "uvicorn app:app", says)
    assert (found.outcome, found.detail) == (Outcome.HIT, "app.py:3 in show")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers nothing that is asked for."""

    def do_GET(self) -> None:
        """Say that it is not here, and where it would be told what is."""
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[int]:
    """Yield the port of a server in this process."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("server")
def test_a_server_that_was_attached_to_is_asked_for_its_routes(tmp_path: Path) -> None:
    """It has begun to listen long ago."""
    file = tmp_path / "app.py"
    file.write_text(ROUTE)
    process = event("process", systemProcessId=os.getpid())
    stop = event("stopped", threadId=1, reason="breakpoint")
    says = {**RUNNING, "attach": [answer(), process], "setBreakpoints": [stop]}
    with scripted({**says, **stand(file, 3)}) as client:
        found = attempt_attach(client, {"request": "attach"}, root=tmp_path, limit_s=9)
    assert (found.outcome, found.detail) == (Outcome.HIT, "app.py:3 in show")


def test_where_no_description_is_the_paths_of_the_sources_are_all(
    tmp_path: Path, server: int
) -> None:
    """Whoever joins routers by hand has nothing that tells how."""
    with scripted({**RUNNING, "launch": [answer()]}) as client:
        session = client.start(launch(tmp_path))
        trial = Trial(client, session, resolved={}, root=tmp_path, limit_s=9)
        trial.port = server
        place = Place(file=tmp_path / "app.py", line=3, function="show", path="/x")
        assert trial.call_routes([place]) is None
        assert [call.describe() for call in trial.calls] == ["GET /x: 404"]


def test_a_request_without_an_answer_ends_with_the_debugger() -> None:
    """A server that stood at a breakpoint has not answered yet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with Client({}) as client:
            call = Call(client, "127.0.0.1", port, "/x")
            line, _ = server.accept()
        with line, line.makefile("rb") as asked:
            assert asked.read().startswith(b"GET /x HTTP/1.1\r\n")
    assert call.status is None
