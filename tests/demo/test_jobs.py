from __future__ import annotations

import pytest

from demo.models import AgentKind
from demo.worker.jobs import STEPS, plan_job


@pytest.mark.parametrize("kind", [kind.value for kind in AgentKind])
def test_a_job_goes_through_its_steps_in_order(kind: str) -> None:
    """Progress grows from 0 to 100, and each step has its turn."""
    job = plan_job(1, kind, 1, duration_s=10.0)
    seen = [job.step_at(tenth / 10) for tenth in range(101)]
    assert list(dict.fromkeys(seen)) == list(STEPS[kind])
    assert (job.progress_at(0), job.progress_at(5), job.progress_at(99)) == (0, 50, 100)


def test_a_job_is_the_same_for_the_same_task() -> None:
    """Nothing about it is left to chance."""
    assert plan_job(12, "tester", 1) == plan_job(12, "tester", 1)
    assert 5 <= plan_job(12, "tester", 1).duration_s <= 14


def test_every_seventh_task_fails_once() -> None:
    """The second attempt succeeds."""
    assert plan_job(7, "tester", 1).failure is not None
    assert plan_job(7, "tester", 2).failure is None
    assert plan_job(8, "tester", 1).failure is None
