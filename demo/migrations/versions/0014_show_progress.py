"""Show how far a task is and what came of it.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it; what is done has all of its progress."""
    with op.batch_alter_table("tasks") as tasks:
        tasks.add_column(
            sa.Column("progress", sa.Integer, server_default="0", nullable=False)
        )
        tasks.add_column(sa.Column("step", sa.String(80)))
        tasks.add_column(sa.Column("result", sa.Text))
        tasks.create_check_constraint("ck_tasks_progress", "progress BETWEEN 0 AND 100")
    op.execute("UPDATE tasks SET progress = 100 WHERE status = 'done'")


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("tasks") as tasks:
        tasks.drop_constraint("ck_tasks_progress", type_="check")
        tasks.drop_column("result")
        tasks.drop_column("step")
        tasks.drop_column("progress")
