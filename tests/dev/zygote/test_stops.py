"""Who stands, where one thread is stepped and another stops with it."""

from __future__ import annotations

from sceneshift.dev.zygote.stops import Stops

STEPPED, OTHER = 1, 2


def stop_both(stops: Stops) -> None:
    """Have the other one stop first, because of the one that has a breakpoint."""
    assert stops.begin(OTHER, is_cause=False)
    assert stops.begin(STEPPED, is_cause=True)  # that is the place to tell


def test_a_step_is_one_whoever_leaves_last() -> None:
    """The other one goes on without a step of its own."""
    for order in ([STEPPED, OTHER], [OTHER, STEPPED]):
        stops = Stops()
        stop_both(stops)
        first, last = order
        assert stops.end(first, is_step=first == STEPPED) is None
        assert stops.end(last, is_step=last == STEPPED) is True
        stop_both(stops)
        assert stops.end(STEPPED, is_step=False) is None
        assert stops.end(OTHER, is_step=False) is False


def test_a_step_that_ends_before_the_other_one_has_left_has_a_new_place() -> None:
    """And when all go on, that step is long over."""
    stops = Stops()
    stop_both(stops)
    assert stops.end(STEPPED, is_step=True) is None
    assert stops.begin(STEPPED, is_cause=True)
    assert not stops.begin(3, is_cause=True)  # the editor shows the first one
    for thread in (3, OTHER):
        assert stops.end(thread, is_step=False) is None
    assert stops.end(STEPPED, is_step=False) is False
