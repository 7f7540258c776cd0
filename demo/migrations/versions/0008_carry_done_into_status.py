"""Carry `is_done` over into the status, and drop it.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TASKS = sa.table(
    "tasks",
    sa.column("is_done", sa.Boolean),
    sa.column("status", sa.Enum("draft", "done", name="task_status", length=16)),
)


def upgrade() -> None:
    """Apply it."""
    op.execute(_TASKS.update().where(_TASKS.c.is_done).values(status="done"))
    with op.batch_alter_table("tasks") as tasks:
        tasks.drop_column("is_done")


def downgrade() -> None:
    """Take it back; what is not done was not distinguished."""
    with op.batch_alter_table("tasks") as tasks:
        tasks.add_column(
            sa.Column("is_done", sa.Boolean, server_default=sa.false(), nullable=False)
        )
    op.execute(
        _TASKS.update().where(_TASKS.c.status == "done").values(is_done=sa.true())
    )
