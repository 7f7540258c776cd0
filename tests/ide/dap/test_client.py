from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from breakpoints import (
    ASGI,
    ASGI_LINE,
    ENVIRON,
    LOOP,
    LOOP_LINE,
    answer,
    ask,
    find_place,
    launch,
    scripted,
    serving_debugger,
)
from sceneshift.core.processes import is_alive
from sceneshift.ide.dap.client import Client
from sceneshift.ide.dap.framing import DebugError
from sceneshift.ide.dap.session import Stage
from support import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def wait_for_output(client: Client, text: str, count: int) -> None:
    """Wait until the program of the first session has printed something so often."""
    root = client.sessions[0]
    assert client.wait(lambda: root.output.count(text) >= count, limit_s=30)


def test_breakpoints_are_hit_after_each_of_many_reloads(tmp_path: Path) -> None:
    """Each child is attached to by itself, and has the breakpoints; all of them end."""
    file = tmp_path / "served.py"
    file.write_text(ASGI)
    port = free_port()
    args = ["served:app", "--reload", "--port", str(port), "--log-level", "info"]
    configuration = launch(
        tmp_path, module="uvicorn", args=args, console="integratedTerminal"
    )
    with Client(ENVIRON) as client:
        client.break_at({str(file): [ASGI_LINE]})
        root = client.start(configuration)
        for number in range(3):
            with ask(client, port) as line:
                frame = find_place(client)
                assert (frame.file, frame.line) == (str(file), ASGI_LINE)
                assert line.recv(12) == b"HTTP/1.1 200"
            file.write_text(f"{ASGI}\n# {number}\n")
            wait_for_output(client, "startup complete", number + 2)
        assert root.pid is not None
        assert {one.verified[str(file), ASGI_LINE] for one in client.running()} == {
            True
        }
        running = client.programs.find()
        assert root.pid in {entry.pid for entry in running}
    assert not any(is_alive(*entry.key) for entry in running)


@pytest.fixture(scope="module")
def looping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """Yield a program that anyone may attach to, and its port."""
    folder = tmp_path_factory.mktemp("looping")
    file = folder / "loop.py"
    file.write_text(LOOP)
    with serving_debugger(file) as port:
        yield file, port


def attach(port: int) -> dict[str, Any]:
    """Return a configuration that attaches."""
    return {
        "name": "attached",
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": "127.0.0.1", "port": str(port)},
        "justMyCode": True,
    }


def test_what_was_attached_to_goes_on(looping: tuple[Path, int]) -> None:
    """Even where it stood at a breakpoint: the next debugger finds it there."""
    file, port = looping
    for _ in range(2):
        with Client(ENVIRON) as client:
            client.break_at({str(file): [LOOP_LINE]})
            session = client.start(attach(port))
            stop = client.wait_for_stop(limit_s=30)
            assert stop is not None
            assert client.find_frame(stop).function == "step"
            assert client.programs.find() == ()
            assert session.pid is not None


def test_functions_stop_a_program_whatever_its_files_are(
    looping: tuple[Path, int],
) -> None:
    """That tells which file it has, where paths are not mapped."""
    file, port = looping
    with Client(ENVIRON) as client:
        session = client.start(attach(port))
        assert client.wait(lambda: session.stage is Stage.RUNNING, limit_s=30)
        client.break_in(["step"])
        frame = find_place(client)
    assert (frame.file, frame.function) == (str(file), "step")


def test_a_refusal_is_told_in_the_adapters_words(tmp_path: Path) -> None:
    """Its variables are filled in."""
    error = {"format": "no {thing}\n here", "variables": {"thing": "luck"}}
    launched = answer(success=False, message="failed", body={"error": error})
    with scripted({"initialize": [answer()], "launch": [launched]}) as client:
        session = client.start(launch(tmp_path))
        assert client.wait(lambda: session.stage is Stage.ENDED, limit_s=10)
    assert session.failure == "no luck here"


def test_an_adapter_that_ends_is_no_session(tmp_path: Path) -> None:
    """Nobody waits for it any longer."""
    with scripted({"initialize": ["end"]}) as client:
        session = client.start(launch(tmp_path))
        assert client.wait(lambda: session.stage is Stage.ENDED, limit_s=10)
        with pytest.raises(DebugError, match=r"`threads` was refused: the adapter"):
            client.request(session, "threads")
    assert session.failure == "the adapter ended"


def test_a_request_has_a_deadline(tmp_path: Path) -> None:
    """An adapter may never answer: debugpy's does so after a mere connection."""
    with scripted({}) as client:
        session = client.start(launch(tmp_path))
        with pytest.raises(DebugError, match=r"no answer to `threads` within 0.1 s"):
            client.request(session, "threads", limit_s=0.1)


def test_what_cannot_be_done_for_an_adapter_is_answered(tmp_path: Path) -> None:
    """A request without an answer would hold it for ever."""
    terminal = {"args": ["/no/such/program"], "env": {"HOME": None}}
    run = {"type": "request", "command": "runInTerminal", "arguments": terminal}
    other = {"type": "request", "command": "unheard-of"}
    heard = {"type": "event", "event": "output", "body": {"output": "answered"}}
    says = {"initialize": [run, other], "runInTerminal": [heard], "unheard-of": [heard]}
    with scripted(says) as client:
        session = client.start(launch(tmp_path))
        assert client.wait(lambda: session.output.count("answered") == 2, limit_s=10)
    assert "cannot be started: /no/such/program" in session.output


def test_a_port_where_nobody_listens_is_told() -> None:
    """VS Code shows a window for that, and does not try again."""
    port = free_port()
    with (
        Client(ENVIRON) as client,
        pytest.raises(DebugError, match=f"at 127.0.0.1:{port}: connection refused"),
    ):
        client.start(attach(port))


def test_a_port_that_is_none_is_told() -> None:
    """A variable that was not replaced looks so."""
    with Client(ENVIRON) as client, pytest.raises(DebugError, match="is no number: x"):
        client.start({**attach(1), "connect": {"port": "x"}})
