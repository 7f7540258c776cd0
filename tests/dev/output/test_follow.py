from __future__ import annotations

import re

from sceneshift.dev.output.follow import Follower, LineMatch


def test_a_follower_is_woken_once_and_takes_what_waits() -> None:
    """It gets lines and notes in order, and is woken again after it took them."""
    woken: list[int] = []
    follower = Follower(lambda: woken.append(1))
    follower.take_block("web", b"a\nb\n", 1.0)
    follower.take_note("web", "restarted", 2.0)
    follower.take_partial("web", b"par", 2.0)
    assert len(woken) == 1
    batch = follower.take()
    assert [(x.text, x.is_note) for x in batch.lines] == [
        ("a", False),
        ("b", False),
        ("restarted", True),
    ]
    follower.take_block("web", b"c\n", 3.0)
    assert len(woken) == 2


def test_a_follower_gets_only_what_it_asked_for() -> None:
    """Names and a pattern narrow it."""
    follower = Follower(lambda: None, names=["web"], pattern=re.compile("GET"))
    follower.take_block("worker", b"GET\n", 1.0)
    follower.take_block("web", b"POST /\nGET /\n", 1.0)
    assert [x.text for x in follower.take().lines] == ["GET /"]


def test_a_slow_follower_loses_the_oldest_and_is_told_how_many() -> None:
    """What waits is bounded, and the loss is counted in lines."""
    follower = Follower(lambda: None, limit_bytes=1_000)
    for number in range(100):
        follower.take_block("web", b"a%02d\n" % number + b"x" * 95 + b"\n", 1.0)
    batch = follower.take()
    assert batch.skipped == 200 - len(batch.lines)
    assert batch.lines[-2].text == "a99"
    assert follower.take() == type(batch)(skipped=0, lines=())


def test_a_pattern_is_matched_once_in_the_lines_of_its_process() -> None:
    """A readiness probe fires at the first line, and only then."""
    found: list[str] = []
    match = LineMatch("web", re.compile("^ready"), found.append)
    match.take_block("worker", b"ready\n", 1.0)
    match.take_note("web", "ready", 1.0)
    match.take_block("web", b"not ready\n", 1.0)
    match.take_block("web", b"x\nready on 8000\nready again\n", 1.0)
    match.take_block("web", b"ready\n", 1.0)
    assert found == ["ready on 8000"]


def test_a_prompt_can_match_too() -> None:
    """A process that waits at a prompt has said so without a newline."""
    found: list[str] = []
    LineMatch("web", re.compile(">"), found.append).take_partial("web", b"> ", 1.0)
    assert found == ["> "]
