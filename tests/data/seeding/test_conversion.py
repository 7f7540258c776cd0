from __future__ import annotations

import enum
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Column, types
from sqlalchemy.dialects import sqlite

from sceneshift.data.seeding.child.conversion import Conversion, apply
from sceneshift.data.seeding.child.failure import SeedError

MARK = uuid.UUID("8d6e1a5c-4f7b-4c3e-9a55-2f4f2a1c9d10")
WITH_ZONE = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
NAIVE = WITH_ZONE.replace(tzinfo=None)
KEPT = "2026-01-31 12:30:00.000000"


class Color(enum.Enum):
    """Something that is kept by its value."""

    RED = "red"


def convert(kind: Any, *values: Any, is_text: bool = False) -> list[Any]:
    """Return values as they go to SQLite."""
    conversion = Conversion(sqlite.dialect(), is_text=is_text)
    converter = conversion.find(Column("c", kind))
    return [row[0] for row in apply([(value,) for value in values], [converter])]


@pytest.mark.parametrize(
    ("kind", "values", "kept"),
    [
        (types.Boolean(), [True, None, "yes", 0], [1, None, 1, 0]),
        (types.Integer(), [1, "2", None], [1, 2, None]),
        (types.Numeric(8, 2), [Decimal("1.5"), "2.5"], [1.5, 2.5]),
        (types.Float(), [1.5, "2.5"], [1.5, 2.5]),
        (types.DateTime(), [NAIVE], [KEPT]),
        (types.DateTime(), [NAIVE, None, WITH_ZONE], [KEPT, None, KEPT]),
        (types.DateTime(), [date(2026, 1, 31)], ["2026-01-31 00:00:00.000000"]),
        (types.Date(), [WITH_ZONE, "2026-01-31T12:00"], ["2026-01-31"] * 2),
        (types.Time(), [time(12), "12:00"], ["12:00:00.000000"] * 2),
        (types.LargeBinary(), [b"\xff", "\\xff", "é"], [b"\xff", b"\xff", b"\xc3\xa9"]),
        (
            types.CHAR(32),
            [MARK, str(MARK), MARK.hex, "x", 1],
            [*[MARK.hex] * 3, "x", 1],
        ),
        (types.String(), [Color.RED, "blue"], ["red", "blue"]),
        (types.JSON(), [{"a": [None]}, None], ['{"a": [null]}', None]),
        (types.NullType(), [object], [object]),
    ],
)
def test_values_become_what_sqlite_keeps(
    kind: Any, values: list[Any], kept: list[Any]
) -> None:
    """As SQLAlchemy would write them."""
    assert convert(kind, *values) == kept


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (types.Boolean(), "maybe"),
        (types.Integer(), "1.5"),
        (types.Numeric(), "1,5"),
        (types.DateTime(), "31.1.2026"),
        (types.DateTime(), 5),
        (types.JSON(), "{"),
        (types.Uuid(), "x"),
    ],
)
def test_what_does_not_fit_is_said(kind: Any, text: object) -> None:
    """With the value and the column."""
    with pytest.raises(SeedError, match="does not fit the column `c`: "):
        convert(kind, text, is_text=isinstance(text, str))


def test_a_long_value_is_cut_where_it_is_said() -> None:
    """The rest is in the file."""
    with pytest.raises(SeedError, match=r"^`'x{39}…` does not fit"):
        convert(types.Integer(), "x" * 100)
