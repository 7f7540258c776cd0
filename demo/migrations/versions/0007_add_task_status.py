"""Give tasks a status beside `is_done`.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATUS = sa.Enum(
    "draft",
    "queued",
    "running",
    "done",
    "failed",
    "cancelled",
    name="task_status",
    length=16,
)


def upgrade() -> None:
    """Apply it."""
    _STATUS.create(op.get_bind(), checkfirst=True)
    with op.batch_alter_table("tasks") as tasks:
        tasks.add_column(
            sa.Column("status", _STATUS, server_default="draft", nullable=False)
        )


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("tasks") as tasks:
        tasks.drop_column("status")
    _STATUS.drop(op.get_bind(), checkfirst=True)
