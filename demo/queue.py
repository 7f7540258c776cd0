"""The queue of tasks, which is the table of tasks itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Select, exists, func, select, update
from sqlalchemy.orm import aliased

from demo.models import Agent, Task, TaskStatus, now

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

LEASE_S = 15.0
"""Seconds without a heartbeat after which a running task counts as abandoned."""

WAITING = (TaskStatus.DRAFT, TaskStatus.DONE, TaskStatus.FAILED, TaskStatus.CANCELLED)
"""From where a task can be queued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A task that one worker, and no other, runs now.

    Attributes:
        task_id: The task.
        kind: What its agent is good at.
        attempt: How often the task was begun, this time included.
        worker: Who runs it.
    """

    task_id: int
    kind: str
    attempt: int
    worker: str


def enqueue(task: Task) -> bool:
    """Queue a task that waits; return False where it is queued or runs already."""
    if task.status not in WAITING:
        return False
    task.status = TaskStatus.QUEUED
    task.queued_at = now()
    task.progress = 0
    task.agent_id = task.worker = task.step = task.result = None
    task.started_at = task.heartbeat_at = task.finished_at = None
    return True


def cancel(task: Task) -> bool:
    """Cancel a queued or running task; its worker lets go when it looks next."""
    if task.status not in (TaskStatus.QUEUED, TaskStatus.RUNNING):
        return False
    task.status = TaskStatus.CANCELLED
    task.finished_at = now()
    task.worker = task.step = None
    return True


def claim(session: Session, worker: str) -> Claim | None:
    """Give the most urgent queued task to a free agent; None where one lacks.

    The transaction must be a writing one. SQLite lets one such in at a time;
    PostgreSQL locks the two rows, and other workers pass over them.
    """
    agent = session.scalar(_free_agent())
    task = None if agent is None else session.scalar(_next_task())
    if agent is None or task is None:
        return None
    at = now()
    agent.last_seen_at = task.started_at = task.heartbeat_at = at
    task.status = TaskStatus.RUNNING
    task.agent_id = agent.id
    task.worker = worker
    task.attempts += 1
    task.step = "Starting"
    session.flush()
    return Claim(
        task_id=task.id, kind=agent.kind.value, attempt=task.attempts, worker=worker
    )


def report(session: Session, held: Claim, *, progress: int, step: str) -> bool:
    """Write how far the task is; return False where it is no longer ours."""
    return _change(
        session, held, {"progress": progress, "step": step, "heartbeat_at": now()}
    )


def finish(
    session: Session, held: Claim, *, status: TaskStatus, progress: int, result: str
) -> bool:
    """Write what came of the task; return False where it is no longer ours."""
    return _change(
        session,
        held,
        {
            "status": status,
            "progress": progress,
            "result": result,
            "step": None,
            "worker": None,
            "finished_at": now(),
        },
    )


def release(session: Session, held: Claim) -> bool:
    """Return the task to its old place in the queue: this attempt does not count."""
    returned = _returned() | {"attempts": Task.attempts - 1}
    return _change(session, held, returned)


def release_abandoned(session: Session, at: datetime | None = None) -> int:
    """Return tasks to the queue whose worker died; return how many."""
    oldest = (at or now()) - timedelta(seconds=LEASE_S)
    abandoned = (Task.status == TaskStatus.RUNNING) & (Task.heartbeat_at < oldest)
    statement = update(Task).where(abandoned).values(_returned()).returning(Task.id)
    return len(session.execute(statement).all())


def greet(session: Session) -> None:
    """Say that the agents are there: a worker runs for them."""
    session.execute(update(Agent).where(Agent.is_enabled).values(last_seen_at=now()))


def _free_agent() -> Select[Agent]:
    running = aliased(Task)
    busy = exists().where(
        running.agent_id == Agent.id, running.status == TaskStatus.RUNNING
    )
    # Whoever rested longest is next, so that all of them get to work.
    last = (
        select(func.max(Task.started_at))
        .where(Task.agent_id == Agent.id)
        .scalar_subquery()
    )
    return (
        select(Agent)
        .where(Agent.is_enabled, ~busy)
        .order_by(last.asc().nulls_first(), Agent.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def _next_task() -> Select[Task]:
    return (
        select(Task)
        .where(Task.status == TaskStatus.QUEUED)
        .order_by(Task.priority.desc(), Task.queued_at, Task.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def _returned() -> dict[str, object]:
    return {
        "status": TaskStatus.QUEUED,
        "agent_id": None,
        "worker": None,
        "step": None,
        "progress": 0,
        "started_at": None,
        "heartbeat_at": None,
    }


def _change(session: Session, held: Claim, values: dict[str, object]) -> bool:
    """Change the task if this very attempt of this worker still runs it."""
    ours = (
        (Task.id == held.task_id)
        & (Task.status == TaskStatus.RUNNING)
        & (Task.worker == held.worker)
        & (Task.attempts == held.attempt)
    )
    statement = update(Task).where(ours).values(values).returning(Task.id)
    return session.execute(statement).first() is not None
