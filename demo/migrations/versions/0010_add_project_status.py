"""Replace a project's `is_archived` by its status.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_STATUS = sa.Enum(
    "planned", "active", "paused", "archived", name="project_status", length=16
)
_PROJECTS = sa.table(
    "projects", sa.column("is_archived", sa.Boolean), sa.column("status", _STATUS)
)


def upgrade() -> None:
    """Apply it."""
    _STATUS.create(op.get_bind(), checkfirst=True)
    with op.batch_alter_table("projects") as projects:
        projects.add_column(
            sa.Column("status", _STATUS, server_default="active", nullable=False)
        )
    op.execute(
        _PROJECTS.update().where(_PROJECTS.c.is_archived).values(status="archived")
    )
    with op.batch_alter_table("projects") as projects:
        projects.drop_column("is_archived")


def downgrade() -> None:
    """Take it back; planned and paused projects count as active."""
    with op.batch_alter_table("projects") as projects:
        projects.add_column(
            sa.Column(
                "is_archived", sa.Boolean, server_default=sa.false(), nullable=False
            )
        )
    op.execute(
        _PROJECTS.update()
        .where(_PROJECTS.c.status == "archived")
        .values(is_archived=sa.true())
    )
    with op.batch_alter_table("projects") as projects:
        projects.drop_column("status")
    _STATUS.drop(op.get_bind(), checkfirst=True)
