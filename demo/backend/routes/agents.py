"""Agents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from demo import models
from demo.backend.paging import Page, Paging, load_page, matches
from demo.backend.rows import apply_change, check_free, get_row
from demo.backend.schemas import Agent, AgentChange, AgentNew, AgentState, CurrentTask
from demo.backend.sessions import Reading, Writing
from demo.models import AgentKind, TaskStatus

router = APIRouter(prefix="/agents", tags=["agents"])

_SEEN = timedelta(seconds=10)


class AgentQuery(Paging):
    """Which agents are asked for."""

    kind: AgentKind | None = None
    is_enabled: bool | None = None


@router.get("")
def list_agents(session: Reading, asked: Annotated[AgentQuery, Query()]) -> Page[Agent]:
    """List agents by name, with what they are at."""
    agent = models.Agent
    query = select(agent).order_by(agent.name, agent.id)
    if asked.q:
        query = query.where(matches(asked.q, agent.name))
    if asked.kind is not None:
        query = query.where(agent.kind == asked.kind)
    if asked.is_enabled is not None:
        query = query.where(agent.is_enabled == asked.is_enabled)
    rows, total = load_page(session, query, asked)
    agents = show_agents(session, rows)
    return asked.show(agents, total)


@router.get("/{agent_id}")
def get_agent(session: Reading, agent_id: int) -> Agent:
    """Return one agent."""
    return _show_one(session, get_row(session, models.Agent, agent_id))


@router.post("", status_code=201)
def add_agent(session: Writing, new: AgentNew) -> Agent:
    """Add an agent."""
    check_free(session, models.Agent.name, new.name)
    row = models.Agent(**new.model_dump())
    session.add(row)
    return _show_one(session, row)


@router.patch("/{agent_id}")
def change_agent(session: Writing, agent_id: int, change: AgentChange) -> Agent:
    """Change an agent; one that is switched off finishes what it has."""
    row = get_row(session, models.Agent, agent_id)
    check_free(session, models.Agent.name, change.name, except_for=row.id)
    apply_change(row, change)
    return _show_one(session, row)


@router.delete("/{agent_id}", status_code=204)
def delete_agent(session: Writing, agent_id: int) -> None:
    """Delete an agent that runs nothing."""
    row = get_row(session, models.Agent, agent_id)
    if _load_current(session, [row.id]):
        raise HTTPException(409, f"`{row.name}` runs a task: cancel it first")
    session.delete(row)


def show_agents(session: Session, rows: Sequence[models.Agent]) -> list[Agent]:
    """Return the agents with their state, their task and their record."""
    numbers = [row.id for row in rows]
    current = _load_current(session, numbers)
    record = _count_ended(session, numbers)
    return [
        Agent.model_validate(row).model_copy(
            update={
                "task": current.get(row.id),
                "state": _tell_state(row, is_working=row.id in current),
                "done": record.get((row.id, TaskStatus.DONE), 0),
                "failed": record.get((row.id, TaskStatus.FAILED), 0),
            }
        )
        for row in rows
    ]


def _show_one(session: Session, row: models.Agent) -> Agent:
    session.flush()
    session.refresh(row)
    return show_agents(session, [row])[0]


def _tell_state(row: models.Agent, *, is_working: bool) -> AgentState:
    if is_working:
        return "working"
    if not row.is_enabled:
        return "paused"
    if row.last_seen_at is None or models.now() - row.last_seen_at > _SEEN:
        return "offline"
    return "idle"


def _load_current(session: Session, agents: list[int]) -> dict[int, CurrentTask]:
    """Return the running tasks by agent."""
    task = models.Task
    query = (
        select(task)
        .options(joinedload(task.project))
        .where(task.agent_id.in_(agents), task.status == TaskStatus.RUNNING)
    )
    rows = session.scalars(query)
    return {
        row.agent_id: CurrentTask.model_validate(row) for row in rows if row.agent_id
    }


def _count_ended(
    session: Session, agents: list[int]
) -> dict[tuple[int | None, TaskStatus], int]:
    """Return the number of tasks by agent and status."""
    task = models.Task
    query = (
        select(task.agent_id, task.status, func.count())
        .where(task.agent_id.in_(agents))
        .group_by(task.agent_id, task.status)
    )
    return {(agent, status): count for agent, status, count in session.execute(query)}
