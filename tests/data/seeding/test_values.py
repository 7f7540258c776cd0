from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneshift.data.seeding.child.values import Values, _encode

KEYS = st.one_of(st.integers(), st.text(), st.tuples(st.integers(), st.text()))


def test_values_are_what_they_always_were() -> None:
    """On each machine and with each Python: data that is stored is found again."""
    values = Values(1, "users", 17)
    assert values.name() == "Priya Sharma"
    assert values.email() == "wei.pereira.3487b72b80@example.com"
    assert values.integer("age", 18, 90) == 29
    assert values.sentence("bio") == ("Current stage second stock design change.")
    assert str(values.uuid("id")) == "cc928a30-0cf4-4499-99da-d7c331dc2e8a"
    assert values.number("x") == 0.5494038100825265
    assert values.decimal("price", "0.00", "99.99") == Decimal("61.21")
    assert values.choice("role", {"member": 9, "admin": 1}) == "member"


def test_each_part_of_what_it_is_for_counts() -> None:
    """And nothing else: a row more changes no other."""
    drawn = {
        Values(seed, table, key).integer(field, 0, 1 << 60)
        for seed in (1, 2)
        for table in ("a", "b")
        for key in (1, "1", (1,), ("1",), (1, 1), None)
        for field in ("x", "y")
    }
    assert len(drawn) == 2 * 2 * 6 * 2


@given(KEYS, KEYS)
def test_no_two_keys_are_written_alike(one: object, other: object) -> None:
    """However they are cut."""
    assert (_encode(one) == _encode(other)) == (
        (type(one), one) == (type(other), other)
    )


@given(st.integers(), st.integers(-5, 5), st.integers(0, 9))
def test_numbers_stay_within_their_bounds(key: int, low: int, more: int) -> None:
    """Both are included."""
    values = Values(1, "t", key)
    assert low <= values.integer("x", low, low + more) <= low + more
    assert low <= values.number("x", low, low + more + 1) < low + more + 1
    first, last = date(2026, 1, 1), date(2026, 1, 3)
    assert first <= values.date("x", first, last) <= last
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    assert start <= values.instant("x", start, end) <= end
    assert Decimal("0.5") <= values.decimal("x", "0.5", "0.7", 1) <= Decimal("0.7")


def test_choices_come_as_often_as_they_weigh() -> None:
    """About so."""
    drawn = Counter(
        Values(1, "t", key).choice("x", {"a": 80, "b": 20, "c": 0})
        for key in range(2000)
    )
    assert 1500 < drawn["a"] < 1700
    assert drawn["c"] == 0
    several = {Values(1, "t", key).choice("x", "abc") for key in range(50)}
    assert several == set("abc")
    true = sum(Values(1, "t", key).boolean("x", 0.3) for key in range(2000))
    assert 500 < true < 700


def test_nothing_to_choose_from_is_an_error() -> None:
    """Not an endless search."""
    with pytest.raises(ValueError, match="nothing to choose from"):
        Values(1, "t", 1).choice("x", {})


def test_addresses_are_plain_and_different() -> None:
    """They reach nobody, and a unique column takes them."""
    addresses = {Values(1, "t", key).email() for key in range(5000)}
    assert len(addresses) == 5000
    assert all(each.isascii() and "@example.com" in each for each in addresses)
    values = Values(1, "t", 1)
    assert values.email(name="Søren Çelik").startswith("soren.celik.")
    assert values.email(name="李").startswith("x.")


def test_texts_are_as_long_as_is_asked() -> None:
    """In words."""
    values = Values(1, "t", 1)
    assert len(values.words("x", 3, 3).split()) == 3
    assert values.word("x").islower()
    text = values.paragraph("x", 2, 2)
    assert text.count(".") == 2
    assert text[0].isupper()
