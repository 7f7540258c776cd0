from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from demo import queue
from demo.database import reading, writing
from demo.models import Agent, Task, TaskStatus, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine


def test_the_most_urgent_task_is_claimed_first(
    engine: Engine, rows: Callable[..., None]
) -> None:
    """Priority goes before the time of queueing."""
    rows(tasks=3)
    with writing(engine) as session:
        urgent = session.get_one(Task, 3)
        urgent.priority = 4
    with writing(engine) as session:
        held = queue.claim(session, "w")
        assert held is not None
        assert held.task_id == 3


def test_an_agent_runs_one_task_at_a_time(
    engine: Engine, rows: Callable[..., None]
) -> None:
    """With two agents there is no third claim, however many tasks wait."""
    rows(tasks=5, agents=2)
    with writing(engine) as session:
        claims = [queue.claim(session, "w") for _ in range(3)]
    assert [claim is None for claim in claims] == [False, False, True]


def test_the_database_refuses_a_second_task_of_an_agent(
    engine: Engine, rows: Callable[..., None]
) -> None:
    """The rule holds even for code that does not claim."""
    rows(tasks=2, agents=1)

    def give_all() -> None:
        with writing(engine) as session:
            for task in session.scalars(select(Task)):
                task.status, task.agent_id = TaskStatus.RUNNING, 1

    with pytest.raises(IntegrityError):
        give_all()


def test_a_released_task_waits_again(engine: Engine, rows: Callable[..., None]) -> None:
    """The attempt does not count, and the agent is free."""
    rows(tasks=1, agents=1)
    with writing(engine) as session:
        held = queue.claim(session, "w")
        assert held is not None
        assert queue.release(session, held)
    with writing(engine) as session:
        again = queue.claim(session, "v")
        assert again is not None
        assert again.attempt == 1


def test_a_task_of_a_dead_worker_waits_again(
    engine: Engine, rows: Callable[..., None]
) -> None:
    """Without a heartbeat the task is given to another worker."""
    rows(tasks=1)
    later = now() + timedelta(seconds=queue.LEASE_S + 1)
    with writing(engine) as session:
        held = queue.claim(session, "dead")
        assert held is not None
        assert queue.release_abandoned(session) == 0
        assert queue.release_abandoned(session, at=later) == 1
    with writing(engine) as session:
        again = queue.claim(session, "next")
        assert again is not None
        assert again.attempt == 2
        # Should the dead one rise, it has no say in the task any more.
        assert not queue.report(session, held, progress=50, step="?")
        assert not queue.finish(
            session, held, status=TaskStatus.DONE, progress=100, result="?"
        )


def test_progress_and_result_are_written(
    engine: Engine, rows: Callable[..., None]
) -> None:
    """Whoever holds the task writes how far it is and what came of it."""
    rows(tasks=1)
    with writing(engine) as session:
        held = queue.claim(session, "w")
        assert held is not None
        assert queue.report(session, held, progress=40, step="Linking")
    with reading(engine) as session:
        task = session.get_one(Task, 1)
        assert (task.progress, task.step) == (40, "Linking")
    with writing(engine) as session:
        assert queue.finish(
            session, held, status=TaskStatus.DONE, progress=100, result="fine"
        )
    with reading(engine) as session:
        task = session.get_one(Task, 1)
        assert (task.status, task.result) == (TaskStatus.DONE, "fine")


def test_only_agents_that_take_tasks_are_greeted(
    engine: Engine, rows: Callable[..., None]
) -> None:
    """One that is switched off is not seen."""
    rows(tasks=0, agents=2)
    with writing(engine) as session:
        session.get_one(Agent, 2).is_enabled = False
        session.flush()
        queue.greet(session)
    with reading(engine) as session:
        agents = session.scalars(select(Agent).order_by(Agent.id))
        seen = [agent.last_seen_at is not None for agent in agents]
    assert seen == [True, False]
