"""Real servers under `inv dev`: nothing refused, nothing dropped, nothing stale."""

from __future__ import annotations

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

import pytest

from reloading import Visitor, find_stale
from webservers import CLOSES_EACH, SERVERS, project

if TYPE_CHECKING:
    from reloading import Stack

RELOADS = 20


@pytest.mark.parametrize("server", SERVERS)
def test_no_request_fails_and_no_answer_is_stale(stack: Stack, server: str) -> None:
    """Over many reloads, on new connections and on ones that are kept."""
    stack.start(project(SERVERS[server]))
    stack.wait_page("0")
    visitors = [
        Visitor(stack.port, keeps_alive=False),
        Visitor(stack.port, keeps_alive=True),
        Visitor(stack.port, keeps_alive=True, body=b"x" * 20_000),
    ]
    try:
        for number in range(1, RELOADS + 1):
            stack.write({"number.py": f"NUMBER = {number}\n"})
            stack.wait(partial(visitors[0].has_last, str(number)))
            if server == "workers":  # each imports what is there when it begins
                stack.wait(partial(has_workers, stack, 2 * (number + 1)))
    finally:
        for visitor in visitors:
            visitor.close()
    assert [visitor.failures for visitor in visitors] == [[], [], []]
    stale = [find_stale(visitor.answers) for visitor in visitors]
    assert stale == [[], [], []], stack.output
    if server not in CLOSES_EACH:
        assert [visitor.connections for visitor in visitors[1:]] == [1, 1]
    assert "Traceback" not in stack.output


def has_workers(stack: Stack, number: int) -> bool:
    """Say whether so many workers have begun, all in all."""
    return stack.output.count("Application startup complete") >= number


@pytest.mark.parametrize("server", ["plain", "asyncio", "uvloop", "gunicorn-threads"])
def test_a_kept_connection_outlives_broken_code(stack: Stack, server: str) -> None:
    """The old code goes on with it, and the mended code after that."""
    stack.start(project(SERVERS[server]))
    stack.wait_page("0")
    connection = HTTPConnection("127.0.0.1", stack.port, timeout=30)
    for text, answer in (("(", b"0"), ("NUMBER = 1\n", b"1"), ("1 / 0\n", b"1")):
        connection.request("GET", "/")
        kept = connection.sock
        connection.getresponse().read()
        stack.write({"number.py": text})
        stack.wait(partial(has_taken, stack, is_broken="NUMBER" not in text))
        connection.request("GET", "/")
        assert connection.getresponse().read() == answer
        assert connection.sock is kept
    connection.close()


def has_taken(stack: Stack, *, is_broken: bool) -> bool:
    """Say whether the newest reload has come to its end."""
    outcome = "broken" if is_broken else "served"
    reloads = stack.ask("dev.why")["reloads"]
    is_over = bool(reloads) and reloads[-1]["outcome"] == outcome
    return is_over and stack.status("web")["is_broken"] == is_broken


@pytest.mark.parametrize("server", ["uvicorn", "flask", "gunicorn", "gunicorn-uvicorn"])
def test_a_slow_request_is_finished_by_the_code_that_began_it(
    stack: Stack, server: str
) -> None:
    """New code serves meanwhile, and nothing is cut off."""
    stack.start(project(SERVERS[server]))
    stack.wait_page("0")
    with ThreadPoolExecutor() as pool:
        slow = [pool.submit(stack.get, "/slow") for _ in range(1)]
        sleep(0.2)  # the request is in its handler
        stack.write({"number.py": "NUMBER = 1\n"})
        stack.wait_page("1")
        assert [each.result() for each in slow] == ["slow 0"]


def test_a_stream_of_events_does_not_hold_a_reload_up(stack: Stack) -> None:
    """It is ended as a finished one is, and the client asks the new code.

    At once, for it never ends by itself: not when the time for a reload is over.
    """
    files = {"pyproject.toml": RELOAD_TIME.format(600)}
    stack.start({**project(SERVERS["uvicorn"]), **files})
    stack.wait_page("0")
    read_to_its_end(stack, {"Accept": "text/event-stream"})


def test_a_websocket_does_not_hold_a_reload_up(stack: Stack) -> None:
    """It is closed at once with code 1012, for the service is started again."""
    files = {"pyproject.toml": RELOAD_TIME.format(600)}
    command = SERVERS["uvicorn"] + " --ws wsproto"
    stack.start({**project(command), **files})
    stack.wait_page("0")
    with socket.create_connection(("127.0.0.1", stack.port), timeout=30) as client:
        client.sendall(WEBSOCKET)
        received = client.makefile("rb")
        assert received.readline().startswith(b"HTTP/1.1 101 ")
        while received.readline() != b"\r\n":
            pass
        assert received.read(3) == b"\x81\x010"  # a text of one byte
        stack.write({"number.py": "NUMBER = 1\n"})
        stack.wait_page("1")
        kind, length, *payload = received.read()
        assert (kind, length) == (0x88, len(payload))
        assert int.from_bytes(payload[:2], "big") == 1012


WEBSOCKET = b"""\
GET / HTTP/1.1\r
Host: 127.0.0.1\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r
\r
"""


def test_an_endless_answer_does_not_hold_a_reload_up(stack: Stack) -> None:
    """What may end by itself has some time, and is then ended properly."""
    files = {"pyproject.toml": RELOAD_TIME.format(1)}
    stack.start({**project(SERVERS["uvicorn"]), **files})
    stack.wait_page("0")
    read_to_its_end(stack, {})


RELOAD_TIME = """\
[tool.sceneshift.processes.web]
stop = {{ reload_time_s = {} }}
"""


def read_to_its_end(stack: Stack, headers: dict[str, str]) -> None:
    """Have an answer that goes on for ever, save, and see both codes answer."""
    connection = HTTPConnection("127.0.0.1", stack.port, timeout=30)
    connection.request("GET", "/events", headers=headers)
    answer = connection.getresponse()
    assert answer.readline() == b"data: 0\n"
    stack.write({"number.py": "NUMBER = 1\n"})
    stack.wait_page("1")
    assert set(answer.read().split()) <= {b"data:", b"0"}  # to its proper end
    connection.close()


def test_a_killed_server_refuses_nobody(stack: Stack) -> None:
    """Its socket is not its own; who comes waits, or is told that it was killed."""
    stack.start(project(SERVERS["uvicorn"]))
    stack.wait_page("0")
    killed = stack.pid("web")
    os.kill(killed, signal.SIGKILL)
    stack.wait(lambda: not is_running(killed))
    answers = set()
    while (answer := stack.fetch())[0] != 200:  # a refusal would raise
        answers.add(answer[0])
    assert answers <= {503}
    assert answer[1] == "0"
    assert stack.pid("web") != killed


def is_running(pid: int) -> bool:
    """Say whether a process has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


UNSEEN = """\
import _socket, os
from number import NUMBER

sock = _socket.socket()
sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
sock.bind(("127.0.0.1", int(os.environ["PORT"])))
sock.listen(8)
head = b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n"
while True:
    fd, _address = sock._accept()
    os.read(fd, 4096)
    body = str(NUMBER).encode()
    os.write(fd, head % len(body) + body)
    os.close(fd)
"""


def test_a_server_that_binds_by_itself_is_stopped_first(stack: Stack) -> None:
    """As those do that are written in another language: no two can have one port."""
    stack.start({**project("python unseen.py"), "unseen.py": UNSEEN})
    for number in range(1, 5):
        stack.wait_page(str(number - 1))
        stack.wait_ready("web")
        stack.write({"number.py": f"NUMBER = {number}\n"})
    stack.wait_page("4")
    assert {each["outcome"] for each in stack.ask("dev.why")["reloads"]} == {"served"}


def test_a_port_that_cannot_be_is_refused_by_python_itself(stack: Stack) -> None:
    """The process ends as it would by itself, and waits for nobody's answer."""
    serve = "import socket\nsocket.create_server(('127.0.0.1', 70000))\n"
    stack.start({"serve.py": serve, "Procfile.dev": "web: python serve.py\n"})
    stack.wait_output(r"web\.1 .*OverflowError: bind")
