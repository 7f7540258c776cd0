from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneshift.core.wording import (
    describe_moment,
    describe_progress,
    describe_seconds,
    find_nearest,
    iso_time,
    local_clock,
    name_few,
    quote,
    suggest,
)


@given(st.text(max_size=200))
def test_a_quoted_text_is_one_printable_line(text: str) -> None:
    """Whatever a file holds, the message stays a line."""
    quoted = quote(text)
    assert quoted.isprintable()
    assert quoted[0] == quoted[-1] == "`"


def test_a_long_text_is_shortened() -> None:
    """A message stays readable."""
    assert quote("x" * 100) == "`" + "x" * 59 + "…`"


def test_the_nearest_name_ignores_case() -> None:
    """`Backend` is meant for `backend`."""
    assert find_nearest("BACKEND", ["worker", "backend"]) == "backend"


def test_without_a_near_name_all_are_listed() -> None:
    """A hint always says what could be typed."""
    assert suggest("zzz", ["web", "worker"]) == "known: `web`, `worker`"
    assert suggest("wbe", ["web", "worker"]) == "did you mean `web`?"
    assert suggest("web", []) == "there are none yet"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0004, "0 ms"), (0.9994, "999 ms"), (1.0, "1.0 s"), (61.26, "61.3 s")],
)
def test_a_time_has_the_unit_that_fits(seconds: float, said: str) -> None:
    """Milliseconds as long as there is no second."""
    assert describe_seconds(seconds) == said


def test_a_moment_has_a_date_unless_it_is_today() -> None:
    """Since 12:04 means today."""
    assert len(describe_moment(time.time())) == len("12:04")
    assert describe_moment(0).startswith(("1970-01-01 ", "1969-12-31 "))


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000.2567, "2023-11-14T22:13:20.256Z"),
    ],
)
def test_a_time_is_utc_to_the_millisecond(at: float, text: str) -> None:
    """Also where the second is a whole one."""
    assert iso_time(at) == text


def test_a_clock_shows_the_time_where_the_person_is() -> None:
    """As the lines of the terminal have it."""
    at = 1_700_000_000.25
    assert local_clock(iso_time(at)) == time.strftime("%H:%M:%S", time.localtime(at))


@pytest.mark.parametrize(
    ("names", "said"),
    [((), ""), (("a", "b"), "a, b"), (("a", "b", "c", "d"), "a, b and 2 more")],
)
def test_of_many_names_the_first_are_said(names: tuple[str, ...], said: str) -> None:
    """As many as are shown need no count, nor does none."""
    assert name_few(names, 2) == said


WEB = {"name": "web", "state": "setup", "setup": "npm ci"}
WORKER = {"name": "worker", "state": "waiting", "setup": None}


@pytest.mark.parametrize(
    ("waiting", "ready", "said"),
    [
        ([], [], "waits until what starts or ends just now has done so"),
        ([WEB], [], "waits for web (npm ci); ready: none yet"),
        ([WEB, WORKER], ["x"], "waits for web (npm ci), worker (waiting); ready: x"),
        ([], ["x", "y"], "waits for its end; ready: x, y"),
    ],
)
def test_a_switch_says_what_it_waits_for(
    waiting: list[dict[str, str | None]], ready: list[str], said: str
) -> None:
    """A set-up step by its command, everything else by its state."""
    assert describe_progress({"waiting": waiting, "ready": ready}) == said
