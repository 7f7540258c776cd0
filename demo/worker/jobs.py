"""What a task does: nothing real, but at a believable pace."""

from __future__ import annotations

from dataclasses import dataclass

STEPS = {
    "builder": ("Fetching sources", "Resolving", "Compiling", "Linking", "Packing"),
    "tester": ("Preparing data", "Unit tests", "Integration tests", "Browser tests"),
    "reviewer": ("Reading the change", "Checking types", "Weighing", "Commenting"),
    "writer": ("Gathering notes", "Drafting", "Proofreading", "Publishing"),
}
"""What an agent of a kind does, one after the other."""

_SHORTEST_S = 5.0
_LONGEST_S = 14.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A simulated piece of work: its course is known from the start.

    Attributes:
        steps: Names of its steps, all equally long.
        duration_s: How long all of it takes.
        failure: What goes wrong at the end; None if nothing does.
        result: What comes of it otherwise.
    """

    steps: tuple[str, ...]
    duration_s: float
    failure: str | None
    result: str

    def progress_at(self, elapsed_s: float) -> int:
        """Return how many percent are done after so many seconds, 0 to 100."""
        if elapsed_s >= self.duration_s:
            return 100
        return int(100 * elapsed_s / self.duration_s)

    def step_at(self, elapsed_s: float) -> str:
        """Return the name of the step after so many seconds."""
        at = self.progress_at(elapsed_s) * len(self.steps) // 100
        return self.steps[min(at, len(self.steps) - 1)]


def plan_job(
    task_id: int, kind: str, attempt: int, *, duration_s: float | None = None
) -> Job:
    """Make up a job, the same for the same arguments.

    Every seventh task fails at its first attempt and succeeds at the second.
    """
    steps = STEPS[kind]
    spread = (task_id * 37 % 100) / 100
    made_up_s = _SHORTEST_S + spread * (_LONGEST_S - _SHORTEST_S)
    fails = task_id % 7 == 0 and attempt == 1
    return Job(
        steps=steps,
        duration_s=made_up_s if duration_s is None else duration_s,
        failure=f"{steps[-1]} failed: 2 of {20 + task_id} checks" if fails else None,
        result=f"{len(steps)} steps, {20 + task_id} checks passed",
    )
