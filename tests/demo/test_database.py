from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from demo.database import make_engine, reading, writing
from demo.models import Task, User

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from postgresql import Server


def test_an_error_takes_the_transaction_back(engine: Engine) -> None:
    """What a writing session did before the error is not there."""

    def fail() -> None:
        with writing(engine) as session:
            session.add(User(name="Ada", email="a@example.com"))
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with reading(engine) as session:
        assert session.scalars(select(User)).all() == []


def test_keys_are_enforced(engine: Engine) -> None:
    """A row that refers to nothing is refused."""

    def add() -> None:
        with writing(engine) as session:
            session.add(Task(project_id=99, title="lost"))

    with pytest.raises(IntegrityError):
        add()


def test_a_table_that_is_made_can_be_taken_back(engine: Engine) -> None:
    """DDL is part of the transaction."""
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE extra (id INTEGER)"))
        connection.rollback()
        names = connection.execute(text("SELECT name FROM sqlite_master"))
        assert "extra" not in set(names.scalars())


def test_the_folder_of_a_new_file_is_made(tmp_path: Path) -> None:
    """A fresh clone has no `demo/var`."""
    engine = make_engine(make_url(f"sqlite:///{tmp_path}/a/b/c.db"))
    with reading(engine) as session:
        assert session.scalar(text("SELECT 1")) == 1
    engine.dispose()


def test_a_database_in_memory_needs_no_folder() -> None:
    """What is no file has no folder to make."""
    engine = make_engine(make_url("sqlite://"))
    with reading(engine) as session:
        assert session.scalar(text("SELECT 1")) == 1
    engine.dispose()


@pytest.mark.needs("postgresql")
def test_a_connection_that_a_server_has_ended_is_another_one(server: Server) -> None:
    """As by a reset: the pool looks before it lends one."""
    engine = make_engine(make_url(server.url(server.make(), "psycopg")))
    for _ in range(2):
        with reading(engine) as session:
            pid = session.scalar(text("SELECT pg_backend_pid()"))
        server.run("postgres", f"SELECT pg_terminate_backend({pid}, 10000)")
    engine.dispose()


def test_times_come_back_with_their_zone(engine: Engine) -> None:
    """SQLite keeps none: what is written and read is UTC."""
    with writing(engine) as session:
        user = User(name="Ada", email="a@example.com")
        session.add(user)
        session.flush()
        session.refresh(user)
        assert user.created_at.utcoffset() is not None
