from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import select, text, update
from sqlalchemy.engine import make_url

from demo.database import make_engine, reading, writing
from demo.models import Agent, Task, TaskStatus
from demo.settings import ROOT, Settings
from demo.worker.loop import Worker
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine


@contextmanager
def start_worker(
    url: str, log: Path, *, job_s: float
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a real worker; it is gone at the end."""
    env = os.environ | {"DATABASE_URL": url, "DEMO_JOB_SECONDS": str(job_s)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo.worker"], cwd=ROOT, env=env, stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def load_tasks(engine: Engine) -> list[Task]:
    """Return all tasks, as they are now."""
    with reading(engine) as session:
        return list(session.scalars(select(Task).order_by(Task.id)))


def count(engine: Engine, status: TaskStatus) -> int:
    """Return how many tasks have the status now."""
    return sum(task.status is status for task in load_tasks(engine))


def test_a_queued_task_is_run_and_its_result_written(
    database_url: str, engine: Engine, rows: Callable[..., None], tmp_path: Path
) -> None:
    """A worker takes it without being told."""
    rows(tasks=1)
    with start_worker(database_url, tmp_path / "log", job_s=0.1):
        wait_until(lambda: count(engine, TaskStatus.DONE) == 1)
    (task,) = load_tasks(engine)
    assert (task.progress, task.attempts, task.worker) == (100, 1, None)
    assert task.result == "5 steps, 21 checks passed"


def test_a_job_that_fails_leaves_its_reason(
    database_url: str, engine: Engine, rows: Callable[..., None], tmp_path: Path
) -> None:
    """Task 7 fails at its first attempt."""
    rows(tasks=7, agents=4)
    with start_worker(database_url, tmp_path / "log", job_s=0.1):
        wait_until(lambda: count(engine, TaskStatus.FAILED) == 1)
    task = load_tasks(engine)[6]
    assert task.progress == 90
    assert "failed: 2 of 27 checks" in str(task.result)


def test_two_workers_never_run_one_task_twice(
    database_url: str, engine: Engine, rows: Callable[..., None], tmp_path: Path
) -> None:
    """Each task is begun once, by one of them, and both have some."""
    rows(tasks=40, agents=6)
    logs = tmp_path / "one", tmp_path / "two"
    with (
        start_worker(database_url, logs[0], job_s=0.05),
        start_worker(database_url, logs[1], job_s=0.05),
    ):
        ended = (TaskStatus.DONE, TaskStatus.FAILED)
        wait_until(lambda: sum(count(engine, status) for status in ended) == 40, 30)
    begun = [
        [line for line in log.read_text().splitlines() if "begun" in line]
        for log in logs
    ]
    assert all(begun)
    assert len(begun[0] + begun[1]) == len(set(begun[0] + begun[1])) == 40
    assert {task.attempts for task in load_tasks(engine)} == {1}


def test_a_stopped_worker_returns_its_tasks(
    database_url: str, engine: Engine, rows: Callable[..., None], tmp_path: Path
) -> None:
    """SIGTERM ends it with 0, and what it had waits again as if never begun."""
    rows(tasks=2)
    with start_worker(database_url, tmp_path / "log", job_s=600) as process:
        wait_until(lambda: count(engine, TaskStatus.RUNNING) == 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    for task in load_tasks(engine):
        assert (task.status, task.attempts) == (TaskStatus.QUEUED, 0)
        assert (task.agent_id, task.worker, task.progress) == (None, None, 0)
    assert "returned to the queue: 2" in (tmp_path / "log").read_text()


def test_a_canceled_task_is_let_go(
    database_url: str, engine: Engine, rows: Callable[..., None], tmp_path: Path
) -> None:
    """The worker sees that the task is taken away, and goes on."""
    rows(tasks=1)
    log = tmp_path / "log"
    with start_worker(database_url, log, job_s=600):
        wait_until(lambda: count(engine, TaskStatus.RUNNING) == 1)
        with writing(engine) as session:
            session.execute(update(Task).values(status=TaskStatus.CANCELLED))
        wait_until(lambda: "task 1: taken away" in log.read_text())
    assert count(engine, TaskStatus.CANCELLED) == 1


def test_a_killed_workers_task_is_run_by_another(
    database_url: str, engine: Engine, rows: Callable[..., None], tmp_path: Path
) -> None:
    """The lease of a task whose worker is silent runs out."""
    rows(tasks=1)
    with start_worker(database_url, tmp_path / "one", job_s=600):
        wait_until(lambda: count(engine, TaskStatus.RUNNING) == 1)
    with writing(engine) as session:  # as if the lease's time had passed
        session.execute(text("UPDATE tasks SET heartbeat_at = '2020-01-01 00:00:00'"))
    with start_worker(database_url, tmp_path / "two", job_s=0.1):
        wait_until(lambda: count(engine, TaskStatus.DONE) == 1)
    assert load_tasks(engine)[0].attempts == 2


def test_a_worker_shows_that_its_agents_are_there(
    database_url: str, engine: Engine, rows: Callable[..., None], tmp_path: Path
) -> None:
    """An agent is seen although it has nothing to do."""
    rows(tasks=0, agents=1)

    def is_seen() -> bool:
        with reading(engine) as session:
            return session.get_one(Agent, 1).last_seen_at is not None

    with start_worker(database_url, tmp_path / "log", job_s=1):
        wait_until(is_seen)


def test_a_database_without_a_schema_is_waited_for(
    migrated_file: Path, tmp_path: Path
) -> None:
    """The worker says so once, and goes on when the schema is there."""
    path, log = tmp_path / "late.db", tmp_path / "log"
    with start_worker(f"sqlite:///{path}", log, job_s=1):
        wait_until(lambda: "waiting for the database" in log.read_text())
        late = make_engine(make_url(f"sqlite:///{path}"))
        with late.connect() as connection:
            connection.exec_driver_sql(f"ATTACH '{migrated_file}' AS given")
            made = connection.exec_driver_sql("SELECT sql FROM given.sqlite_master")
            for statement in made.scalars().all():
                if statement:
                    connection.exec_driver_sql(statement)
            connection.commit()
        late.dispose()
        wait_until(lambda: "the database is back" in log.read_text())
    assert log.read_text().count("waiting for") == 1


def test_a_failed_tick_leaves_the_running_jobs_alone(
    engine: Engine, rows: Callable[..., None]
) -> None:
    """What could not be written is tried again: no job is forgotten."""
    rows(tasks=1)
    settings = Settings(database_url=engine.url, job_seconds=0.0)
    worker = Worker(engine=engine, settings=settings)
    worker.try_tick()
    assert count(engine, TaskStatus.RUNNING) == 1
    with writing(engine) as session:
        session.execute(text("ALTER TABLE tasks RENAME TO hidden"))
    worker.try_tick()
    with writing(engine) as session:
        session.execute(text("ALTER TABLE hidden RENAME TO tasks"))
    worker.try_tick()
    assert count(engine, TaskStatus.DONE) == 1
