from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneshift.dev.watch.change import Evidence
from sceneshift.dev.watch.coalesce import (
    LONGEST_QUIET_S,
    LONGEST_SET_S,
    PATIENCE_S,
    SHORTEST_QUIET_S,
    SLACK_S,
    UNSETTLED_S,
    Coalescer,
)

WRITTEN, WRITING = Evidence.WRITTEN, Evidence.WRITING
APPEARED, GONE = Evidence.APPEARED, Evidence.GONE

History = list[tuple[float, str, Evidence]]


def replay(history: History, until: float = 60.0) -> list[tuple[float, set[str]]]:
    """Return when which set comes out, as an exact timer would take it."""
    coalescer = Coalescer()
    sets: list[tuple[float, set[str]]] = []
    for at, path, evidence in [*history, (until, "", WRITTEN)]:
        while (ready := coalescer.ready_at()) is not None and ready < at:
            sets.append((round(ready, 4), set(coalescer.take(ready))))
        if path:
            coalescer.note(path, evidence, at)
    return sets


def test_nothing_comes_of_nothing() -> None:
    """Without an event there is no set and no time for one."""
    coalescer = Coalescer()
    assert coalescer.ready_at() is None
    assert not coalescer.is_ready(1.0)
    assert coalescer.take(1.0) == {}


def test_a_save_comes_out_after_the_shortest_quiet() -> None:
    """One file waits only as long as two events of one save lie apart."""
    history = [(1.0, "a", APPEARED), (1.0005, "a", WRITING), (1.001, "a", WRITTEN)]
    assert replay(history) == [(round(1.001 + SHORTEST_QUIET_S, 4), {"a"})]


def test_a_timer_that_is_a_little_early_is_on_time() -> None:
    """Timers are coarse: a round of the loop is not spent on half a millisecond."""
    coalescer = Coalescer()
    coalescer.note("a", WRITTEN, 1.0)
    assert coalescer.take(1.0 + SHORTEST_QUIET_S - SLACK_S / 2) == {"a": True}


def test_a_deletion_waits_for_a_successor() -> None:
    """A file that is renamed away and written anew is one path, told once."""
    history = [(1.0, "a", GONE), (1.02, "a", APPEARED), (1.03, "a", WRITTEN)]
    assert replay(history) == [(1.032, {"a"})]
    assert replay([(1.0, "a", GONE)]) == [(1.0 + UNSETTLED_S, {"a"})]


def test_a_file_that_goes_keeps_others_waiting() -> None:
    """A rename and the save of another file are one set."""
    assert replay([(1.0, "a", GONE), (1.001, "b", WRITTEN)]) == [(1.05, {"a", "b"})]


def test_a_file_that_is_being_written_keeps_nobody_waiting() -> None:
    """A log that is written all the time does not hold a save up, and is told too."""
    log = [(1.0 + i / 100, "log", WRITING) for i in range(200)]
    history = sorted([*log, (1.505, "a", WRITTEN)])
    sets = replay(history)
    assert (1.507, {"a"}) in sets
    assert sets[0] == (1.0 + PATIENCE_S, {"log"})
    assert sets[-1][1] == {"log"}
    assert 2.99 < sets[-1][0] <= 2.99 + UNSETTLED_S


def test_a_burst_is_one_set() -> None:
    """The more files, the longer the quiet that ends the set."""
    history = [(1 + i / 1000, f"f{i}", WRITTEN) for i in range(500)]
    history += [(1.54, "late", WRITTEN)]
    assert [len(paths) for _, paths in replay(history)] == [501]
    assert replay(history)[0][0] == pytest.approx(1.54 + LONGEST_QUIET_S)


def test_a_burst_that_never_ends_is_told_in_parts() -> None:
    """A generator of files cannot hold the rest up for ever."""
    history = [(1 + i / 1000, f"f{i}", APPEARED) for i in range(3000)]
    sets = replay(history)
    assert sets[0][0] == pytest.approx(1 + LONGEST_SET_S)
    assert set().union(*(paths for _, paths in sets)) == {f"f{i}" for i in range(3000)}


def test_a_calm_ends_a_burst() -> None:
    """After it, a single save is quick again."""
    history = [(1.0, f"f{i}", WRITTEN) for i in range(100)] + [(2.0, "a", WRITTEN)]
    assert replay(history)[-1] == (2.0 + SHORTEST_QUIET_S, {"a"})


def test_what_came_and_went_is_forgotten() -> None:
    """A temporary file neither comes out nor makes a burst."""
    coalescer = Coalescer()
    for i in range(50):
        coalescer.note(f"tmp{i}", WRITTEN, 1.0)
        coalescer.discard(f"tmp{i}")
    coalescer.note("a", WRITTEN, 1.0)
    assert coalescer.quiet_s == SHORTEST_QUIET_S
    assert coalescer.take(1.1) == {"a": True}


def test_a_stir_without_a_path_has_its_time_too() -> None:
    """Lost events ask for a look when things are quiet, once."""
    coalescer = Coalescer()
    coalescer.stir(1.0)
    assert coalescer.ready_at() == 1.0 + SHORTEST_QUIET_S
    assert coalescer.take(1.1) == {}
    assert coalescer.ready_at() is None


def test_git_may_hold_a_set_for_five_seconds() -> None:
    """Counted from the first file that waits."""
    coalescer = Coalescer()
    assert coalescer.may_hold(100.0)
    coalescer.note("a", WRITTEN, 1.0)
    coalescer.note("b", WRITTEN, 5.5)
    assert coalescer.may_hold(5.9)
    assert not coalescer.may_hold(6.1)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 0.2), st.sampled_from("abcdef"), st.sampled_from(Evidence)
        ),
        max_size=60,
    )
)
def test_no_path_is_ever_lost(steps: list[tuple[float, str, Evidence]]) -> None:
    """After its last event each path comes out once more, within a second and a bit."""
    now, history = 1.0, []
    for pause, path, evidence in steps:
        now += pause
        history.append((now, path, evidence))
    sets = replay(history)
    for path in {path for _, path, _ in history}:
        last = max(at for at, name, _ in history if name == path)
        after = [at for at, paths in sets if path in paths and at >= last - 0.001]
        assert after
        assert after[0] <= last + LONGEST_SET_S + LONGEST_QUIET_S
