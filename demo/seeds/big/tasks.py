"""Two million tasks, read as they are made: they are never in memory together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from demo.models import Agent, Project, User

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.data.seeding import Context

COUNT = 2_000_000
FIRST = 10_000_001  # far from what people and other datasets add

_COLUMNS = (
    "id",
    "project_id",
    "parent_id",
    "assignee_id",
    "agent_id",
    "title",
    "description",
    "status",
    "priority",
    "attempts",
    "progress",
    "queued_at",
    "finished_at",
)


def seed(context: Context) -> None:
    """Load them; every tenth is a part of the one before it."""
    # By the table's name, the values go to the database as they are: texts for
    # enumerations. The model's own types would convert each of them.
    context.load("tasks", _make(context), columns=_COLUMNS)


def _make(context: Context) -> Iterator[tuple[Any, ...]]:
    find = context.connection.scalars
    projects = list(find(select(Project.id).order_by(Project.key)))
    people = list(find(select(User.id).order_by(User.email)))
    agents = list(find(select(Agent.id).order_by(Agent.name)))
    step, took = timedelta(seconds=15), timedelta(seconds=90)
    at = context.now - COUNT * step
    statuses = ("done",) * 9 + ("failed",)
    for number in range(COUNT):
        at += step
        yield (
            FIRST + number,
            projects[number % len(projects)],
            FIRST + number - 1 if number % 10 == 9 else None,
            people[number % len(people)],
            agents[number % len(agents)],
            f"Job {number}",
            "",
            statuses[number % 10],
            number % 4 + 1,
            1,
            100,
            at,
            at + took,
        )
