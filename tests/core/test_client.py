from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.channel import Channel
from sceneshift.core.client import SOCKET_NAME, Client
from sceneshift.core.errors import (
    BusyError,
    RefusedError,
    SceneshiftError,
    UsageError,
)
from sceneshift.core.paths import StateFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Stack:
    """The other end: it has said its words before it is asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        state = StateFolder(root)
        state.make()
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(state.socket(SOCKET_NAME)))
        self.server.listen()
        self.client = Client.get(root)
        self.line = Channel(self.server.accept()[0])

    def close(self) -> None:
        """Close all ends."""
        self.client.close()
        self.line.close()
        self.server.close()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Return a stack with one client."""
    made = Stack(tmp_path)
    yield made
    made.close()


def test_where_nothing_runs_there_is_nobody_to_ask(tmp_path: Path) -> None:
    """Nor where a socket was left that nobody serves."""
    assert Client.find(tmp_path) is None
    with socket.socket(socket.AF_UNIX) as gone:
        path = StateFolder(tmp_path).make() / SOCKET_NAME
        gone.bind(str(path))
    with pytest.raises(SceneshiftError, match="nothing runs") as caught:
        Client.get(tmp_path)
    assert caught.value.hint == "start it: inv dev"


def test_an_answer_comes_without_what_was_not_asked_for(stack: Stack) -> None:
    """Descriptors that come along are closed."""
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - numbers
    stack.line.send({"ok": True, "n": 1}, (0,))
    assert stack.client.ask({"op": "status"})["n"] == 1
    assert stack.line.receive() == ({"op": "status"}, [])
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208


@pytest.mark.parametrize(
    ("code", "kind"),
    [(2, UsageError), (4, RefusedError), (5, BusyError), (1, SceneshiftError)],
)
def test_a_refusal_is_the_error_that_the_stack_means(
    stack: Stack, code: int, kind: type[SceneshiftError]
) -> None:
    """With its exit code and its hint."""
    answer: dict[str, Any] = {"ok": False, "error": "no", "hint": "do", "code": code}
    stack.line.send(answer)
    with pytest.raises(kind, match="no") as caught:
        stack.client.ask({"op": "stop"})
    assert (caught.value.exit_code, caught.value.hint) == (code, "do")


def test_a_stack_that_does_not_answer_is_not_waited_for(stack: Stack) -> None:
    """It may be stopped, or at work on something of its own."""
    with pytest.raises(SceneshiftError, match=r"does not answer within 0\.05 s"):
        stack.client.ask({"op": "status"}, wait_s=0.05)


def test_who_waits_can_say_so_meanwhile(stack: Stack) -> None:
    """Each second in which there is no answer, until there is one."""
    calls: list[int] = []

    def pass_time() -> None:
        calls.append(1)
        if len(calls) == 2:
            stack.line.send({"ok": True, "n": 1})

    assert stack.client.ask({"op": "switch"}, meanwhile=pass_time)["n"] == 1
    assert len(calls) == 2
    with pytest.raises(SceneshiftError, match=r"does not answer within 0\.05 s"):
        stack.client.ask({"op": "switch"}, wait_s=0.05, meanwhile=pass_time)


@pytest.mark.parametrize("is_asked", [False, True])
def test_a_stack_that_ends_meanwhile_says_so(
    stack: Stack,
    is_asked: bool,  # noqa: FBT001 - a column
) -> None:
    """Whether it has heard the question or not."""
    if is_asked:
        stack.line.sock.shutdown(socket.SHUT_WR)
    else:
        stack.line.close()
    with pytest.raises(SceneshiftError, match="has just ended"):
        stack.client.ask({"op": "status"})


def test_a_follower_is_done_when_the_stack_is(stack: Stack) -> None:
    """It hears everything before."""
    stack.line.send({"n": 1})
    stack.line.send({"n": 2})
    stack.line.close()
    assert [each["n"] for each in stack.client.follow()] == [1, 2]
    stack.client.wait_end()


def test_a_terminal_comes_with_the_place(stack: Stack) -> None:
    """The descriptor is the caller's."""
    stack.line.send({"ok": True, "place": "app.py:1"}, (0,))
    fd, place = stack.client.ask_terminal({"op": "attach"})
    assert place == "app.py:1"
    os.close(fd)
