"""Interpreters that were made and are wanted no more."""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.processes import children, find_process

if TYPE_CHECKING:
    from reloading import Stack

WORKER = "import time\nprint('up', flush=True)\ntime.sleep(300)\n"


@pytest.mark.parametrize("reload", ["auto", "cold"])
def test_a_restart_leaves_no_descriptor_behind(stack: Stack, reload: str) -> None:
    """An `inv dev` runs for weeks."""
    table = f"[tool.sceneshift.processes.w]\nreload = '{reload}'\n"
    procfile = "w: python work.py\n"
    stack.start({"work.py": WORKER, "Procfile.dev": procfile, "pyproject.toml": table})
    stack.wait_ready("w")
    stack.ask("dev.restart", "w")
    before = stack.descriptors()
    for _ in range(3):
        stack.ask("dev.restart", "w")
    stack.wait(lambda: stack.descriptors() <= before)


def test_a_zygote_that_is_killed_leaves_no_descriptor_behind(stack: Stack) -> None:
    """Its children go with it, and another one takes its place."""
    stack.start({"work.py": WORKER, "Procfile.dev": "w: python work.py\n"})
    stack.wait_ready("w")
    before = count_settled(stack)
    for number in range(2):
        process = find_process(stack.pid("w"))
        assert process is not None
        os.kill(process.ppid, signal.SIGKILL)
        stack.wait(partial(_has_started, stack, number + 2))
        stack.wait_ready("w")
    stack.wait(lambda: stack.descriptors() <= before)


def count_settled(stack: Stack) -> int:
    """Return how many are open once two successors wait beside the process."""

    def are_waiting() -> bool:
        process = find_process(stack.pid("w"))
        return process is not None and len(children(process.ppid)) == 3

    stack.wait(are_waiting)
    return stack.descriptors()


def _has_started(stack: Stack, times: int) -> bool:
    return stack.output.count("| up") == times


def _has_reloaded(stack: Stack, times: int) -> bool:
    return len(stack.ask("dev.why")["reloads"]) == times


SLOW = "import os, time\nwhile os.path.exists('slow'):\n    time.sleep(0.01)\n"


def test_what_is_configured_while_an_interpreter_starts_counts(stack: Stack) -> None:
    """The interpreter that was on its way is given up, with all that waits for it."""
    table = (  # no interpreter outlives another value of what begins with PYTHON
        "[tool.sceneshift.processes.w]\n"
        "env = {{ WORD = '{0}', PYTHONPATH = 'slow', PYTHONWORD = '{0}' }}\n"
    )
    files = {
        "fast/sitecustomize.py": SLOW,
        "work.py": "import os, time\nprint('word', os.environ['WORD'], flush=True)\n"
        "time.sleep(300)\n",
        "Procfile.dev": "w: python work.py\n",
        "pyproject.toml": table.format(0),
    }
    stack.start(files)
    stack.wait_output("word 0")
    stack.wait_ready("w")
    before = count_settled(stack)
    (stack.root / "fast").rename(stack.root / "slow")
    for number in range(1, 4):
        stack.write({"pyproject.toml": table.format(number)})
        stack.wait(partial(_has_reloaded, stack, number))
    (stack.root / "slow").rename(stack.root / "fast")
    stack.wait_output("word 3")
    assert stack.output.count("| word") == 2
    stack.wait(lambda: stack.descriptors() <= before)
