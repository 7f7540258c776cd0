"""Let a task be part of another.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    with op.batch_alter_table("tasks") as tasks:
        tasks.add_column(sa.Column("parent_id", sa.Integer))
        tasks.create_foreign_key(
            "fk_tasks_parent", "tasks", ["parent_id"], ["id"], ondelete="SET NULL"
        )
        tasks.create_index("ix_tasks_parent_id", ["parent_id"])


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("tasks") as tasks:
        tasks.drop_index("ix_tasks_parent_id")
        tasks.drop_constraint("fk_tasks_parent", type_="foreignkey")
        tasks.drop_column("parent_id")
