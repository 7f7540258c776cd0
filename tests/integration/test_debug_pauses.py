"""What waits for a process at a breakpoint, and goes on with it."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from prompting import Prompt
from reloading import TASKS
from switching import begin_switch, environments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from reloading import Stack

ASGI = """\
import asyncio
import os
from words import WORD

NAME = os.environ["NAME"]
if NAME == "other":
    breakpoint()

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    word = f"{WORD} {NAME}"
    if scope["path"] == "/later":
        open("asked", "w").close()
        while not os.path.exists("go"):
            await asyncio.sleep(0.01)
        breakpoint()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": word.encode()})
"""
SHORT = """\
[tool.sceneshift.processes.web]
stop = { time_s = 1.0, reload_time_s = 1.0 }
"""


class Requests:
    """Requests that reach a breakpoint when they are told to."""

    def __init__(self, stack: Stack, pool: ThreadPoolExecutor) -> None:
        self._stack = stack
        self._pool = pool
        self._stops = 0

    def begin(self) -> Future[str]:
        """Have one that is under way."""
        root = self._stack.root
        for name in ("asked", "go"):
            (root / name).unlink(missing_ok=True)
        answer = self._pool.submit(self._stack.get, "/later")
        self._stack.wait((root / "asked").exists)
        return answer

    def stop(self) -> None:
        """Have it stand at the breakpoint."""
        (self._stack.root / "go").touch()
        self._stops += 1
        self._stack.wait(self._has_stopped)

    def stand(self) -> None:
        """Have it stand there for longer than it has for its end."""
        self.stop()
        end = time.monotonic() + 1.5
        self._stack.wait(lambda: time.monotonic() > end)
        assert self._stack.status("web")["breakpoint"].startswith("asgi.py:")

    def _has_stopped(self) -> bool:
        return self._stack.output.count("waits at a breakpoint") == self._stops


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Where requests wait."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def start(stack: Stack, more: str = "") -> None:
    """Start a server that has environments."""
    port = stack.port
    stack.start(
        {
            "asgi.py": ASGI,
            "words.py": "WORD = 'old'\n",
            "Procfile.dev": "web: uvicorn asgi:app --port $PORT --lifespan off\n",
            "pyproject.toml": environments(
                SHORT + more, development=port, staging=port, other=port
            ),
        }
    )
    stack.wait_page("old development")


def test_what_was_replaced_ends_when_it_goes_on(
    stack: Stack, pool: ThreadPoolExecutor
) -> None:
    """By a reload or a switch; its prompt can be taken, and the end does not wait."""
    start(stack)
    requests = Requests(stack, pool)
    answer = requests.begin()
    stack.write({"words.py": "WORD = 'new'\n"})
    stack.wait_page("new")
    requests.stand()
    go_on(stack)
    assert answer.result() == "old development"
    stack.wait(lambda: stack.status("web")["breakpoint"] is None)
    answer = requests.begin()
    client = begin_switch(stack, "staging")
    stack.wait_output("switched to `staging`")
    requests.stand()
    assert client.wait(30) == 0
    client.communicate()
    stack.wait_page("new staging")
    go_on(stack)
    assert answer.result() == "new development"
    answer = requests.begin()
    stack.write({"words.py": "WORD = 'newest'\n"})
    stack.wait_page("newest")
    requests.stop()
    client = begin_switch(stack, "other")
    stack.wait(lambda: stack.output.count("waits at a breakpoint") == 4)
    stack.close()
    with pytest.raises(OSError, match=r"."):
        answer.result()
    assert client.wait(30) == 1
    client.communicate()


def go_on(stack: Stack) -> None:
    """Take the prompt, and have the process go on."""
    with Prompt(stack, "web") as prompt:
        prompt.expect(r"\(Pdb\) ")
        prompt.type("c\n")
        assert prompt.wait() == 0


def test_a_switch_has_time_while_a_new_process_stands(stack: Stack) -> None:
    """It says where; who goes on there has what was left of the limit."""
    start(stack)
    client = begin_switch(stack, "other", "--within", "3")
    assert client.stderr is not None
    while "breakpoint" not in (line := client.stderr.readline()):
        assert line
    text = r"\d+ s: waits for web \(at a breakpoint: asgi\.py:\d\); ready: none yet\n"
    assert re.fullmatch(text, line)
    end = time.monotonic() + 3
    stack.wait(lambda: time.monotonic() > end)
    go_on(stack)
    assert client.wait(30) == 0
    client.communicate()
    stack.wait_page("old other")


def test_who_waits_for_a_start_is_told_where_it_stands(stack: Stack) -> None:
    """It is not ready; a person is to go on, and has the prompt back for that."""
    stack.write(
        {
            "tasks.py": TASKS,
            "work.py": "breakpoint()\nbreakpoint()\n",
            "late.py": "import time\ntime.sleep(300)\n",
            "Procfile.dev": "worker: python work.py\nlate: python late.py\n",
            "pyproject.toml": "[tool.sceneshift.processes]\n"
            "late = { depends_on = ['worker'] }\n"
            "worker = { health = { log = 'is up' } }\n",
        }
    )
    try:
        for words in (["dev", "--detach"], ["dev.restart", "worker"]):
            done = stack.inv(*words)
            assert done.returncode == 0, done.stderr
            assert "at a breakpoint: work.py:" in done.stdout
        assert stack.status("late")["state"] == "waiting"
    finally:
        assert stack.inv("dev.stop").returncode == 0
    stack.wait(lambda: not stack.leftovers())
