"""A project with many migrations and rows, which Alembic and people reset by hand."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.running import TASKS, make_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from postgresql import Server

_OWNER_COUNT = 1000
_BIN = Path(sys.executable).parent
_INI = """\
[alembic]
script_location = %(here)s/migrations
path_separator = os
"""
_ENV = """\
import os

from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(os.environ["DATABASE_URL"], poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
_REVISION = '''\
"""Change number {number}.

Revision ID: {one}
Revises: {down}
"""

import sqlalchemy as sa
from alembic import op

revision = {one!r}
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade():
    {up}


def downgrade():
    {back}
'''
_OWNERS = """op.create_table(
        "owners",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(40), nullable=False),
    )"""
_ITEMS = """op.create_table(
        "items",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner_id", sa.Integer, sa.ForeignKey("owners.id"), nullable=False),
        sa.Column("title", sa.String(80), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("amount", sa.Integer, nullable=False),
    )"""
_MORE = """op.create_table(
        "{table}",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("item_id", sa.Integer, sa.ForeignKey("items.id"), nullable=False),
        sa.Column("text", sa.String(200)),
    )"""
_TABLE = """\
[tool.sceneshift.environments.development]
databases = {{ default = "{url}" }}
dataset = "full"
"""
_MADE = """\
OWNERS = [(number, f"owner {{number}}") for number in range({owners})]
ITEM_COLUMNS = ("id", "owner_id", "title", "status", "amount")
ITEMS = [
    (
        number, number % {owners}, f"item number {{number}}",
        ("new", "old", "lost")[number % 3], number * 7 % 100,
    )
    for number in range({items})
]
"""
_SEED = """\
from made import ITEM_COLUMNS, ITEMS, OWNERS


def seed(context):
    context.load("owners", OWNERS, columns=["id", "name"])
    context.load("items", ITEMS, columns=ITEM_COLUMNS)
"""
_BY_ORM = """\
import os

from sqlalchemy import ForeignKey, String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from made import ITEM_COLUMNS, ITEMS, OWNERS


class Base(DeclarativeBase):
    pass


class Owner(Base):
    __tablename__ = "owners"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("owners.id"))
    title: Mapped[str] = mapped_column(String(80))
    status: Mapped[str] = mapped_column(String(16))
    amount: Mapped[int]


with Session(create_engine(os.environ["DATABASE_URL"])) as session:
    session.add_all([Owner(id=number, name=name) for number, name in OWNERS])
    session.flush()
    session.add_all([Item(**dict(zip(ITEM_COLUMNS, row))) for row in ITEMS])
    session.commit()
"""
_BY_DRIVER = """\
import os

from sqlalchemy import make_url

from made import ITEMS, OWNERS

url = make_url(os.environ["DATABASE_URL"])
if url.get_backend_name() == "sqlite":
    import sqlite3

    connection = sqlite3.connect(url.database)
    connection.execute("PRAGMA synchronous = OFF")
    connection.executemany("INSERT INTO owners VALUES (?, ?)", OWNERS)
    connection.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?)", ITEMS)
    connection.commit()
else:
    import psycopg

    address = {"host": url.query["host"], "user": url.username, "dbname": url.database}
    with psycopg.connect(**address) as connection, connection.cursor() as cursor:
        for table, rows in (("owners", OWNERS), ("items", ITEMS)):
            columns = ", ".join(("id", "name") if table == "owners" else (
                "id", "owner_id", "title", "status", "amount"))
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
"""
# What Django's `flush` does: the rows of all tables, and none of the tables.
_FLUSH = """\
import os

from sqlalchemy import MetaData, create_engine

engine = create_engine(os.environ["DATABASE_URL"])
tables = MetaData()
tables.reflect(engine)
names = [each.name for each in reversed(tables.sorted_tables)]
names.remove("alembic_version")
with engine.begin() as connection:
    if engine.dialect.name == "postgresql":
        connection.exec_driver_sql(f"TRUNCATE {', '.join(names)}")
    else:
        for name in names:
            connection.exec_driver_sql(f"DELETE FROM {name}")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One kind of databases.

    Attributes:
        name: What it is called in the table.
        server: Where they are; None for files of SQLite.
    """

    name: str
    server: Server | None = None


class Migrated:
    """A project whose database has migrations and a dataset.

    Args:
        folder: Where it is made.
        system: Of its database.
        migrations: How many.
        rows: How many the dataset has, in two tables.
    """

    def __init__(
        self, folder: Path, system: System, *, migrations: int, rows: int
    ) -> None:
        self.folder = folder
        self.system = system
        self.count = 0
        self.owners, self.items = _OWNER_COUNT, rows - _OWNER_COUNT
        versions = folder / "migrations" / "versions"
        versions.mkdir(parents=True)
        (folder / "seeds" / "full").mkdir(parents=True)
        self.name = "app" if system.server is None else system.server.make()
        files = {
            "tasks.py": TASKS,
            "alembic.ini": _INI,
            "migrations/env.py": _ENV,
            "pyproject.toml": _TABLE.format(url=self.url),
            "made.py": _MADE.format(owners=_OWNER_COUNT, items=self.items),
            "seeds/full/fill.py": _SEED,
            "by_orm.py": _BY_ORM,
            "by_driver.py": _BY_DRIVER,
            "flush.py": _FLUSH,
        }
        for name, text in files.items():
            (folder / name).write_text(text)
        for _ in range(migrations):
            self.add_migration()

    @property
    def url(self) -> str:
        """The database's address."""
        if self.system.server is None:
            return f"sqlite:///{self.folder}/app.db"
        return self.system.server.url(self.name, "psycopg")

    def add_migration(self) -> None:
        """Write one more, at the tip."""
        self.count += 1
        number = self.count
        up, back = _change(number)
        text = _REVISION.format(
            number=number,
            one=f"r{number:04}",
            down=f"r{number - 1:04}" if number > 1 else None,
            up=up,
            back=back,
        )
        file = self.folder / "migrations" / "versions" / f"r{number:04}_change.py"
        file.write_text(text)

    def run(self, *words: str) -> float:
        """Run programs of the project's one after another; return seconds.

        A word is `inv ...`, `alembic ...` or a program's file.

        Raises:
            subprocess.CalledProcessError: One fails.
        """
        env = make_environment(DATABASE_URL=self.url)
        began = time.perf_counter()
        for each in words:
            program, *rest = each.split()
            argv = [sys.executable, program, *rest]
            if not program.endswith(".py"):
                argv = [sys.executable, str(_BIN / program), *rest]
            done = subprocess.run(
                argv,
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                sys.stderr.write(done.stdout + done.stderr)
                done.check_returncode()
        return time.perf_counter() - began

    def reset(self, *flags: str) -> float:
        """Have ours reset it; return seconds."""
        return self.run(" ".join(["inv data.reset --yes --env development", *flags]))

    def forget(self) -> None:
        """Have an empty database, of which nothing is known."""
        shutil.rmtree(self.folder / ".sceneshift", ignore_errors=True)
        server = self.system.server
        if server is None:
            for file in self.folder.glob("app.db*"):
                file.unlink()
            return
        look = f"SELECT datname FROM pg_database WHERE datname LIKE '{self.name}%'"  # noqa: S608
        for (name,) in server.run("postgres", look):
            server.run("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.run("postgres", f"CREATE DATABASE {self.name}")

    def touch(self) -> None:
        """Add what a reset is to take away."""
        self.execute("INSERT INTO owners (id, name) VALUES (-1, 'mine')")

    def execute(self, statement: str) -> None:
        """Run a statement by itself."""
        if self.system.server is not None:
            self.system.server.run(self.name, statement)
            return
        with contextlib.closing(sqlite3.connect(self.folder / "app.db")) as connection:
            connection.execute(statement)
            connection.commit()

    def dump(self, programs: Path) -> Callable[[], float]:
        """Dump a PostgreSQL database; return what makes it anew from that by hand."""
        assert self.system.server is not None
        place = ["-h", str(self.system.server.folder), "-U", "postgres"]
        file = str(self.folder / "dump")
        dump = [str(programs / "pg_dump"), *place, "-Fc", "-f", file, self.name]
        subprocess.run(dump, check=True)
        steps = (
            ["dropdb", *place, "--force", self.name],
            ["createdb", *place, self.name],
            ["pg_restore", *place, "-d", self.name, file],
        )

        def restore() -> float:
            began = time.perf_counter()
            for program, *rest in steps:
                subprocess.run([str(programs / program), *rest], check=True)
            return time.perf_counter() - began

        return restore


def _change(number: int) -> tuple[str, str]:
    """Return what a migration does, and the way back: tables, columns, indexes."""
    if number == 1:
        return _OWNERS, 'op.drop_table("owners")'
    if number == 2:
        return _ITEMS, 'op.drop_table("items")'
    table = f"more_{number // 3}"
    if number % 3 == 0:
        return _MORE.format(table=table), f'op.drop_table("{table}")'
    if number % 3 == 1:
        column = f'"{table}", sa.Column("note", sa.String(40))'
        return f"op.add_column({column})", f'op.drop_column("{table}", "note")'
    index = f'"ix_{table}_text", "{table}"'
    return f'op.create_index({index}, ["text"])', f"op.drop_index({index})"
