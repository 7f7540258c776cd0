"""Lists, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, func, or_, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import InstrumentedAttribute, Session

Item = TypeVar("Item")
Row = TypeVar("Row")


class Page(BaseModel, Generic[Item]):
    """One page of a list.

    Attributes:
        items: The rows of this page.
        total: How many rows all pages have together.
        page: Number of this page, from 1.
        page_size: How many rows a full page has.
    """

    items: list[Item]
    total: int
    page: int
    page_size: int


class Paging(BaseModel):
    """Which page is asked for; a query adds its filters.

    Attributes:
        page: Its number, from 1.
        page_size: How many rows it has at most, 1 to 200.
        q: Text to look for, in any case.
    """

    model_config = ConfigDict(extra="forbid")

    page: int = Field(1, ge=1, le=1_000_000)
    page_size: int = Field(20, ge=1, le=200)
    q: str = Field("", max_length=100)

    def show(self, items: list[Item], total: int) -> Page[Item]:
        """Return the page, filled."""
        return Page(items=items, total=total, page=self.page, page_size=self.page_size)


def load_page(
    session: Session, query: Select[Row], asked: Paging
) -> tuple[Sequence[Row], int]:
    """Return the page's rows and how many rows there are in all."""
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    offset = (asked.page - 1) * asked.page_size
    rows = session.scalars(query.offset(offset).limit(asked.page_size)).unique().all()
    return rows, total


def matches(text: str, *columns: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Return a condition: one of the columns contains the text, in any case."""
    return or_(*(column.icontains(text.strip(), autoescape=True) for column in columns))
