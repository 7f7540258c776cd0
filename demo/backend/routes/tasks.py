"""Tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from demo import models
from demo.backend.paging import Page, Paging, load_page, matches
from demo.backend.rows import apply_change, check_reference, get_row
from demo.backend.schemas import Queued, Task, TaskChange, TaskNew
from demo.backend.sessions import Reading, Writing
from demo.models import TaskStatus
from demo.queue import cancel, enqueue

router = APIRouter(prefix="/tasks", tags=["tasks"])


class TaskQuery(Paging):
    """Which tasks are asked for; of several statuses each will do."""

    status: tuple[TaskStatus, ...] = ()
    project_id: int | None = None
    assignee_id: int | None = None
    agent_id: int | None = None
    parent_id: int | None = None


@router.get("")
def list_tasks(session: Reading, asked: Annotated[TaskQuery, Query()]) -> Page[Task]:
    """List tasks, the newest first."""
    task = models.Task
    query = select_tasks().order_by(task.id.desc())
    if asked.q:
        query = query.where(matches(asked.q, task.title, task.description))
    if asked.status:
        query = query.where(task.status.in_(asked.status))
    for column in (task.project_id, task.assignee_id, task.agent_id, task.parent_id):
        value = getattr(asked, column.key)
        query = query if value is None else query.where(column == value)
    rows, total = load_page(session, query, asked)
    return asked.show(show_tasks(session, rows), total)


@router.get("/{task_id}")
def get_task(session: Reading, task_id: int) -> Task:
    """Return one task."""
    return _show_one(session, get_row(session, models.Task, task_id))


@router.post("", status_code=201)
def add_task(session: Writing, new: TaskNew) -> Task:
    """Add a task; it waits until it is queued."""
    check_reference(session, models.Project, new.project_id, field="project_id")
    check_reference(session, models.User, new.assignee_id, field="assignee_id")
    row = models.Task(**new.model_dump())
    _check_parent(session, row)
    session.add(row)
    return _show_one(session, row)


@router.post("/queue-drafts")
def queue_drafts(session: Writing, project_id: int | None = None) -> Queued:
    """Queue every task that was never queued, of one project or of all."""
    query = select(models.Task).where(models.Task.status == TaskStatus.DRAFT)
    if project_id is not None:
        query = query.where(models.Task.project_id == project_id)
    return Queued(queued=sum(enqueue(row) for row in session.scalars(query)))


@router.post("/{task_id}/queue")
def queue_task(session: Writing, task_id: int) -> Task:
    """Queue a task, again if it ended; a worker takes it when an agent is free."""
    row = get_row(session, models.Task, task_id)
    if not enqueue(row):
        raise HTTPException(409, f"task {row.id} is {row.status.value} already")
    return _show_one(session, row)


@router.post("/{task_id}/cancel")
def cancel_task(session: Writing, task_id: int) -> Task:
    """Cancel a task that is queued or running."""
    row = get_row(session, models.Task, task_id)
    if not cancel(row):
        raise HTTPException(409, f"task {row.id} is {row.status.value}")
    return _show_one(session, row)


@router.patch("/{task_id}")
def change_task(session: Writing, task_id: int, change: TaskChange) -> Task:
    """Change a task."""
    row = get_row(session, models.Task, task_id)
    check_reference(session, models.Project, change.project_id, field="project_id")
    check_reference(session, models.User, change.assignee_id, field="assignee_id")
    with session.no_autoflush:
        apply_change(row, change)
        _check_parent(session, row)
        _check_parts(session, row)
    return _show_one(session, row)


@router.delete("/{task_id}", status_code=204)
def delete_task(session: Writing, task_id: int) -> None:
    """Delete a task; its parts stay."""
    session.delete(get_row(session, models.Task, task_id))


def select_tasks() -> Select[models.Task]:
    """Return a query for tasks with what is shown along with them."""
    task = models.Task
    return select(task).options(
        joinedload(task.project),
        joinedload(task.parent),
        joinedload(task.assignee),
        joinedload(task.agent),
    )


def show_tasks(session: Session, rows: Sequence[models.Task]) -> list[Task]:
    """Return the tasks with the number of their parts."""
    counts = _count_parts(session, [row.id for row in rows])
    tasks = []
    for row in rows:
        parts, done = counts.get(row.id, (0, 0))
        update = {"subtasks": parts, "subtasks_done": done}
        tasks.append(Task.model_validate(row).model_copy(update=update))
    return tasks


def _show_one(session: Session, row: models.Task) -> Task:
    session.flush()
    session.refresh(row)
    return show_tasks(session, [row])[0]


def _check_parent(session: Session, row: models.Task) -> None:
    """Answer 422 where the parent lies elsewhere, or below the task itself."""
    check_reference(session, models.Task, row.parent_id, field="parent_id")
    above = row.parent_id
    while above is not None:
        task = get_row(session, models.Task, above)
        if task.id == row.id:
            raise HTTPException(422, "`parent_id`: a task cannot be part of itself")
        if task.project_id != row.project_id:
            raise HTTPException(
                422, f"`parent_id`: task {above} belongs to another project"
            )
        above = task.parent_id


def _check_parts(session: Session, row: models.Task) -> None:
    """Answer 422 where the task would leave its parts behind in another project."""
    part = models.Task
    query = select(part.id).where(
        part.parent_id == row.id, part.project_id != row.project_id
    )
    if session.scalar(query.limit(1)) is not None:
        raise HTTPException(422, "`project_id`: the task has parts in its project")


def _count_parts(session: Session, tasks: list[int]) -> dict[int, tuple[int, int]]:
    """Return, by task, how many parts it has and how many of them are done."""
    part = models.Task
    done = func.count().filter(part.status == TaskStatus.DONE)
    query = (
        select(part.parent_id, func.count(), done)
        .where(part.parent_id.in_(tasks))
        .group_by(part.parent_id)
    )
    return {task: (all_, done) for task, all_, done in session.execute(query) if task}
