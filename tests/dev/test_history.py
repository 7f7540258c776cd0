from __future__ import annotations

from sceneshift.dev.history import History, Reload, SwitchRecord


def reload(process: str, at: float = 0.0) -> Reload:
    """A reload of a process."""
    return Reload(process=process, at=at, files=(), cause="change", rung="fork")


def switch(*processes: str) -> SwitchRecord:
    """A switch for which processes were started or ended."""
    return SwitchRecord(
        former="development", environment="staging", at=0.0, processes=processes
    )


def test_a_reload_replaces_one_that_is_under_way() -> None:
    """Of the same process only, and none that has ended."""
    history = History()
    first = history.begin(reload("web"))
    other = history.begin(reload("worker"))
    second = history.begin(reload("web"))
    assert first.outcome == "replaced"
    assert (other.outcome, history.open_of("worker")) == ("under way", other)
    second.outcome = "served"
    assert history.open_of("web") is None
    history.begin(reload("web"))
    assert second.outcome == "served"
    assert history.open_of("none") is None


def test_how_long_it_took_is_told_by_the_steady_clock() -> None:
    """Not by the one on the wall, which people and NTP set back."""
    hands = iter([7.0, 7.25])
    history = History(lambda: next(hands))
    history.begin(reload("web", at=1000.0))
    served = history.serve("web")
    assert served is not None
    assert (served.outcome, served.duration_s) == ("served", 0.25)
    assert history.serve("web") is None


def test_the_newest_are_told_oldest_first() -> None:
    """All processes or some of them, and not for ever."""
    history = History()
    for at in range(300):
        history.begin(reload("web" if at % 2 else "worker", at))
    assert [each.at for each in history.last(2)] == [298, 299]
    assert [each.at for each in history.last(2, ["web"])] == [297, 299]
    assert len(history.last(1000)) == 200


def test_switches_are_among_the_reloads() -> None:
    """In the order in which they came; of the processes that they concern."""
    history = History()
    first = history.begin(reload("web"))
    second = history.begin_switch(switch("web", "worker"))
    third = history.begin(reload("worker"))
    assert history.last(10) == [first, second, third]
    assert history.last(10, ["web"]) == [first, second]
    assert history.last(10, ["redis"]) == []
    assert history.open_of("web") == first


def test_how_a_switch_has_ended_is_kept() -> None:
    """With the time that it took, and why it came to nothing."""
    hands = iter([1.0, 1.5, 2.0, 5.0])
    history = History(lambda: next(hands))
    done = history.begin_switch(switch())
    assert done.outcome == "under way"
    history.end_switch(done, None)
    failed = history.begin_switch(switch())
    history.end_switch(failed, "no")
    found = [(each.outcome, each.error, each.duration_s) for each in (done, failed)]
    assert found == [("switched", None, 0.5), ("failed", "no", 3.0)]
