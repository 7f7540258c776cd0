"""Let a task be a person's.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    with op.batch_alter_table("tasks") as tasks:
        tasks.add_column(sa.Column("assignee_id", sa.Integer))
        tasks.create_foreign_key(
            "fk_tasks_assignee", "users", ["assignee_id"], ["id"], ondelete="SET NULL"
        )
        tasks.create_index("ix_tasks_assignee_id", ["assignee_id"])


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("tasks") as tasks:
        tasks.drop_index("ix_tasks_assignee_id")
        tasks.drop_constraint("fk_tasks_assignee", type_="foreignkey")
        tasks.drop_column("assignee_id")
