from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from demo.backend.app import create_app
from demo.database import writing
from demo.models import Agent, Task, TaskStatus, now
from demo.queue import claim
from demo.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx
    from fastapi import FastAPI
    from sqlalchemy import Engine


class Client(Protocol):
    """What the fixture `client` does."""

    def get(self, path: str, **params: Any) -> httpx.Response:
        """Ask for something."""
        ...

    def post(self, path: str, **values: Any) -> httpx.Response:
        """Add something."""
        ...

    def patch(self, path: str, **values: Any) -> httpx.Response:
        """Change something."""
        ...

    def delete(self, path: str) -> httpx.Response:
        """Delete something."""
        ...


NEW: dict[str, dict[str, Any]] = {
    "users": {"name": " Ada ", "email": "ADA@example.com", "role": "admin"},
    "projects": {"key": "ab1", "name": "Alpha", "description": "One"},
    "agents": {"name": "Anvil", "kind": "tester"},
    "tasks": {"project_id": 1, "title": "Do it", "priority": 3},
}
CHANGES: dict[str, dict[str, Any]] = {
    "users": {"name": "Bea", "is_active": False},
    "projects": {"status": "paused", "owner_id": None},
    "agents": {"name": "Forge", "kind": "writer"},
    "tasks": {"title": "Do it well", "description": "Slowly"},
}
NOUNS = sorted(NEW)


def add_one(client: Client, noun: str) -> dict[str, Any]:
    """Add the noun's example, and for a task its project."""
    if noun == "tasks":
        client.post("/api/projects", **NEW["projects"])
    answer = client.post(f"/api/{noun}", **NEW[noun])
    assert answer.status_code == 201, answer.text
    added: dict[str, Any] = answer.json()
    return added


@pytest.mark.parametrize("noun", NOUNS)
def test_what_is_added_can_be_read_changed_and_deleted(
    client: Client, noun: str
) -> None:
    """Every noun has the same life."""
    added = add_one(client, noun)
    path = f"/api/{noun}/{added['id']}"
    assert client.get(path).json() == added
    assert client.get(f"/api/{noun}").json()["items"] == [added]
    changed = client.patch(path, **CHANGES[noun]).json()
    assert changed == added | CHANGES[noun] | {"updated_at": changed["updated_at"]}
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.get(f"/api/{noun}").json()["total"] == 0


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_what_is_not_there_is_answered_with_its_number(
    client: Client, noun: str, method: str
) -> None:
    """404 says which row is missing."""
    answer = getattr(client, method)(f"/api/{noun}/77")
    assert answer.status_code == 404
    assert answer.json() == {"detail": f"there is no {noun[:-1]} 77"}


@pytest.mark.parametrize("noun", NOUNS)
def test_unknown_fields_and_filters_are_refused(client: Client, noun: str) -> None:
    """A misspelled name is an error, not silence."""
    assert client.post(f"/api/{noun}", **NEW[noun], nmae="x").status_code == 422
    assert client.get(f"/api/{noun}", pgae=1).status_code == 422


@pytest.mark.parametrize(
    ("noun", "field"), [("users", "name"), ("tasks", "title"), ("agents", "kind")]
)
def test_a_field_that_must_have_a_value_cannot_be_emptied(
    client: Client, noun: str, field: str
) -> None:
    """Null is refused where the column has no null."""
    added = add_one(client, noun)
    answer = client.patch(f"/api/{noun}/{added['id']}", **{field: None})
    assert answer.status_code == 422
    assert f"`{field}` cannot be null" in answer.text


@pytest.mark.parametrize(
    ("noun", "field", "value"),
    [
        ("users", "email", "nobody"),
        ("users", "name", "  "),
        ("projects", "key", "1A"),
        ("tasks", "priority", 5),
        ("tasks", "title", "x" * 201),
        ("agents", "kind", "boss"),
    ],
)
def test_values_that_cannot_be_are_refused(
    client: Client, noun: str, field: str, value: object
) -> None:
    """The answer names the field."""
    answer = client.post(f"/api/{noun}", **NEW[noun] | {field: value})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", field]


@pytest.mark.parametrize(
    ("noun", "field", "other"),
    [
        ("users", "email", {"name": "B", "email": "b@example.com"}),
        ("projects", "key", {"name": "B", "key": "BB"}),
        ("agents", "name", {"name": "B"}),
    ],
)
def test_what_must_be_unique_is_refused_twice(
    client: Client, noun: str, field: str, other: dict[str, Any]
) -> None:
    """When it is added and when it is changed; oneself is no other."""
    added = add_one(client, noun)
    again = client.post(f"/api/{noun}", **NEW[noun])
    assert again.status_code == 409
    assert again.json() == {"detail": f"`{field}` is taken: {added[field]}"}
    second = client.post(f"/api/{noun}", **other).json()
    path = f"/api/{noun}/{second['id']}"
    assert client.patch(path, **{field: added[field]}).status_code == 409
    assert client.patch(path, **{field: second[field]}).status_code == 200


@pytest.mark.parametrize(
    ("noun", "field"),
    [
        ("projects", "owner_id"),
        ("tasks", "project_id"),
        ("tasks", "assignee_id"),
        ("tasks", "parent_id"),
    ],
)
def test_a_reference_to_nothing_is_refused(
    client: Client, noun: str, field: str
) -> None:
    """422 names the field and the missing row."""
    path = f"/api/{noun}/{add_one(client, noun)['id']}"
    assert client.patch(path, **{field: 55}).status_code == 422
    values = NEW[noun] | {"key": "CC"} if noun == "projects" else NEW[noun]
    answer = client.post(f"/api/{noun}", **values | {field: 55})
    assert answer.status_code == 422
    assert f"`{field}`: there is no" in answer.json()["detail"]


def test_lists_come_in_pages(client: Client) -> None:
    """`total` counts all pages; one behind the last is empty."""
    for number in range(5):
        client.post("/api/agents", name=f"agent {number}")
    page = client.get("/api/agents", page=2, page_size=2).json()
    assert [item["name"] for item in page["items"]] == ["agent 2", "agent 3"]
    assert (page["total"], page["page"], page["page_size"]) == (5, 2, 2)
    assert client.get("/api/agents", page=9).json()["items"] == []
    assert client.get("/api/agents", page=0).status_code == 422


@pytest.mark.parametrize(
    ("path", "params", "total"),
    [
        ("users", {"q": "ada"}, 1),
        ("users", {"q": "EXAMPLE.com"}, 2),
        ("users", {"q": "%"}, 0),
        ("users", {"role": "admin"}, 1),
        ("users", {"is_active": "false"}, 1),
        ("projects", {"q": "beta"}, 1),
        ("projects", {"status": "paused"}, 1),
        ("projects", {"owner_id": 1}, 1),
        ("agents", {"q": "anv"}, 1),
        ("agents", {"kind": "builder"}, 1),
        ("agents", {"is_enabled": "false"}, 1),
        ("tasks", {"q": "second"}, 1),
        ("tasks", {"status": ["queued", "failed"]}, 1),
        ("tasks", {"project_id": 2}, 1),
        ("tasks", {"parent_id": 1}, 1),
        ("tasks", {"assignee_id": 1, "status": "draft"}, 0),
        ("tasks", {"agent_id": 1}, 0),
    ],
)
def test_lists_are_filtered(
    client: Client, path: str, params: dict[str, Any], total: int
) -> None:
    """Filters are combined; text is found in any case and taken literally."""
    client.post("/api/users", **NEW["users"])
    client.post("/api/users", name="Bob", email="b@example.com", is_active=False)
    client.post("/api/projects", **NEW["projects"], owner_id=1)
    client.post("/api/projects", key="BETA", name="Second", status="paused")
    client.post("/api/agents", **NEW["agents"])
    client.post("/api/agents", name="Idler", is_enabled=False)
    client.post("/api/tasks", project_id=1, title="First", assignee_id=1)
    client.post("/api/tasks", project_id=1, title="Second", parent_id=1)
    client.post("/api/tasks", project_id=2, title="Third")
    client.post("/api/tasks/1/queue")
    assert client.get(f"/api/{path}", **params).json()["total"] == total


def test_a_task_is_queued_once_and_canceled(client: Client) -> None:
    """Queueing what is queued, and canceling what is not, is refused."""
    add_one(client, "tasks")
    assert client.post("/api/tasks/1/cancel").json() == {"detail": "task 1 is draft"}
    queued = client.post("/api/tasks/1/queue").json()
    assert queued["status"] == "queued"
    assert queued["queued_at"]
    again = client.post("/api/tasks/1/queue")
    assert again.status_code == 409
    assert again.json() == {"detail": "task 1 is queued already"}
    assert client.post("/api/tasks/1/cancel").json()["status"] == "cancelled"
    assert client.post("/api/tasks/1/queue").json()["status"] == "queued"


def test_all_drafts_are_queued_of_one_project_or_of_all(client: Client) -> None:
    """The answer counts them."""
    for key in ("AA", "BB"):
        project = client.post("/api/projects", key=key, name=key).json()["id"]
        for title in "xy":
            client.post("/api/tasks", project_id=project, title=title)
    one = client.post("/api/tasks/queue-drafts?project_id=1")
    assert one.json() == {"queued": 2}
    assert client.post("/api/tasks/queue-drafts").json() == {"queued": 2}


def test_a_task_counts_its_parts(client: Client) -> None:
    """And each part names the task that it is part of."""
    add_one(client, "tasks")
    part = client.post("/api/tasks", project_id=1, title="part", parent_id=1).json()
    assert part["parent"] == {"id": 1, "title": "Do it", "status": "draft"}
    whole = client.get("/api/tasks/1").json()
    assert (whole["subtasks"], whole["subtasks_done"]) == (1, 0)


def test_a_task_cannot_be_part_of_itself(client: Client) -> None:
    """Not even in a roundabout way."""
    add_one(client, "tasks")
    client.post("/api/tasks", project_id=1, title="part", parent_id=1)
    answer = client.patch("/api/tasks/1", parent_id=2)
    assert answer.status_code == 422
    assert "cannot be part of itself" in answer.text
    assert client.get("/api/tasks/1").json()["parent_id"] is None


def test_a_task_and_its_parts_stay_in_one_project(client: Client) -> None:
    """Neither is moved without the other."""
    add_one(client, "tasks")
    client.post("/api/projects", key="BB", name="Beta")
    elsewhere = client.post("/api/tasks", project_id=2, title="part", parent_id=1)
    assert elsewhere.status_code == 422
    client.post("/api/tasks", project_id=1, title="part", parent_id=1)
    assert "has parts" in client.patch("/api/tasks/1", project_id=2).text
    assert "another project" in client.patch("/api/tasks/2", project_id=2).text


def test_deleting_takes_along_what_belongs_to_it(client: Client) -> None:
    """A project's tasks go with it; a person's tasks and projects stay."""
    client.post("/api/users", **NEW["users"])
    client.post("/api/projects", **NEW["projects"], owner_id=1)
    client.post("/api/tasks", **NEW["tasks"], assignee_id=1)
    assert client.get("/api/users/1").json()["open_tasks"] == 1
    client.delete("/api/users/1")
    assert client.get("/api/tasks/1").json()["assignee"] is None
    assert client.get("/api/projects/1").json()["owner"] is None
    client.delete("/api/projects/1")
    assert client.get("/api/tasks").json()["total"] == 0


def test_an_agent_at_work_is_not_deleted(
    client: Client, engine: Engine, rows: Callable[..., None]
) -> None:
    """Its task must end first."""
    rows(tasks=1, agents=1)
    with writing(engine) as session:
        assert claim(session, "w")
    assert client.delete("/api/agents/1").status_code == 409
    client.post("/api/tasks/1/cancel")
    assert client.delete("/api/agents/1").status_code == 204
    assert client.get("/api/tasks/1").json()["agent"] is None


def test_an_agents_state_is_what_it_does(
    client: Client, engine: Engine, rows: Callable[..., None]
) -> None:
    """Working, idle, paused, or offline where no worker runs."""
    rows(tasks=1, agents=4)
    with writing(engine) as session:
        assert claim(session, "w")
        session.get_one(Agent, 2).last_seen_at = now()
        session.get_one(Agent, 3).last_seen_at = now() - timedelta(minutes=1)
        session.get_one(Agent, 4).is_enabled = False
    agents = client.get("/api/agents").json()["items"]
    states = [agent["state"] for agent in agents]
    assert states == ["working", "idle", "offline", "paused"]
    assert agents[0]["task"]["title"] == "task 0"
    assert agents[0]["task"]["project"]["key"] == "AA"


def test_the_overview_shows_everything_at_once(
    client: Client, engine: Engine, rows: Callable[..., None]
) -> None:
    """Counts, agents, the queue's head, what ended, and the days."""
    rows(tasks=3, agents=1)
    with writing(engine) as session:
        ended = session.get_one(Task, 1)
        ended.status, ended.finished_at, ended.agent_id = TaskStatus.DONE, now(), 1
    overview = client.get("/api/overview").json()
    assert overview["tasks"] == {"done": 1, "queued": 2}
    assert (overview["projects"], overview["users"]) == (1, 1)
    assert [task["id"] for task in overview["waiting"]] == [2, 3]
    assert [task["id"] for task in overview["recent"]] == [1]
    assert overview["agents"][0]["done"] == 1
    assert len(overview["days"]) == 14
    assert sum(day["done"] for day in overview["days"]) == 1


def test_health_tells_the_schemas_revision(client: Client) -> None:
    """It has asked the database."""
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["revision"] == "0015"


def test_without_a_schema_health_says_what_to_run(
    tmp_path: Path, connect: Callable[[FastAPI], Client]
) -> None:
    """503 and the command, and the routes answer 503 as well."""
    url = make_url(f"sqlite:///{tmp_path}/none.db")
    app = create_app(Settings(database_url=url))
    client = connect(app)
    answer = client.get("/health")
    assert answer.status_code == 503
    assert "upgrade head" in answer.json()["hint"]
    assert client.get("/api/users").status_code == 503
    app.state.engine.dispose()


def test_what_only_the_database_refuses_is_a_conflict(
    client: Client, engine: Engine
) -> None:
    """Its own rules are answered with 409, not with a traceback."""
    with writing(engine) as session:
        session.execute(text("CREATE UNIQUE INDEX one_title ON tasks (title)"))
    add_one(client, "tasks")
    assert client.post("/api/tasks", **NEW["tasks"]).status_code == 409


def test_the_interface_describes_itself(client: Client) -> None:
    """OpenAPI names every route, and its page is below `/api`."""
    paths = client.get("/api/openapi.json").json()["paths"]
    assert {"/health", "/api/tasks/{task_id}/queue", "/api/users"} <= set(paths)
    assert "swagger" in client.get("/api/docs").text.lower()


def test_the_connections_are_closed_at_the_end(database_url: str) -> None:
    """Stopping the application leaves none in the pool."""
    app = create_app(Settings(database_url=make_url(database_url)))

    async def live() -> None:
        async with app.router.lifespan_context(app):
            with writing(app.state.engine) as session:
                session.execute(text("SELECT 1"))

    before = app.state.engine.pool
    asyncio.run(live())
    assert app.state.engine.pool is not before
