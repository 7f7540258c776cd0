"""What goes in and out of the HTTP interface."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from demo.models import AgentKind, ProjectStatus, Role, TaskStatus

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)
]
AgentName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)
]
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
]
Text = Annotated[str, StringConstraints(max_length=10_000)]
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        to_lower=True,
        max_length=254,
        pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    ),
]
Key = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z][A-Za-z0-9]{1,11}$"
    ),
]
Priority = Annotated[int, Field(ge=1, le=4)]


class Incoming(BaseModel):
    """What a client sends: a field that is not known is an error."""

    model_config = ConfigDict(extra="forbid")


class Change(Incoming):
    """A change of some fields; what is left out stays as it is."""

    nullable: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="after")
    def refuse_null(self) -> Self:
        """Refuse null where the field must have a value."""
        for name in self.model_fields_set - self.nullable:
            if getattr(self, name) is None:
                message = f"`{name}` cannot be null"
                raise ValueError(message)
        return self


class Outgoing(BaseModel):
    """What a client receives: read from the row's attributes."""

    model_config = ConfigDict(from_attributes=True)


class Stamped(Outgoing):
    """A row with its number and its times."""

    id: int
    created_at: datetime
    updated_at: datetime


class UserNew(Incoming):
    """A new person."""

    name: Name
    email: Email
    role: Role = Role.MEMBER
    is_active: bool = True


class UserChange(Change):
    """A change of a person."""

    name: Name | None = None
    email: Email | None = None
    role: Role | None = None
    is_active: bool | None = None


class UserBrief(Outgoing):
    """A person, in passing."""

    id: int
    name: str


class User(Stamped):
    """A person.

    `open_tasks` counts what is theirs and neither done nor cancelled.
    """

    name: str
    email: str
    role: Role
    is_active: bool
    open_tasks: int = 0


class ProjectNew(Incoming):
    """A new project."""

    key: Key
    name: Name
    description: Text = ""
    status: ProjectStatus = ProjectStatus.ACTIVE
    owner_id: int | None = None


class ProjectChange(Change):
    """A change of a project."""

    nullable: ClassVar[frozenset[str]] = frozenset({"owner_id"})

    key: Key | None = None
    name: Name | None = None
    description: Text | None = None
    status: ProjectStatus | None = None
    owner_id: int | None = None


class ProjectBrief(Outgoing):
    """A project, in passing."""

    id: int
    key: str
    name: str


class Project(Stamped):
    """A project; `tasks` counts its tasks by their status."""

    key: str
    name: str
    description: str
    status: ProjectStatus
    owner_id: int | None
    owner: UserBrief | None
    tasks: dict[TaskStatus, int] = {}


class AgentNew(Incoming):
    """A new agent."""

    name: AgentName
    kind: AgentKind = AgentKind.BUILDER
    is_enabled: bool = True


class AgentChange(Change):
    """A change of an agent."""

    name: AgentName | None = None
    kind: AgentKind | None = None
    is_enabled: bool | None = None


class AgentBrief(Outgoing):
    """An agent, in passing."""

    id: int
    name: str
    kind: AgentKind


AgentState = Literal["working", "idle", "paused", "offline"]


class TaskBrief(Outgoing):
    """A task, in passing."""

    id: int
    title: str
    status: TaskStatus


class CurrentTask(TaskBrief):
    """The task that an agent runs now."""

    project: ProjectBrief
    progress: int
    step: str | None
    started_at: datetime | None


class Agent(Stamped):
    """An agent, what it is at, and how many tasks it has done."""

    name: str
    kind: AgentKind
    is_enabled: bool
    last_seen_at: datetime | None
    state: AgentState = "offline"
    task: CurrentTask | None = None
    done: int = 0
    failed: int = 0


class TaskNew(Incoming):
    """A new task."""

    project_id: int
    title: Title
    description: Text = ""
    parent_id: int | None = None
    assignee_id: int | None = None
    priority: Priority = 2


class TaskChange(Change):
    """A change of a task; its status changes by being queued and cancelled."""

    nullable: ClassVar[frozenset[str]] = frozenset({"parent_id", "assignee_id"})

    project_id: int | None = None
    title: Title | None = None
    description: Text | None = None
    parent_id: int | None = None
    assignee_id: int | None = None
    priority: Priority | None = None


class Task(Stamped):
    """A task; `subtasks` counts its parts, `subtasks_done` those that are done."""

    project_id: int
    project: ProjectBrief
    parent_id: int | None
    parent: TaskBrief | None
    assignee_id: int | None
    assignee: UserBrief | None
    agent: AgentBrief | None
    title: str
    description: str
    status: TaskStatus
    priority: int
    attempts: int
    progress: int
    step: str | None
    result: str | None
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    subtasks: int = 0
    subtasks_done: int = 0


class Queued(BaseModel):
    """How many tasks were queued."""

    queued: int


class Day(BaseModel):
    """How many tasks ended on a day (UTC)."""

    day: str
    done: int
    failed: int


class Overview(BaseModel):
    """Everything that the first page shows."""

    environment: str
    tasks: dict[TaskStatus, int]
    projects: int
    users: int
    agents: list[Agent]
    waiting: list[Task]
    recent: list[Task]
    days: list[Day]


class Health(BaseModel):
    """Whether the backend can do its work."""

    status: Literal["ok", "unavailable"]
    database: str
    revision: str | None = None
    hint: str | None = None
