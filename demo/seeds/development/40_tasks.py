"""Tasks of every status but `running`, and what ended in the last two weeks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from demo.models import Agent, Project, Task, TaskStatus, User

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sceneshift.data.seeding import Context

# Project, title, parts, person, priority (1 low to 4 urgent), status.
_TASKS = (
    ("ATLAS", "Draw tiles on the device", 2, "dmitri", 3, "queued"),
    ("ATLAS", "Shrink the road index", 0, "elena", 2, "queued"),
    ("ATLAS", "Measure cold start on old phones", 0, "grace", 3, "queued"),
    ("ATLAS", "Translate place names", 3, "farid", 1, "draft"),
    ("ATLAS", "Find the nearest harbor", 0, None, 2, "done"),
    ("BEACON", "Group alerts by cause", 2, "chiyo", 4, "queued"),
    ("BEACON", "Quiet hours by time zone", 0, "farid", 2, "queued"),
    ("BEACON", "Retry pushes with back-off", 0, "dmitri", 3, "failed"),
    ("BEACON", "Explain why someone was woken", 0, "grace", 2, "done"),
    ("BEACON", "Import rotas from calendars", 2, None, 1, "draft"),
    ("CINDER", "List who still calls the old API", 0, "ada", 2, "done"),
    ("CINDER", "Redirect the last three clients", 0, "bruno", 2, "cancelled"),
    ("CINDER", "Archive the billing exports", 0, None, 1, "draft"),
    ("DELTA", "Compare schemas by meaning", 3, "elena", 3, "queued"),
    ("DELTA", "Summaries that fit a phone", 0, "chiyo", 2, "queued"),
    ("DELTA", "Watch files without polling", 0, "dmitri", 4, "queued"),
    ("DELTA", "Digest for Monday mornings", 0, "grace", 1, "draft"),
    ("DELTA", "Undo a subscription", 0, "farid", 2, "done"),
    ("EMBER", "Passkeys on shared computers", 2, "bruno", 2, "draft"),
    ("EMBER", "Threat model", 0, "ada", 3, "draft"),
    ("FJORD", "Verify checksums of 2019", 0, "henrik", 2, "done"),
    ("FJORD", "Hand over to the archive team", 0, "ada", 1, "done"),
)

_PARTS = ("Agree on the shape", "Write it", "Try it on real data")
_BUILDS = ("Nightly build", "Dependency check", "Regression run", "Release notes")
# How many ended on each of the last days, yesterday first.
_HISTORY = (5, 7, 4, 0, 1, 6, 8, 5, 3, 6, 0, 0, 4)
# What a worker may have changed since: a second time, all is as it was.
_FRESH: dict[str, Any] = {
    "status": TaskStatus.DRAFT,
    "agent_id": None,
    "worker": None,
    "attempts": 0,
    "progress": 0,
    "step": None,
    "result": None,
    "queued_at": None,
    "started_at": None,
    "heartbeat_at": None,
    "finished_at": None,
}


def seed(context: Context) -> None:
    """Load the tasks, those before their parts."""
    work = _Work(context)
    context.load(Task, [*work.make_tasks(), *work.make_history()])
    context.load(Task, work.make_parts())


class _Work:
    """Makes rows of tasks, in terms of the rows that are there."""

    def __init__(self, context: Context) -> None:
        run = context.connection.execute
        self._connection = context.connection
        self._at = context.now
        self._people = dict(run(select(User.email, User.id)).tuples().all())
        self._projects = dict(run(select(Project.key, Project.id)).tuples().all())
        agents = select(Agent.id).order_by(Agent.name)
        self._agents = list(context.connection.scalars(agents))[:5]

    def make_tasks(self) -> Iterator[dict[str, Any]]:
        """Yield what people work on."""
        for number, (key, title, _, login, priority, status) in enumerate(_TASKS):
            agent = self._agents[number % 5]
            yield {
                "project_id": self._projects[key],
                "title": title,
                "assignee_id": self._find(login),
                "priority": priority,
                **_make_course(TaskStatus(status), agent, self._at, number),
            }

    def make_history(self) -> Iterator[dict[str, Any]]:
        """Yield what ended in the last two weeks."""
        projects = list(self._projects.values())
        number = 480
        for back, count in enumerate(_HISTORY, start=1):
            for nth in range(count):
                ended = self._at - timedelta(days=back, minutes=17 * nth)
                is_bad = (back + nth) % 6 == 0
                status = TaskStatus.FAILED if is_bad else TaskStatus.DONE
                agent = self._agents[(back + nth) % 5]
                number -= 1
                yield {
                    "project_id": projects[(back + nth) % 4],
                    "title": f"{_BUILDS[nth % 4]} {number}",
                    **_make_course(status, agent, ended, 20),
                }

    def make_parts(self) -> Iterator[dict[str, Any]]:
        """Yield the parts of tasks; the first is done where there are three."""
        found = self._connection.execute(select(Task.project_id, Task.title, Task.id))
        parents = {(project, title): number for project, title, number in found}
        people = sorted(self._people.values())
        for number, (key, title, count, _, priority, _) in enumerate(_TASKS):
            project = self._projects[key]
            for at in range(count):
                is_done = count == 3 and at == 0
                yield {
                    "project_id": project,
                    "parent_id": parents[project, title],
                    "title": f"{_PARTS[at]}: {title[0].lower()}{title[1:]}",
                    "priority": priority,
                    "assignee_id": people[(number % 6 + at) % len(people)],
                    **_FRESH,
                    "status": TaskStatus.DONE if is_done else TaskStatus.DRAFT,
                    "progress": 100 if is_done else 0,
                }

    def _find(self, login: str | None) -> int | None:
        return None if login is None else self._people[f"{login}@example.com"]


def _make_course(
    status: TaskStatus, agent: int, at: datetime, number: int
) -> dict[str, Any]:
    """Return the columns of a task that came to this status."""
    if status is TaskStatus.DRAFT:
        return _FRESH
    queued_at = at - timedelta(minutes=40 - number)
    course = {**_FRESH, "status": status, "queued_at": queued_at}
    if status is TaskStatus.QUEUED:
        return course
    course["finished_at"] = queued_at + timedelta(minutes=3, seconds=number)
    if status is TaskStatus.CANCELLED:
        return course
    is_done = status is TaskStatus.DONE
    return course | {
        "started_at": queued_at + timedelta(seconds=20),
        "agent_id": agent,
        "attempts": 1,
        "progress": 100 if is_done else 90,
        "result": f"{30 + number} checks passed"
        if is_done
        else "2 of 31 checks failed",
    }
