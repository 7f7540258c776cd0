"""Whatever happens in the middle of a switch, what is left is consistent."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from reloading import Visitor
from sceneshift.core.processes import children
from support import free_port, wait_until
from switching import active, environments, is_gone, refuse, switch

if TYPE_CHECKING:
    from reloading import Stack
    from switching import Slow


def test_another_switch_is_refused(slow: Slow) -> None:
    """It is said which one is under way; that one is not disturbed."""
    said = refuse(slow.stack, "development", code=5)
    assert "a switch to `staging` is under way" in said
    slow.let_go()
    assert slow.wait_client()[0] == 0
    assert slow.stack.get() == "staging"


def test_a_switch_goes_on_without_who_asked(slow: Slow) -> None:
    """What was begun is brought to its end, and told in the stack's output."""
    slow.client.kill()
    slow.let_go()
    slow.stack.wait_output("switched to `staging` in")
    assert slow.stack.get() == "staging"
    assert active(slow.stack) == "staging\n"
    switch(slow.stack, "development")


def test_a_stack_that_is_ended_ends_its_switch(slow: Slow) -> None:
    """Old and new processes alike; the active environment is the old one."""
    os.kill(slow.stack.supervisor, signal.SIGINT)
    code, said = slow.wait_client()
    assert code == 1
    assert "goes on" not in said + slow.stack.output
    assert said.endswith("hint: start it: inv dev\n")
    assert slow.stack.wait_end() == 130
    slow.stack.wait(lambda: not slow.stack.leftovers())
    assert active(slow.stack) is None


def test_nothing_is_left_of_a_stack_that_is_killed(slow: Slow) -> None:
    """And the next one starts where it was."""
    os.kill(slow.stack.supervisor, signal.SIGKILL)
    assert slow.wait_client()[0] == 1
    slow.stack.wait_end()
    slow.stack.wait(lambda: not slow.stack.leftovers())
    assert active(slow.stack) is None
    slow.let_go()
    slow.stack.start({"pyproject.toml": slow.pyproject})
    slow.stack.wait_page("development")


def test_nothing_is_left_of_a_stack_whose_guard_is_killed(slow: Slow) -> None:
    """It ends, though nobody tells of the new processes any more."""
    supervisor = slow.stack.supervisor
    guard = next(each.pid for each in children(supervisor))
    os.kill(guard, signal.SIGKILL)
    assert slow.stack.wait_end() == 1
    assert slow.wait_client()[0] == 1
    slow.stack.wait(lambda: not slow.stack.leftovers())
    assert active(slow.stack) is None


def test_a_new_process_that_is_killed_is_a_failure(slow: Slow) -> None:
    """As any end of it."""
    stack = slow.stack
    with closing(Visitor(stack.port, keeps_alive=True)) as visitor:
        stack.wait(lambda: visitor.answers)
        pid = int((stack.root / "importing").read_text())
        os.kill(pid, signal.SIGKILL)
        code, said = slow.wait_client()
    assert (code, visitor.failures) == (1, [])
    assert "`web`: was ended by SIGKILL" in said
    assert stack.get() == "development"


def test_what_runs_is_restarted_as_ever_meanwhile(slow: Slow) -> None:
    """Whatever its state, the switch ends well."""
    stack = slow.stack
    os.kill(stack.pid("worker"), signal.SIGKILL)
    stack.wait_output("starts again")
    stack.inv("dev.restart", "web")
    slow.let_go()
    assert slow.wait_client()[0] == 0
    assert stack.get() == "staging"
    assert stack.output.count("working in staging") == 1


HOLDING = """\
import os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            open("asked", "w").close()
            while not os.path.exists("go"):
                time.sleep(0.01)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["NAME"].encode())

address = "127.0.0.1", int(os.environ["PORT"])
ThreadingHTTPServer(address, Page).serve_forever()
"""


@pytest.mark.parametrize("is_same_port", [True, False])
def test_a_request_that_has_begun_is_finished(
    stack: Stack, *, is_same_port: bool
) -> None:
    """By the old process, after the switch."""
    new = stack.port if is_same_port else free_port()
    pyproject = environments(development=stack.port, staging=new)
    files = {"server.py": HOLDING, "Procfile.dev": "web: python server.py\n"}
    stack.start({**files, "pyproject.toml": pyproject})
    stack.wait_page("development")
    old = stack.pid("web")
    with socket.create_connection(("127.0.0.1", stack.port), 30) as client:
        client.sendall(b"GET /slow HTTP/1.0\r\n\r\n")
        stack.wait((stack.root / "asked").exists)
        switch(stack, "staging")
        (stack.root / "go").touch()
        assert client.makefile().read().endswith("development")
    wait_until(lambda: is_gone(old))
