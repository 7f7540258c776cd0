"""What tests of breakpoints share: small programs, and requests that may hang."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from sceneshift.ide.dap.client import Client
from sceneshift.ide.dap.programs import Programs
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.ide.dap.client import Frame

# Not one of a person who runs the tests, nor coverage's, which slows pydevd down.
ENVIRON = {
    key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")
}

ASGI = """\
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await answer(send)


async def answer(send):
    body = b"1"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""
ASGI_LINE = 8

LOOP = """\
import time

COUNT = 0


def step():
    global COUNT
    COUNT += 1
    time.sleep(0.02)


while True:
    step()
"""
LOOP_LINE = 8


def launch(folder: Path, **keys: Any) -> dict[str, Any]:
    """Return a configuration as one of launch.json's, its variables replaced."""
    return {
        "name": "program",
        "type": "debugpy",
        "request": "launch",
        "cwd": str(folder),
        "python": sys.executable,
        "console": "internalConsole",
        "subProcess": True,
        "justMyCode": True,
        **keys,
    }


def ask(client: Client, port: int, *, limit_s: float = 30.0) -> socket.socket:
    """Send a request as soon as somebody listens, and wait for no answer."""
    deadline = time.monotonic() + limit_s
    while True:
        try:
            line = socket.create_connection(("127.0.0.1", port), timeout=limit_s)
        except OSError:
            assert time.monotonic() < deadline
            client.wait(lambda: False, limit_s=0.02)
        else:
            line.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return line


def find_place(client: Client, *, limit_s: float = 30.0) -> Frame:
    """Wait for a breakpoint, and have the program go on."""
    stop = client.wait_for_stop(limit_s=limit_s)
    assert stop is not None, [
        (one.stage, one.failure, one.output) for one in client.sessions
    ]
    frame = client.find_frame(stop)
    client.resume(stop)
    return frame


@contextlib.contextmanager
def serving_debugger(file: Path) -> Iterator[int]:
    """Run a program that anyone may attach to; yield the port."""
    ready = file.with_suffix(".json")
    words = [sys.executable, "-Xfrozen_modules=off", "-m", "debugpy"]
    words += ["--listen", "127.0.0.1:0", str(file)]
    with Programs(ENVIRON) as programs:
        env = {"DEBUGPY_ADAPTER_ENDPOINTS": str(ready)}
        programs.spawn(words, cwd=file.parent, env=env)
        yield wait_until(lambda: _read_port(ready))


def _read_port(ready: Path) -> int | None:
    """Return where debugpy listens; None as long as it has not written that."""
    try:
        port: int = json.loads(ready.read_text())["client"]["port"]
    except (OSError, ValueError):
        return None
    return port


# What it is told to say comes as JSON: a list of messages for each of our requests.
ADAPTER = """
import json, sys

def read():
    head = b""
    while not head.endswith(b"\\r\\n\\r\\n"):
        byte = sys.stdin.buffer.read(1)
        if not byte:
            sys.exit()
        head += byte
    return json.loads(sys.stdin.buffer.read(int(head.split(b":")[1])))

def send(message):
    data = json.dumps(message).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(data) + data)
    sys.stdout.flush()

says = json.loads(sys.argv[1])
while True:
    request = read()
    for message in says.get(request.get("command"), []):
        if message == "end":
            sys.exit()
        send({"request_seq": request.get("seq"), **message})
"""


def scripted(says: dict[str, Any]) -> Client:
    """Return a client of an adapter that says what it is told to."""
    words = (sys.executable, "-I", "-S", "-c", ADAPTER, json.dumps(says))
    return Client(ENVIRON, adapter=words)


def answer(**keys: Any) -> dict[str, Any]:
    """Return a response."""
    return {"type": "response", "success": True, **keys}
