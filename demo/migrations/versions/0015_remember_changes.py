"""Remember when a row changed last.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TABLES = ("users", "projects", "agents", "tasks")


def upgrade() -> None:
    """Apply it; a row that is there has last changed when it was made."""
    for name in _TABLES:
        with op.batch_alter_table(name, recreate="auto") as table:
            table.add_column(sa.Column("updated_at", sa.DateTime(timezone=True)))
        rows = sa.table(name, sa.column("created_at"), sa.column("updated_at"))
        op.execute(rows.update().values(updated_at=rows.c.created_at))
        with op.batch_alter_table(name) as table:
            table.alter_column(
                "updated_at",
                existing_type=sa.DateTime(timezone=True),
                server_default=sa.func.now(),
                nullable=False,
            )


def downgrade() -> None:
    """Take it back."""
    for name in _TABLES:
        with op.batch_alter_table(name) as table:
            table.drop_column("updated_at")
