from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from demo.database import reading
from demo.models import Agent, Project, Task, TaskStatus, User
from demo.settings import ROOT

if TYPE_CHECKING:
    from sqlalchemy import Engine


def run_seed(url: str) -> str:
    """Run the command, and return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "demo.seed"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def test_sample_data_is_added_once(database_url: str, engine: Engine) -> None:
    """A second run adds nothing: the command may run at every start."""
    assert "sample data added" in run_seed(database_url)
    assert "nothing added" in run_seed(database_url)
    with reading(engine) as session:
        assert session.scalar(select(func.count(User.id))) == 8
        assert session.scalar(select(func.count(Agent.id))) == 6
        assert session.scalar(select(func.count(Project.id))) == 6


def test_sample_data_has_every_status_but_running(
    database_url: str, engine: Engine
) -> None:
    """There is something to see on every page, and something to run."""
    run_seed(database_url)
    with reading(engine) as session:
        found = set(session.scalars(select(Task.status).distinct()))
        parts = session.scalar(select(func.count()).where(Task.parent_id.is_not(None)))
    assert found == set(TaskStatus) - {TaskStatus.RUNNING}
    assert parts
