"""What the first page shows, in one answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from demo import models
from demo.backend.routes.agents import show_agents
from demo.backend.routes.tasks import select_tasks, show_tasks
from demo.backend.schemas import Day, Overview
from demo.backend.sessions import Reading
from demo.models import TaskStatus

router = APIRouter(tags=["overview"])

_DAYS = 14
_ROWS = 6


@router.get("/overview")
def get_overview(request: Request, session: Reading) -> Overview:
    """Return the agents, the queue's head, what ended last, and some numbers."""
    task = models.Task
    status = task.status
    counts = select(status, func.count()).group_by(status)
    queued = select_tasks().where(status == TaskStatus.QUEUED)
    queued = queued.order_by(task.priority.desc(), task.queued_at, task.id)
    ended = select_tasks().where(task.finished_at.is_not(None))
    ended = ended.order_by(task.finished_at.desc(), task.id.desc())
    agents = session.scalars(select(models.Agent).order_by(models.Agent.name)).all()
    return Overview(
        environment=request.app.state.settings.environment,
        tasks=dict(iter(session.execute(counts))),
        projects=session.scalar(select(func.count(models.Project.id))) or 0,
        users=session.scalar(select(func.count(models.User.id))) or 0,
        agents=show_agents(session, agents),
        waiting=show_tasks(session, session.scalars(queued.limit(_ROWS)).all()),
        recent=show_tasks(session, session.scalars(ended.limit(_ROWS)).all()),
        days=_count_days(session),
    )


def _count_days(session: Session) -> list[Day]:
    """Return what ended on each of the last days, the oldest first."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    dates = [today - timedelta(days=back) for back in reversed(range(_DAYS))]
    days = {
        date.date(): Day(day=date.date().isoformat(), done=0, failed=0)
        for date in dates
    }
    task = models.Task
    query = select(task.finished_at, task.status).where(task.finished_at >= dates[0])
    for finished_at, status in session.execute(query):
        day = days.get(finished_at.astimezone(UTC).date()) if finished_at else None
        if day and status in (TaskStatus.DONE, TaskStatus.FAILED):
            setattr(day, status.value, getattr(day, status.value) + 1)
    return list(days.values())
