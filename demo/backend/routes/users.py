"""People."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from demo import models
from demo.backend.paging import Page, Paging, load_page, matches
from demo.backend.rows import apply_change, check_free, get_row
from demo.backend.schemas import User, UserChange, UserNew
from demo.backend.sessions import Reading, Writing
from demo.models import Role, TaskStatus

router = APIRouter(prefix="/users", tags=["users"])

_CLOSED = (TaskStatus.DONE, TaskStatus.CANCELLED)


class UserQuery(Paging):
    """Which people are asked for."""

    role: Role | None = None
    is_active: bool | None = None


@router.get("")
def list_users(session: Reading, asked: Annotated[UserQuery, Query()]) -> Page[User]:
    """List people by name."""
    query = select(models.User).order_by(models.User.name, models.User.id)
    if asked.q:
        query = query.where(matches(asked.q, models.User.name, models.User.email))
    if asked.role is not None:
        query = query.where(models.User.role == asked.role)
    if asked.is_active is not None:
        query = query.where(models.User.is_active == asked.is_active)
    rows, total = load_page(session, query, asked)
    counts = _count_open(session, [row.id for row in rows])
    users = [_show(row, counts) for row in rows]
    return asked.show(users, total)


@router.get("/{user_id}")
def get_user(session: Reading, user_id: int) -> User:
    """Return one person."""
    return _show_one(session, get_row(session, models.User, user_id))


@router.post("", status_code=201)
def add_user(session: Writing, new: UserNew) -> User:
    """Add a person."""
    check_free(session, models.User.email, new.email)
    row = models.User(**new.model_dump())
    session.add(row)
    return _show_one(session, row)


@router.patch("/{user_id}")
def change_user(session: Writing, user_id: int, change: UserChange) -> User:
    """Change a person."""
    row = get_row(session, models.User, user_id)
    check_free(session, models.User.email, change.email, except_for=row.id)
    apply_change(row, change)
    return _show_one(session, row)


@router.delete("/{user_id}", status_code=204)
def delete_user(session: Writing, user_id: int) -> None:
    """Delete a person; their projects and tasks stay, and are nobody's."""
    session.delete(get_row(session, models.User, user_id))


def _show_one(session: Session, row: models.User) -> User:
    session.flush()
    session.refresh(row)
    return _show(row, _count_open(session, [row.id]))


def _show(row: models.User, counts: dict[int, int]) -> User:
    user = User.model_validate(row)
    return user.model_copy(update={"open_tasks": counts.get(row.id, 0)})


def _count_open(session: Session, users: list[int]) -> dict[int, int]:
    """Return the number of open tasks by person."""
    task = models.Task
    query = (
        select(task.assignee_id, func.count())
        .where(task.assignee_id.in_(users), task.status.not_in(_CLOSED))
        .group_by(task.assignee_id)
    )
    return {user: count for user, count in session.execute(query) if user}
