"""Make an agent's kind one of four.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KIND = sa.Enum("builder", "tester", "reviewer", "writer", name="agent_kind", length=16)
_OLD = sa.String(40)
# What people had typed, and what it meant.
_MEANINGS = {
    "test": "tester",
    "qa": "tester",
    "review": "reviewer",
    "docs": "writer",
    "write": "writer",
}


def upgrade() -> None:
    """Apply it; whatever was not understood is a builder."""
    agents = sa.table("agents", sa.column("kind", _OLD))
    kind = agents.c.kind
    meaning = sa.case(
        *((kind == old, new) for old, new in _MEANINGS.items()),
        (kind.in_(_KIND.enums), kind),
        else_="builder",
    )
    op.execute(agents.update().values(kind=meaning))
    _KIND.create(op.get_bind(), checkfirst=True)
    _change(_OLD, _KIND, using="kind::agent_kind", default="builder")


def downgrade() -> None:
    """Take it back."""
    _change(_KIND, _OLD, using="kind::varchar", default="build")
    _KIND.drop(op.get_bind(), checkfirst=True)


def _change(
    old: sa.types.TypeEngine[str],
    new: sa.types.TypeEngine[str],
    *,
    using: str,
    default: str,
) -> None:
    """Change the type; PostgreSQL cannot cast the default along with it."""
    with op.batch_alter_table("agents") as agents:
        agents.alter_column("kind", existing_type=old, server_default=None)
        agents.alter_column(
            "kind",
            existing_type=old,
            type_=new,
            existing_nullable=False,
            postgresql_using=using,
        )
        agents.alter_column("kind", existing_type=new, server_default=default)
