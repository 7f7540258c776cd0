"""Tell whether an agent is there, and let it rest.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    with op.batch_alter_table("agents") as agents:
        agents.add_column(
            sa.Column(
                "is_enabled", sa.Boolean, server_default=sa.true(), nullable=False
            )
        )
        agents.add_column(sa.Column("last_seen_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("agents") as agents:
        agents.drop_column("last_seen_at")
        agents.drop_column("is_enabled")
