"""The demo's tables."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    String,
    Text,
    TypeDecorator,
    func,
    text,
    true,
)
from sqlalchemy import Enum as EnumType
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


class Role(Enum):
    """What a person may do."""

    MEMBER = "member"
    MAINTAINER = "maintainer"
    ADMIN = "admin"


class ProjectStatus(Enum):
    """Where a project stands."""

    PLANNED = "planned"
    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class AgentKind(Enum):
    """What an agent is good at."""

    BUILDER = "builder"
    TESTER = "tester"
    REVIEWER = "reviewer"
    WRITER = "writer"


class TaskStatus(Enum):
    """Where a task stands."""

    DRAFT = "draft"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Timestamp(TypeDecorator[datetime]):
    """An instant; SQLite keeps no time zone, so it is UTC there and back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Return the instant in UTC."""
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Return the instant with its time zone."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


def _enum(kind: type[Enum], name: str) -> EnumType:
    """Store an enumeration by value: as a type of its own where there are such."""
    return EnumType(
        kind, name=name, length=16, values_callable=lambda e: [m.value for m in e]
    )


class Base(DeclarativeBase):
    """What all tables have in common."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Timestamp(),
        Role: _enum(Role, "user_role"),
        ProjectStatus: _enum(ProjectStatus, "project_status"),
        AgentKind: _enum(AgentKind, "agent_kind"),
        TaskStatus: _enum(TaskStatus, "task_status"),
    }

    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=now
    )


class User(Base):
    """A person."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    role: Mapped[Role] = mapped_column(server_default=Role.MEMBER.value)
    is_active: Mapped[bool] = mapped_column(server_default=true())


class Project(Base):
    """Something that people want done."""

    __tablename__ = "projects"

    key: Mapped[str] = mapped_column(String(12), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, server_default="")
    status: Mapped[ProjectStatus] = mapped_column(
        server_default=ProjectStatus.ACTIVE.value
    )
    owner_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )

    owner: Mapped[User | None] = relationship()


class Agent(Base):
    """Somebody tireless who runs tasks."""

    __tablename__ = "agents"

    name: Mapped[str] = mapped_column(String(60), unique=True)
    kind: Mapped[AgentKind] = mapped_column(server_default=AgentKind.BUILDER.value)
    is_enabled: Mapped[bool] = mapped_column(server_default=true())
    last_seen_at: Mapped[datetime | None]


class Task(Base):
    """A piece of work, possibly part of a larger one."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("progress BETWEEN 0 AND 100", name="ck_tasks_progress"),
        Index("ix_tasks_queue", "status", "priority", "queued_at"),
        # The database itself sees to it that an agent runs one task at a time.
        Index(
            "uq_tasks_running_agent",
            "agent_id",
            unique=True,
            sqlite_where=text("status = 'running'"),
            postgresql_where=text("status = 'running'"),
        ),
    )

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), index=True
    )
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("tasks.id", name="fk_tasks_parent", ondelete="SET NULL"), index=True
    )
    assignee_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", name="fk_tasks_assignee", ondelete="SET NULL"),
        index=True,
    )
    agent_id: Mapped[int | None] = mapped_column(
        ForeignKey("agents.id", name="fk_tasks_agent", ondelete="SET NULL")
    )
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, server_default="")
    status: Mapped[TaskStatus] = mapped_column(server_default=TaskStatus.DRAFT.value)
    priority: Mapped[int] = mapped_column(server_default="2")

    worker: Mapped[str | None] = mapped_column(String(120))
    attempts: Mapped[int] = mapped_column(server_default="0")
    progress: Mapped[int] = mapped_column(server_default="0")
    step: Mapped[str | None] = mapped_column(String(80))
    result: Mapped[str | None] = mapped_column(Text)
    queued_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    project: Mapped[Project] = relationship()
    parent: Mapped[Task | None] = relationship(remote_side="Task.id")
    assignee: Mapped[User | None] = relationship()
    agent: Mapped[Agent | None] = relationship()
