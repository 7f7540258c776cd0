from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy.engine import make_url

from demo.backend.app import create_app
from demo.database import make_engine, writing
from demo.models import Agent, AgentKind, Project, Task, TaskStatus, User
from demo.settings import ROOT, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session


class Client:
    """Calls an application without a network."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request, and return the answer."""
        return asyncio.run(self._call(method, path, **options))

    async def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as http:
            return await http.request(method, path, **options)

    def get(self, path: str, **params: Any) -> httpx.Response:
        """Ask for something."""
        return self.call("GET", path, params=params)

    def post(self, path: str, **values: Any) -> httpx.Response:
        """Add something."""
        return self.call("POST", path, json=values)

    def patch(self, path: str, **values: Any) -> httpx.Response:
        """Change something."""
        return self.call("PATCH", path, json=values)

    def delete(self, path: str) -> httpx.Response:
        """Delete something."""
        return self.call("DELETE", path)


def run_alembic(
    url: str, *arguments: str, root: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run Alembic's command on a database."""
    return subprocess.run(
        [sys.executable, "-m", "alembic", "-c", "demo/alembic.ini", *arguments],
        cwd=root,
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with the newest schema and no rows: to be copied."""
    path = tmp_path_factory.mktemp("schema") / "empty.db"
    done = run_alembic(f"sqlite:///{path}", "upgrade", "head")
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def database_url(migrated_file: Path, tmp_path: Path) -> str:
    """Return a database of the test's own, with a schema and no rows."""
    path = tmp_path / "test.db"
    shutil.copy(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Return the test's way into its database."""
    engine = make_engine(make_url(database_url))
    yield engine
    engine.dispose()


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    """Return a client of the application on the test's database."""
    app = create_app(Settings(database_url=make_url(database_url)))
    yield Client(app)
    app.state.engine.dispose()


@pytest.fixture
def connect() -> type[Client]:
    """Return what makes a client of an application."""
    return Client


@pytest.fixture
def rows(engine: Engine) -> Callable[..., None]:
    """Return a function that adds a project with agents and queued tasks."""

    def add(*, tasks: int, agents: int = 2) -> None:
        with writing(engine) as session:
            add_rows(session, tasks=tasks, agents=agents)

    return add


def add_rows(session: Session, *, tasks: int, agents: int) -> None:
    """Add a project with queued tasks, and agents to run them."""
    owner = User(name="Ada", email="ada@example.com")
    project = Project(key="AA", name="Alpha", owner=owner)
    session.add(project)
    kinds = list(AgentKind)
    for number in range(agents):
        session.add(Agent(name=f"agent {number}", kind=kinds[number % len(kinds)]))
    for number in range(tasks):
        title = f"task {number}"
        session.add(Task(project=project, title=title, status=TaskStatus.QUEUED))
