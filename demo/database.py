"""How the demo talks to its database."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from sqlalchemy.engine import URL

_WRITES = "demo_writes"


def make_engine(url: URL, *, foreign_keys: bool = True) -> Engine:
    """Return an engine; it connects when it is first used, never before a fork.

    Args:
        url: The database.
        foreign_keys: False for migrations: SQLite rebuilds a table by dropping
            it, which would delete the rows that refer to it.
    """
    # A server ends all connections when its database is reset.
    is_server = url.get_backend_name() != "sqlite"
    engine = create_engine(url, pool_pre_ping=is_server)
    if engine.dialect.name == "sqlite":
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        _tame_sqlite(engine, foreign_keys=foreign_keys)
    return engine


def _tame_sqlite(engine: Engine, *, foreign_keys: bool) -> None:
    """Take transactions from sqlite3's hands, so that DDL is in them too."""

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout = 10000")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A reader that turns writer half-way cannot wait for another writer:
        # who will write says so and queues at the start.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open a session that sees one state of the data."""
    with Session(engine) as session:
        yield session


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """Open a session that commits at the end, or rolls back on an error."""
    with Session(writer(engine), expire_on_commit=False) as session, session.begin():
        yield session


def writer(engine: Engine) -> Engine:
    """Return the engine whose transactions take SQLite's write lock at once."""
    return engine.execution_options(**{_WRITES: True})
