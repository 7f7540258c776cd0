from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from stacks import DEADLINE_S
from support import wait_until

if TYPE_CHECKING:
    from stacks import MakeProject, Project, Stack

APP = """\
import time
word = "first"
breakpoint()
print("went on:", word, flush=True)
time.sleep(300)
"""
# Python 3.13 stops at the call, older ones at the next line.
STOP = "app.py:3" if sys.version_info >= (3, 13) else "app.py:4"


@pytest.fixture
def stack(make_project: MakeProject) -> Stack:
    """Return a process that stands at a breakpoint."""
    project = make_project({"app.py": APP}, processes={"app": "python app.py"})
    running = project.start()
    running.wait_for("waits at a breakpoint: ")
    return running


def _place(stack: Stack) -> str:
    return str(stack.status()["app"]["breakpoint"])


def test_a_breakpoint_is_told_and_taken(stack: Stack) -> None:
    """What is typed reaches the debugger; the command ends when the process goes on."""
    assert _place(stack).endswith(STOP)
    stack.wait_for("take it: inv dev.attach app")
    done = stack.project.inv("dev.attach", "app", stdin="word = 'other'\nc\n")
    assert done.returncode == 0, done.stderr
    assert f"`app` at {_told(stack)}; Ctrl-] leaves it there" in done.stderr
    assert "(Pdb)" in done.stdout
    stack.wait_for("went on: other")
    wait_until(lambda: _place(stack) == "None", DEADLINE_S)
    assert stack.stop() == 130


def _told(stack: Stack) -> str:
    after = stack.output.partition("waits at a breakpoint: ")[2]
    return after.partition(";")[0]


def test_a_terminal_can_leave_and_come_back(stack: Stack) -> None:
    """Ctrl-] gives the terminal back and leaves the process where it is."""
    first = stack.project.start_in_terminal("dev.attach", "app")
    first.wait_for("(Pdb)")
    first.type(b"p word * 2\n")
    first.wait_for("'firstfirst'")
    first.type(b"\x1d")
    assert first.process.wait(DEADLINE_S) == 0
    assert _place(stack).endswith(STOP)
    second = stack.project.start_in_terminal("dev.attach", "app")
    second.wait_for("leaves it there")
    second.type(b"c\n")
    assert second.process.wait(DEADLINE_S) == 0
    stack.wait_for("went on: first")
    assert stack.stop() == 130


def test_ctrl_c_is_not_the_command_s_end(stack: Stack) -> None:
    """It discards the line that is being typed, and nothing else."""
    terminal = stack.project.start_in_terminal("dev.attach", "app")
    terminal.wait_for("(Pdb)")
    terminal.type(b"p 1 +\x03")
    terminal.wait_for("^C")
    terminal.type(b"p word * 2\n")
    terminal.wait_for("'firstfirst'")
    terminal.type(b"\x1d")
    assert terminal.process.wait(DEADLINE_S) == 0
    assert stack.stop() == 130


def test_a_save_waits_until_the_process_goes_on(stack: Stack) -> None:
    """Nobody's debugger is taken away by a reload."""
    project = stack.project
    project.write({"app.py": APP.replace("breakpoint()", "word = 'second'")})
    done = project.inv("dev.attach", "app", stdin="p word\nc\n")
    assert "'first'" in done.stdout
    stack.wait_for("went on: second")
    assert stack.stop() == 130


def test_the_end_of_the_stack_ends_the_command(stack: Stack) -> None:
    """A stop is not held up by a breakpoint, and the terminal is given back."""
    terminal = stack.project.start_in_terminal("dev.attach", "app")
    terminal.wait_for("(Pdb)")
    assert _end(stack.project) == 0
    assert terminal.process.wait(DEADLINE_S) == 0
    stack.wait()


def _end(project: Project) -> int:
    return project.inv("dev.stop").returncode
