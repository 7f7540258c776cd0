"""Projects."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from demo import models
from demo.backend.paging import Page, Paging, load_page, matches
from demo.backend.rows import apply_change, check_free, check_reference, get_row
from demo.backend.schemas import Project, ProjectChange, ProjectNew
from demo.backend.sessions import Reading, Writing
from demo.models import ProjectStatus, TaskStatus

router = APIRouter(prefix="/projects", tags=["projects"])


class ProjectQuery(Paging):
    """Which projects are asked for."""

    status: ProjectStatus | None = None
    owner_id: int | None = None


@router.get("")
def list_projects(
    session: Reading, asked: Annotated[ProjectQuery, Query()]
) -> Page[Project]:
    """List projects by name."""
    project = models.Project
    query = select(project).options(joinedload(project.owner))
    query = query.order_by(project.name, project.id)
    if asked.q:
        query = query.where(
            matches(asked.q, project.name, project.key, project.description)
        )
    if asked.status is not None:
        query = query.where(project.status == asked.status)
    if asked.owner_id is not None:
        query = query.where(project.owner_id == asked.owner_id)
    rows, total = load_page(session, query, asked)
    counts = _count_tasks(session, [row.id for row in rows])
    projects = [_show(row, counts) for row in rows]
    return asked.show(projects, total)


@router.get("/{project_id}")
def get_project(session: Reading, project_id: int) -> Project:
    """Return one project."""
    return _show_one(session, get_row(session, models.Project, project_id))


@router.post("", status_code=201)
def add_project(session: Writing, new: ProjectNew) -> Project:
    """Add a project."""
    check_free(session, models.Project.key, new.key)
    check_reference(session, models.User, new.owner_id, field="owner_id")
    row = models.Project(**new.model_dump())
    session.add(row)
    return _show_one(session, row)


@router.patch("/{project_id}")
def change_project(session: Writing, project_id: int, change: ProjectChange) -> Project:
    """Change a project."""
    row = get_row(session, models.Project, project_id)
    check_free(session, models.Project.key, change.key, except_for=row.id)
    check_reference(session, models.User, change.owner_id, field="owner_id")
    apply_change(row, change)
    return _show_one(session, row)


@router.delete("/{project_id}", status_code=204)
def delete_project(session: Writing, project_id: int) -> None:
    """Delete a project with all of its tasks."""
    session.delete(get_row(session, models.Project, project_id))


def _show_one(session: Session, row: models.Project) -> Project:
    session.flush()
    session.refresh(row)
    return _show(row, _count_tasks(session, [row.id]))


def _show(row: models.Project, counts: dict[int, dict[TaskStatus, int]]) -> Project:
    project = Project.model_validate(row)
    return project.model_copy(update={"tasks": counts.get(row.id, {})})


def _count_tasks(
    session: Session, projects: list[int]
) -> dict[int, dict[TaskStatus, int]]:
    """Return the number of tasks by project and status."""
    task = models.Task
    query = (
        select(task.project_id, task.status, func.count())
        .where(task.project_id.in_(projects))
        .group_by(task.project_id, task.status)
    )
    counts: dict[int, dict[TaskStatus, int]] = {}
    for project, status, count in session.execute(query):
        counts.setdefault(project, {})[status] = count
    return counts
