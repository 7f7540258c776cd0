"""Sample data for development: `python -m demo.seed`."""

from __future__ import annotations

import logging
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from demo.database import make_engine, writing
from demo.models import (
    Agent,
    AgentKind,
    Project,
    ProjectStatus,
    Role,
    Task,
    TaskStatus,
    User,
    now,
)
from demo.settings import load_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger("demo.seed")

_PEOPLE = (
    ("Ada Okafor", "ada", Role.ADMIN, True),
    ("Bruno Lindqvist", "bruno", Role.MAINTAINER, True),
    ("Chiyo Tanaka", "chiyo", Role.MAINTAINER, True),
    ("Dmitri Volkov", "dmitri", Role.MEMBER, True),
    ("Elena Rossi", "elena", Role.MEMBER, True),
    ("Farid Haddad", "farid", Role.MEMBER, True),
    ("Grace Mbeki", "grace", Role.MEMBER, True),
    ("Henrik Sørensen", "henrik", Role.MEMBER, False),
)

_AGENTS = (
    ("Anvil", AgentKind.BUILDER, True),
    ("Forge", AgentKind.BUILDER, True),
    ("Prism", AgentKind.TESTER, True),
    ("Quill", AgentKind.WRITER, True),
    ("Sentry", AgentKind.REVIEWER, True),
    ("Sieve", AgentKind.TESTER, False),
)

_PROJECTS = (
    ("ATLAS", "Atlas", "Maps that work without a network.", "bruno", "active"),
    ("BEACON", "Beacon", "Tells the right person, once.", "chiyo", "active"),
    ("CINDER", "Cinder", "Old services, carefully put out.", "ada", "paused"),
    ("DELTA", "Delta", "What changed, and who wants to know.", "elena", "active"),
    ("EMBER", "Ember", "Sign-in that people do not notice.", "bruno", "planned"),
    ("FJORD", "Fjord", "Long-term storage, deep and cold.", "ada", "archived"),
)

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
# How many ended on each of the last days, yesterday first.
_HISTORY = (5, 7, 4, 0, 1, 6, 8, 5, 3, 6, 0, 0, 4)


def main() -> None:
    """Fill the database of the environment, unless there is data in it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    engine = make_engine(load_settings().database_url)
    with writing(engine) as session:
        if session.scalar(select(User.id).limit(1)) is not None:
            log.info("the database has data already: nothing added")
        else:
            log.info("sample data added: %d rows", seed(session, now()))
    engine.dispose()


def seed(session: Session, at: datetime) -> int:
    """Add the sample rows as seen at an instant; return how many."""
    people = {
        login: User(
            name=name, email=f"{login}@example.com", role=role, is_active=is_active
        )
        for name, login, role, is_active in _PEOPLE
    }
    agents = [Agent(name=n, kind=k, is_enabled=is_on) for n, k, is_on in _AGENTS]
    projects = {
        key: Project(
            key=key,
            name=name,
            description=text,
            owner=people[owner],
            status=ProjectStatus(status),
        )
        for key, name, text, owner, status in _PROJECTS
    }
    rows: list[object] = [*people.values(), *agents, *projects.values()]
    rows += _make_history(list(projects.values()), agents, at)
    for number, (key, title, parts, login, priority, status) in enumerate(_TASKS):
        task = Task(
            project=projects[key],
            title=title,
            assignee=people[login] if login else None,
            priority=priority,
            **_make_course(TaskStatus(status), agents[number % 5], at, number),
        )
        rows += [task, *_make_parts(task, parts, list(people.values())[number % 6 :])]
    session.add_all(rows)
    session.flush()
    return len(rows)


def _make_parts(task: Task, count: int, people: list[User]) -> list[Task]:
    """Make the parts of a task; the first is done where there are three."""
    return [
        Task(
            project=task.project,
            parent=task,
            title=f"{_PARTS[at]}: {task.title[0].lower()}{task.title[1:]}",
            priority=task.priority,
            assignee=people[at % len(people)],
            status=TaskStatus.DONE if count == 3 and at == 0 else TaskStatus.DRAFT,
            progress=100 if count == 3 and at == 0 else 0,
        )
        for at in range(count)
    ]


def _make_course(
    status: TaskStatus, agent: Agent, at: datetime, number: int
) -> dict[str, object]:
    """Return the columns of a task that came to this status."""
    if status is TaskStatus.DRAFT:
        return {"status": status}
    queued_at = at - timedelta(minutes=40 - number)
    if status is TaskStatus.QUEUED:
        return {"status": status, "queued_at": queued_at}
    course: dict[str, object] = {
        "status": status,
        "queued_at": queued_at,
        "finished_at": queued_at + timedelta(minutes=3, seconds=number),
    }
    if status is TaskStatus.CANCELLED:
        return course
    is_done = status is TaskStatus.DONE
    return course | {
        "started_at": queued_at + timedelta(seconds=20),
        "agent": agent,
        "attempts": 1,
        "progress": 100 if is_done else 90,
        "result": f"{30 + number} checks passed"
        if is_done
        else "2 of 31 checks failed",
    }


def _make_history(
    projects: list[Project], agents: list[Agent], at: datetime
) -> list[Task]:
    """Make what ended in the last two weeks."""
    names = ("Nightly build", "Dependency check", "Regression run", "Release notes")
    tasks = []
    for back, count in enumerate(_HISTORY, start=1):
        for nth in range(count):
            ended = at - timedelta(days=back, minutes=17 * nth)
            status = TaskStatus.FAILED if (back + nth) % 6 == 0 else TaskStatus.DONE
            course = _make_course(status, agents[(back + nth) % 5], ended, 20)
            title = f"{names[nth % 4]} of {ended.date().isoformat()}"
            project = projects[(back + nth) % 4]
            tasks.append(Task(project=project, title=title, **course))
    return tasks


if __name__ == "__main__":
    main()
