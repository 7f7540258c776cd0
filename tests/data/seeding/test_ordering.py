from __future__ import annotations

import pytest

from sceneshift.data.seeding.child.failure import SeedError
from sceneshift.data.seeding.child.ordering import Step, order_tables
from sceneshift.data.seeding.child.tables import Reference


def refer(
    to: str, *, is_nullable: bool = True, is_deferrable: bool = False
) -> Reference:
    """Return a foreign key."""
    return Reference(
        columns=(f"{to}_id",),
        to=to,
        is_nullable=is_nullable,
        is_deferrable=is_deferrable,
    )


def test_what_is_referred_to_comes_first() -> None:
    """Else all stays in order; tables that are not filled do not count."""
    references = {
        "d": [refer("c", is_nullable=False)],
        "a": [],
        "c": [refer("c", is_nullable=False), refer("gone")],
        "b": [],
    }
    assert order_tables(references, must_exist=True) == [
        Step("a"),
        Step("c"),
        Step("d"),
        Step("b"),
    ]


def test_a_circle_begins_where_something_can_be_left_out() -> None:
    """Which is put in at the end; what is deferrable is not left out."""
    references = {
        "a": [refer("b", is_nullable=False)],
        "b": [refer("c", is_deferrable=True), refer("a")],
        "c": [refer("a", is_nullable=False)],
    }
    assert order_tables(references, must_exist=True) == [
        Step("b", frozenset({"a_id"})),
        Step("a"),
        Step("c"),
    ]
    assert [step.table for step in order_tables(references, must_exist=False)] == [
        "a",
        "c",
        "b",
    ]


def test_a_circle_without_a_beginning_is_said() -> None:
    """With its tables."""
    references = {
        "a": [refer("b", is_nullable=False)],
        "b": [refer("a", is_nullable=False)],
    }
    with pytest.raises(SeedError, match="the tables `a`, `b` refer to each other"):
        order_tables(references, must_exist=True)


def test_rows_that_come_gradually_wait_for_each_other() -> None:
    """Those of one table, too."""
    references = {"a": [refer("a"), refer("b")]}
    assert order_tables(references, must_exist=True, gradual=["a"]) == [
        Step("a", frozenset({"a_id"}))
    ]
    assert order_tables(references, must_exist=False, gradual=["a"]) == [Step("a")]
