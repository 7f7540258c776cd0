"""Projects with migrations, which Alembic itself can run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

INI = """\
[alembic]
script_location = %(here)s/migrations
path_separator = os
"""

# What projects write: the application's variable, in place of the file's address.
READING = """\
import os
from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(os.environ["DATABASE_URL"], poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""

# What `alembic init` writes.
TEMPLATE = """\
from alembic import context
from sqlalchemy import engine_from_config, pool

section = context.config.get_section(context.config.config_ini_section, {})
engine = engine_from_config(section, prefix="sqlalchemy.", poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""

TABLE = """\
[tool.sceneshift.environments.development]
databases = {{ default = "{url}" }}
"""


def describe_revision(
    one: str,
    down: object = None,
    *,
    does: str = "pass",
    needs: object = None,
    labels: object = None,
) -> str:
    """Return the file of a revision, as Alembic's template has it."""
    return f'''"""Do {one}.

Revision ID: {one}
"""
from alembic import op

revision: str = {one!r}
down_revision = {down!r}
branch_labels = {labels!r}
depends_on = {needs!r}


def upgrade():
    {does}


def downgrade():
    pass
'''


def create(table: str) -> str:
    """Return what makes a table with a row."""
    made = f"CREATE TABLE {table} AS SELECT 1 AS id"
    return f"op.execute({made!r})"


def make_project(
    root: Path, revisions: dict[str, str], *, url: str = "", env: str = READING
) -> Path:
    """Write a project with an alembic.ini; return its folder."""
    folder = root / "migrations" / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "alembic.ini").write_text(INI)
    (root / "migrations" / "env.py").write_text(env)
    for name, text in revisions.items():
        (folder / f"{name}.py").write_text(text)
    if url:
        (root / "pyproject.toml").write_text(TABLE.format(url=url))
    return root


def make_chain(*does: str) -> dict[str, str]:
    """Return revisions, `r1` and so on, that do one after another."""
    return {
        f"r{number}": describe_revision(
            f"r{number}", f"r{number - 1}" if number > 1 else None, does=each
        )
        for number, each in enumerate(does, 1)
    }
