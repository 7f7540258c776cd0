"""Give people a role, and let them leave.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ROLE = sa.Enum("member", "maintainer", "admin", name="user_role", length=16)


def upgrade() -> None:
    """Apply it; who came first may do everything, as before."""
    _ROLE.create(op.get_bind(), checkfirst=True)
    with op.batch_alter_table("users") as users:
        users.add_column(
            sa.Column("role", _ROLE, server_default="member", nullable=False)
        )
        users.add_column(
            sa.Column("is_active", sa.Boolean, server_default=sa.true(), nullable=False)
        )
    users_now = sa.table("users", sa.column("id", sa.Integer), sa.column("role", _ROLE))
    first = sa.select(sa.func.min(users_now.c.id)).scalar_subquery()
    op.execute(users_now.update().where(users_now.c.id == first).values(role="admin"))


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("users") as users:
        users.drop_column("is_active")
        users.drop_column("role")
    _ROLE.drop(op.get_bind(), checkfirst=True)
