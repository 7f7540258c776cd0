from __future__ import annotations

from sceneshift.dev.history import History, Reload


def reload(process: str, at: float = 0.0) -> Reload:
    """A reload of a process."""
    return Reload(process=process, at=at, files=(), cause="change", rung="fork")


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
