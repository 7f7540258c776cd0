"""Rows by number, and what is refused about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import HTTPException
from sqlalchemy import select

from demo.models import Base

if TYPE_CHECKING:
    from pydantic import BaseModel
    from sqlalchemy.orm import InstrumentedAttribute, Session

Row = TypeVar("Row", bound=Base)


def get_row(session: Session, kind: type[Row], number: int) -> Row:
    """Return the row; answer 404 where there is none."""
    row = session.get(kind, number)
    if row is None:
        raise HTTPException(404, f"there is no {kind.__name__.lower()} {number}")
    return row


def check_reference(
    session: Session, kind: type[Base], number: int | None, *, field: str
) -> None:
    """Answer 422 where a field refers to a row that does not exist."""
    if number is not None and session.get(kind, number) is None:
        raise HTTPException(
            422, f"`{field}`: there is no {kind.__name__.lower()} {number}"
        )


def check_free(
    session: Session,
    column: InstrumentedAttribute[str],
    value: str | None,
    *,
    except_for: int | None = None,
) -> None:
    """Answer 409 where another row has the value already."""
    kind: Any = column.class_
    query = select(kind.id).where(column == value, kind.id != (except_for or 0))
    if value is not None and session.scalar(query) is not None:
        raise HTTPException(409, f"`{column.key}` is taken: {value}")


def apply_change(row: Base, change: BaseModel) -> None:
    """Set the fields that the change names."""
    for name, value in change.model_dump(exclude_unset=True).items():
        setattr(row, name, value)
