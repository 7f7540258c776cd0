"""What is known of one run of a process's code."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.channel import Channel
from sceneshift.dev.output import ProcessStream, Ring, RotatingLog
from sceneshift.dev.run.agent import AgentLink
from sceneshift.dev.run.generation import Generation, Tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    MakeLink = Callable[..., AgentLink]


@pytest.fixture
def make_link() -> Iterator[MakeLink]:
    """Return what makes lines to a generation's processes."""
    loop = asyncio.new_event_loop()
    links: list[AgentLink] = []

    def make(pid: int, *, serves: bool) -> AgentLink:
        ours, theirs = socket.socketpair()
        theirs.close()
        link = AgentLink(loop, Channel(ours), lambda *_: None, pid=pid)
        link.serves = serves
        links.append(link)
        return link

    yield make
    for link in links:
        link.close()
    loop.close()


def test_only_who_serves_may_answer_late(tmp_path: Path, make_link: MakeLink) -> None:
    """A pool of processes hears the word when it has computed, and nobody waits."""
    log = RotatingLog(tmp_path / "web.log")
    stream = ProcessStream("web", log=log, ring=Ring(), sinks=[])
    made = Generation(number=1, process="web", tail=Tail(stream.source()))
    first, second = make_link(1, serves=True), make_link(2, serves=True)
    made.branches = [first, second, make_link(3, serves=False)]
    made.keeps = made.is_holding = True
    assert made.is_late
    made.heard.add(1)
    assert made.is_late
    made.heard.add(2)
    assert not made.is_late
    assert not made.has_heard
    made.heard.clear()
    first.close()
    assert made.is_late
    second.close()
    assert not made.is_late
