"""Six thousand tasks, most of them done by now."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from demo.models import Agent, Project, Task, TaskStatus, User

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.data.seeding import Context

COUNT = 6_000

_ENDS = {TaskStatus.DONE: 88, TaskStatus.FAILED: 7, TaskStatus.CANCELLED: 5}
_PRIORITIES = {1: 20, 2: 50, 3: 22, 4: 8}
_DAYS = 180


def seed(context: Context) -> None:
    """Load them, in terms of the projects, people and agents that are there."""
    context.load(Task, _make(context))


def _make(context: Context) -> Iterator[dict[str, Any]]:
    find = context.connection.scalars
    projects = list(find(select(Project.id).order_by(Project.key)))
    people = list(find(select(User.id).order_by(User.email)))
    agents = list(find(select(Agent.id).order_by(Agent.name)))
    for number in range(COUNT):
        values = context.values("tasks", number)
        # More of them lately than long ago.
        age = _DAYS * values.number("age") ** 2
        queued_at = context.now - timedelta(days=age, seconds=number)
        is_old = age > 1
        started_at = queued_at + timedelta(seconds=values.integer("wait", 1, 900))
        took = timedelta(seconds=values.integer("took", 20, 3_600))
        status = (
            values.choice("status", _ENDS)
            if is_old
            else values.choice("new", (TaskStatus.QUEUED, TaskStatus.DRAFT))
        )
        ran = status in {TaskStatus.DONE, TaskStatus.FAILED}
        yield {
            "project_id": values.choice("project", projects),
            "title": f"{values.words('title', 2, 6).capitalize()} ({number})",
            "description": values.paragraph("text", 1, 3),
            "assignee_id": values.choice("person", people)
            if values.boolean("is_assigned", 0.8)
            else None,
            "agent_id": values.choice("agent", agents) if ran else None,
            "priority": values.choice("priority", _PRIORITIES),
            "status": status,
            "attempts": int(ran),
            "progress": _find_progress(status, values.integer("progress", 5, 95)),
            "result": f"{values.integer('checks', 3, 90)} checks" if ran else None,
            "queued_at": None if status is TaskStatus.DRAFT else queued_at,
            "started_at": started_at if ran else None,
            "finished_at": started_at + took if is_old else None,
        }


def _find_progress(status: TaskStatus, failed_at: int) -> int:
    if status is TaskStatus.DONE:
        return 100
    return failed_at if status is TaskStatus.FAILED else 0
