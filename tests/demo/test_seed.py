"""The demo's datasets, by the command that fills databases."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, func, select

from demo.database import reading
from demo.models import Agent, Base, Project, Task, TaskStatus, User
from demo.settings import ROOT
from postgresql import serving_postgresql
from sceneshift.data.seeding.model import find_datasets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

DATASETS = find_datasets(ROOT / "demo" / "seeds")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of what the demo's databases are filled with."""
    root = tmp_path / "project"
    ignored = shutil.ignore_patterns("frontend", "var", "__pycache__")
    shutil.copytree(ROOT / "demo", root / "demo", ignore=ignored)
    for name in ("pyproject.toml", "tasks.py", "Procfile.dev"):
        shutil.copy(ROOT / name, root)
    return root


def seed(project: Path, url: str, dataset: str = "") -> dict[str, Any]:
    """Fill a database, and return what became of the rows, by table."""
    words = ["data.seed", "--json", *(["--dataset", dataset] if dataset else [])]
    done = subprocess.run(
        [sys.executable, "-m", "invoke", *words],
        cwd=project,
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (database,) = json.loads(done.stdout)["databases"]
    return {each.pop("name"): each for each in database["tables"]}


def test_the_demo_has_these() -> None:
    """And each is a folder with a reason."""
    assert list(DATASETS) == ["big", "development", "realistic", "team"]
    assert DATASETS["big"].environments == ("development", "staging")


def test_development_has_every_status_but_running(
    project: Path, database_url: str, engine: Engine
) -> None:
    """There is something to see on every page, and something to run."""
    first = seed(project, database_url)
    again = seed(project, database_url)
    assert {each["unchanged"] for each in first.values()} == {0}
    assert sum(each["inserted"] + each["updated"] for each in again.values()) == 0
    with reading(engine) as session:
        assert session.scalar(select(func.count(User.id))) == 8
        assert session.scalar(select(func.count(Agent.id))) == 6
        assert session.scalar(select(func.count(Project.id))) == 6
        found = set(session.scalars(select(Task.status).distinct()))
        parts = session.scalar(select(func.count()).where(Task.parent_id.is_not(None)))
    assert found == set(TaskStatus) - {TaskStatus.RUNNING}
    assert parts == 14


def test_what_the_worker_has_changed_is_put_right(
    project: Path, database_url: str, engine: Engine
) -> None:
    """And nothing that people have added is touched."""
    seed(project, database_url)
    with engine.begin() as connection:
        connection.execute(
            Task.__table__.update()  # type: ignore[attr-defined]
            .where(Task.title == "Shrink the road index")
            .values(status=TaskStatus.DONE, progress=100, worker="w")
        )
        connection.execute(
            Project.__table__.insert(),  # type: ignore[attr-defined]
            {"key": "OWN", "name": "Own"},
        )
    done = seed(project, database_url)
    assert done["tasks"]["updated"] == 1
    assert done["projects"] == {"inserted": 0, "updated": 0, "unchanged": 6}


@pytest.mark.needs("postgresql")
def test_realistic_is_the_same_in_both_systems(
    project: Path, database_url: str, engine: Engine
) -> None:
    """Row by row, but for the numbers that a database gives."""
    look = select(Task.title, Task.status, Task.queued_at).order_by(Task.title)
    counts = seed(project, database_url, "realistic")
    assert counts["tasks"] == {"inserted": 6000, "updated": 0, "unchanged": 0}
    with reading(engine) as session:
        ours = session.execute(look).all()
    with serving_postgresql() as server:
        url = server.url(server.make(), "psycopg")
        other = create_engine(url)
        Base.metadata.create_all(other)
        pyproject = project / "pyproject.toml"
        text = pyproject.read_text()
        pyproject.write_text(text.replace('alembic = "demo/alembic.ini"\n', ""))
        seed(project, url, "realistic")
        with reading(other) as session:
            theirs = session.execute(look).all()
        other.dispose()
    assert sorted(map(tuple, ours)) == sorted(map(tuple, theirs))


def test_the_big_one_is_made_twice_without_a_change(
    project: Path, database_url: str
) -> None:
    """With fewer rows than it has: two million take their time."""
    file = project / "demo" / "seeds" / "big" / "tasks.py"
    text = file.read_text()
    assert "COUNT = 2_000_000\n" in text
    file.write_text(text.replace("COUNT = 2_000_000\n", "COUNT = 3_000\n"))
    assert seed(project, database_url, "big")["tasks"]["inserted"] == 3000
    assert seed(project, database_url, "big")["tasks"]["unchanged"] == 3000
