"""Four hundred people, two dozen agents and sixty projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from demo.models import Agent, AgentKind, Project, ProjectStatus, Role, User

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.data.seeding import Context

PEOPLE = 400
AGENTS = 24
PROJECTS = 60

_ROLES = {Role.MEMBER: 85, Role.MAINTAINER: 12, Role.ADMIN: 3}
_STATUSES = {
    ProjectStatus.ACTIVE: 55,
    ProjectStatus.PLANNED: 15,
    ProjectStatus.PAUSED: 10,
    ProjectStatus.ARCHIVED: 20,
}


def seed(context: Context) -> None:
    """Load them; who owns a project is one of the people."""
    context.load(User, _make_people(context))
    context.load(Agent, _make_agents())
    rows = context.connection.execute(select(User.email, User.id)).tuples()
    numbers = dict(rows.all())
    owners = [numbers[row["email"]] for row in _make_people(context)]
    context.load(Project, _make_projects(context, owners))


def _make_people(context: Context) -> Iterator[dict[str, Any]]:
    for number in range(PEOPLE):
        values = context.values("users", number)
        name = values.name()
        yield {
            "name": name,
            "email": values.email(name=name),
            "role": values.choice("role", _ROLES),
            "is_active": values.boolean("is_active", 0.93),
        }


def _make_agents() -> Iterator[dict[str, Any]]:
    kinds = list(AgentKind)
    for number in range(AGENTS):
        kind = kinds[number % len(kinds)]
        yield {
            "name": f"{kind.value.title()} {number // len(kinds) + 1}",
            "kind": kind,
            "is_enabled": number % 8 != 7,
        }


def _make_projects(context: Context, owners: list[int]) -> Iterator[dict[str, Any]]:
    for number in range(PROJECTS):
        values = context.values("projects", number)
        word = values.word("name")
        yield {
            "key": f"{word[:8].upper()}{number:02}",
            "name": f"{word.title()} {values.word('second')}",
            "description": values.sentence("description", 6, 16),
            "status": values.choice("status", _STATUSES),
            "owner_id": values.choice("owner", owners),
        }
