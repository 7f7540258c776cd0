"""How Alembic reaches the demo's database."""

from __future__ import annotations

from logging.config import fileConfig

from alembic import context
from sqlalchemy import Connection, text

from demo.database import make_engine, writer
from demo.models import Base
from demo.settings import load_settings

# Any number that no other user of the server's advisory locks has taken.
_LOCK = 0x64656D6F


def run() -> None:
    """Migrate the connection that was handed in, or that of DATABASE_URL."""
    config = context.config
    if config.config_file_name and not config.attributes.get("connection"):
        fileConfig(config.config_file_name, disable_existing_loggers=False)
    if context.is_offline_mode():
        _print_sql()
    elif (given := config.attributes.get("connection")) is not None:
        _migrate(given)
    else:
        engine = make_engine(load_settings().database_url, foreign_keys=False)
        with writer(engine).connect() as connection:
            _migrate(connection)
        engine.dispose()


def _print_sql() -> None:
    """Write the statements to standard output: `alembic upgrade head --sql`."""
    context.configure(
        url=load_settings().database_url,
        target_metadata=Base.metadata,
        literal_binds=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _migrate(connection: Connection) -> None:
    """Apply all of it in one transaction, or nothing of it."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        # SQLite can take DDL back, once sqlite3 is kept from committing it.
        transactional_ddl=True,
    )
    with context.begin_transaction():
        _wait_for_others(connection)
        context.run_migrations()
        _check_references(connection)


def _wait_for_others(connection: Connection) -> None:
    """Let two upgrades at once follow each other; SQLite's write lock does so."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _check_references(connection: Connection) -> None:
    """Refuse to commit rows that refer to nothing: the keys were not enforced."""
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        table, row, parent, _ = broken[0]
        message = f"row {row} of `{table}` refers to a row that `{parent}` lacks"
        raise RuntimeError(message)


run()
