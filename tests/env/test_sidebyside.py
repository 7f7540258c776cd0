from __future__ import annotations

import threading

import pytest

from sceneshift.env.sidebyside import run_side_by_side


def test_things_are_done_at_once() -> None:
    """Each waits for the other, and both come to their end."""
    barrier = threading.Barrier(2)
    places = run_side_by_side([lambda: barrier.wait(10) >= 0] * 2, limit_s=10)
    assert places == [True, True]


def test_what_takes_too_long_is_left_behind() -> None:
    """The others' answers are there."""
    never = threading.Event()
    assert run_side_by_side([never.wait, lambda: True], limit_s=0.05) == [None, True]
    never.set()


def test_what_goes_wrong_is_raised() -> None:
    """A mistake of ours is not taken for an answer."""

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_side_by_side([fail], limit_s=10)
