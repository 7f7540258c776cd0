from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sceneshift.dev.output.ring import Ring


def test_the_tail_is_the_last_lines_oldest_first() -> None:
    """Lines come with their times, over the borders of blocks."""
    ring = Ring()
    ring.add(b"a\nb\n", 1.0)
    ring.add(b"restarted\n", 2.0, is_note=True)
    ring.add(b"c\n", 3.0)
    tail = ring.tail("web", 3)
    assert [(x.text, x.at, x.is_note) for x in tail] == [
        ("b", 1.0, False),
        ("restarted", 2.0, True),
        ("c", 3.0, False),
    ]


def test_a_tail_of_no_lines_is_empty() -> None:
    """Zero means none, not all."""
    ring = Ring()
    ring.add(b"a\n", 1.0)
    assert ring.tail("web", 0) == []
    assert len(ring.tail("web", 5)) == 1


def test_a_block_larger_than_the_ring_leaves_its_last_whole_lines() -> None:
    """The oldest lines go, and none is cut."""
    ring = Ring(1000)
    ring.add(b"".join(b"line %03d\n" % n for n in range(500)), 1.0)
    tail = ring.tail("web", 500)
    assert tail[-1].text == "line 499"
    assert 50 < len(tail) < 100
    assert all(len(x.text) == 8 for x in tail)


@given(st.lists(st.integers(min_value=1, max_value=5_000), max_size=50))
def test_it_never_holds_more_than_its_limit(sizes: list[int]) -> None:
    """Whatever comes, the limit stands."""
    ring = Ring(2_000)
    for size in sizes:
        ring.add(b"x" * size + b"\n", 1.0)
        assert ring.size <= 2_000
