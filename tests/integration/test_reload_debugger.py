"""`breakpoint()` in processes under `inv dev`."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from prompting import Prompt
from sceneshift.core.processes import children, processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reloading import Stack

ASGI = """\
from words import WORD

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    x = 41 + 1
    if scope["path"] == "/stop":
        breakpoint()
        x += 1
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{WORD} {x}".encode()})
"""
WORKER = """\
import time

for number in range(1000):
    time.sleep(0.3)
    breakpoint()
    print("passed", number, flush=True)
"""
FORKS = """\
import os, signal, time

time.sleep(0.3)
breakpoint()
for name in ("one", "two", "three"):
    if os.fork() == 0:
        breakpoint()
        print(name, "went on", flush=True)
        os._exit(0)
signal.pause()
"""
FILES = {
    "asgi.py": ASGI,
    "words.py": "WORD = 'old'\n",
    "Procfile.dev": "web: uvicorn asgi:app --port $PORT\n",
}


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Where requests wait."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_a_request_stops_at_a_breakpoint_and_goes_on(
    stack: Stack, pool: ThreadPoolExecutor
) -> None:
    """The prompt shows values; what was saved meanwhile is loaded afterwards."""
    stack.start(FILES)
    stack.wait_page("old")
    answer = pool.submit(stack.get, "/stop")
    stack.wait_output(r"waits at a breakpoint: .*asgi\.py:\d+.*inv dev\.attach web")
    assert stack.status("web")["breakpoint"]
    with Prompt(stack, "web") as prompt:
        prompt.expect(r"\(Pdb\) ")
        prompt.type("p x\n")
        prompt.expect(r"42")
        prompt.type("\x1d")
        assert prompt.wait() == 0
    stack.write({"words.py": "WORD = 'new'\n"})
    with Prompt(stack, "web") as prompt:
        prompt.expect("leaves it there")
        prompt.type("p x + 100\n")
        prompt.expect(r"142")
        prompt.type("c\n")
        assert prompt.wait() == 0
    assert answer.result() == "old 43"
    stack.wait_page("new")
    second = pool.submit(stack.get, "/stop")
    stack.wait(lambda: stack.output.count("waits at a breakpoint") == 2)
    with Prompt(stack, "web") as prompt:
        prompt.expect(r"\(Pdb\) ")
        prompt.type("c\n")
        assert prompt.wait() == 0
    assert second.result() == "new 43"


def _has_stopped(stack: Stack, times: int) -> bool:
    return stack.output.count("waits at") == times


def test_a_worker_stops_again_and_again(stack: Stack) -> None:
    """And the whole stack can be ended while it stands there."""
    stack.start({"work.py": WORKER, "Procfile.dev": "worker: python -m work\n"})
    for number in range(2):
        stack.wait(partial(_has_stopped, stack, number + 1))
        with Prompt(stack, "worker") as prompt:
            prompt.expect(r"\(Pdb\) ")
            prompt.type("c\n")
            prompt.wait()
        stack.wait_output(f"passed {number}")
    stack.wait(lambda: stack.output.count("waits at") == 3)


def test_a_process_at_a_breakpoint_can_be_restarted_by_a_word(stack: Stack) -> None:
    """A person who asks for it does not wait for the prompt."""
    stack.start({"work.py": WORKER, "Procfile.dev": "worker: python -m work\n"})
    stack.wait_output("waits at a breakpoint")
    pid = stack.pid("worker")
    stack.ask("dev.restart", "worker")
    stack.wait(lambda: stack.status("worker")["pid"] not in (None, pid))


def test_a_breakpoint_is_forgotten_with_the_code_that_stood_there(
    stack: Stack, pool: ThreadPoolExecutor
) -> None:
    """The status tells of the code that serves now."""
    stack.start(FILES)
    stack.wait_page("old")
    answer = pool.submit(stack.fetch, "/stop")
    stack.wait_output("waits at a breakpoint")
    stack.ask("dev.restart", "web")
    with pytest.raises(OSError, match=r"."):
        answer.result()
    assert stack.status("web")["breakpoint"] is None


def test_new_code_that_stops_while_old_code_serves_can_be_taken(stack: Stack) -> None:
    """A breakpoint at the top of a module comes before the new code is ready."""
    stack.start(FILES)
    stack.wait_page("old")
    stack.write({"words.py": "WORD = 'new'\nbreakpoint()\n"})
    stack.wait_output("waits at a breakpoint")
    with Prompt(stack, "web") as prompt:
        prompt.expect(r"\(Pdb\) ")
        prompt.type("c\n")
        assert prompt.wait() == 0
    stack.wait_page("new")


@pytest.mark.parametrize(
    ("value", "expected"), [("0", "passed 1"), ("hooks.note", "noted")]
)
def test_another_choice_of_a_debugger_is_respected(
    stack: Stack, value: str, expected: str
) -> None:
    """PYTHONBREAKPOINT means what it means to Python."""
    stack.env["PYTHONBREAKPOINT"] = value
    hooks = "def note():\n    print('noted', flush=True)\n"
    procfile = "worker: python -m work\n"
    stack.start({"work.py": WORKER, "hooks.py": hooks, "Procfile.dev": procfile})
    stack.wait_output(expected)
    assert "waits at" not in stack.output


def test_forks_at_breakpoints_are_taken_one_after_the_other(stack: Stack) -> None:
    """Each has a terminal of its own, which goes with it, however it ends."""
    stack.start({"work.py": FORKS, "Procfile.dev": "worker: python -m work\n"})
    stack.wait(partial(_has_stopped, stack, 1))
    worker = stack.pid("worker")
    zygote = processes()[worker].ppid
    stack.wait(lambda: len(list(children(zygote))) == 3)  # two wait for a reload
    before = stack.descriptors()
    for number in range(1, 4):
        stack.wait(partial(_has_stopped, stack, number))
        with Prompt(stack, "worker") as prompt:
            prompt.type("c\n")
            assert prompt.wait() == 0
    stack.wait(partial(_has_stopped, stack, 4))
    assert stack.output.count("went on") == 2
    (last,) = (entry for entry in children(worker) if entry.is_running)
    os.kill(last.pid, signal.SIGKILL)
    stack.wait(lambda: stack.status("worker")["breakpoint"] is None)
    assert stack.descriptors() == before
