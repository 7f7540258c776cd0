"""Make the table of tasks a queue.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INSTANTS = ("queued_at", "started_at", "heartbeat_at", "finished_at")
_RUNNING = sa.text("status = 'running'")


def upgrade() -> None:
    """Apply it."""
    with op.batch_alter_table("tasks") as tasks:
        tasks.add_column(
            sa.Column("priority", sa.Integer, server_default="2", nullable=False)
        )
        tasks.add_column(sa.Column("agent_id", sa.Integer))
        tasks.add_column(sa.Column("worker", sa.String(120)))
        tasks.add_column(
            sa.Column("attempts", sa.Integer, server_default="0", nullable=False)
        )
        for name in _INSTANTS:
            tasks.add_column(sa.Column(name, sa.DateTime(timezone=True)))
        tasks.create_foreign_key(
            "fk_tasks_agent", "agents", ["agent_id"], ["id"], ondelete="SET NULL"
        )
        tasks.create_index("ix_tasks_queue", ["status", "priority", "queued_at"])
    op.create_index(
        "uq_tasks_running_agent",
        "tasks",
        ["agent_id"],
        unique=True,
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_index("uq_tasks_running_agent", "tasks")
    with op.batch_alter_table("tasks") as tasks:
        tasks.drop_index("ix_tasks_queue")
        tasks.drop_constraint("fk_tasks_agent", type_="foreignkey")
        for name in (*_INSTANTS, "attempts", "worker", "agent_id", "priority"):
            tasks.drop_column(name)
