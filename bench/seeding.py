"""How long a database takes to be filled, beside drivers by hand and the ORM."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.record import OURS, Record, show_progress
from sceneshift.core.databases import Database
from sceneshift.data.seeding.application import Seeding
from sceneshift.data.seeding.model import find_datasets, order_datasets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postgresql import Server

_EXECUTEMANY, _COPY, _ORM = "executemany by hand", "COPY by hand", "ORM, add_all"
_AGAIN = f"{OURS}, a second time"
_PART = 20  # the ORM takes so many times as long that it gets a part of the rows
_RATIO = 1.5

# An application's table: some indexes, a reference, an enumeration, two instants.
_TABLES = (
    "CREATE TABLE owners (id integer PRIMARY KEY, name varchar(40) NOT NULL)",
    """CREATE TABLE items (
        id integer PRIMARY KEY, owner_id integer NOT NULL REFERENCES owners (id),
        title varchar(80) NOT NULL, status varchar(16) NOT NULL,
        amount integer NOT NULL, is_done boolean NOT NULL,
        made_at timestamp NOT NULL, done_at timestamp
    )""",
    "CREATE INDEX ix_items_owner ON items (owner_id)",
    "CREATE INDEX ix_items_status ON items (status, made_at)",
)
_ROWS = """\
from datetime import datetime, timedelta

COLUMNS = (
    "id", "owner_id", "title", "status", "amount", "is_done", "made_at", "done_at"
)
OWNERS = [(number, f"owner {number}") for number in range(1000)]


def rows():
    at, step = datetime(2026, 1, 1), timedelta(seconds=7)
    for number in range(COUNT):
        at += step
        is_done = number % 3 == 0
        yield (
            number, number % 1000, f"item number {number}",
            ("new", "old", "lost")[number % 3], number * 7 % 100, is_done, at,
            at + step if is_done else None,
        )
"""
_SEED = """\
from made import COLUMNS, OWNERS, rows


def seed(context):
    context.load("owners", OWNERS, columns=["id", "name"])
    context.load("items", rows(), columns=COLUMNS)
"""
_BY_SQLITE = """\
import sqlite3, sys
from made import OWNERS, rows

connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA synchronous = OFF")
connection.executemany("INSERT INTO owners VALUES (?, ?)", OWNERS)
ready = (
    (*row[:6], row[6].isoformat(" "), row[7] and row[7].isoformat(" "))
    for row in rows()
)
connection.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?)", ready)
connection.commit()
"""
_BY_COPY = """\
import psycopg, sys
from made import OWNERS, rows

with psycopg.connect(sys.argv[1]) as connection, connection.cursor() as cursor:
    for table, each in (("owners", OWNERS), ("items", rows())):
        with cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for row in each:
                copy.write_row(row)
"""
_BY_ORM = """\
import sys
from sqlalchemy import MetaData, create_engine
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session
from made import COLUMNS, OWNERS, rows

engine = create_engine(sys.argv[1])
base = automap_base()
base.prepare(autoload_with=engine)
Owner, Item = base.classes["owners"], base.classes["items"]
with Session(engine) as session:
    session.add_all([Owner(id=number, name=name) for number, name in OWNERS])
    session.flush()
    session.add_all([Item(**dict(zip(COLUMNS, row))) for row in rows()])
    session.commit()
"""


def measure(root: Path, *, runs: int = 3, rows: int = 2_000_000) -> Record:
    """Fill a file of SQLite, and a database of PostgreSQL where that is installed.

    Args:
        root: The project's folder, whose tests know how a server is started.
        runs: Fillings of each contender, each of an empty database.
        rows: How many rows the larger table gets.
    """
    record = Record(bench="seeding", runs=runs)
    few = max(1, rows // _PART)
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(Path(folder), record, runs)
        sqlite = _Sqlite(Path(folder))
        bench.compare("SQLite", sqlite.make, rows, _EXECUTEMANY, _BY_SQLITE)
        bench.compare("SQLite", sqlite.make, few, _ORM, _BY_ORM)
        with serving(root, record) as server:
            if server is not None:
                make = _make_with(server)
                bench.compare("PostgreSQL", make, rows, _COPY, _BY_COPY)
                bench.compare("PostgreSQL", make, few, _ORM, _BY_ORM)
    return record


class _Sqlite:
    """Makes files with empty tables."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self) -> tuple[str, str]:
        """Return a new one: its URL, and what a driver takes."""
        path = self._folder / "filled.db"
        path.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            for statement in _TABLES:
                connection.execute(statement)
            connection.commit()
        return f"sqlite:///{path}", str(path)


def _make_with(server: Server) -> Callable[[], tuple[str, str]]:
    def make() -> tuple[str, str]:
        name = server.make()
        for statement in _TABLES:
            server.run(name, statement)
        address = f"host={server.folder} user=postgres dbname={name}"
        return server.url(name, "psycopg"), address

    return make


class _Bench:
    """Fills databases in turns.

    Args:
        folder: Where programs and datasets are.
        record: What the figures go to.
        runs: Fillings of each contender.
    """

    def __init__(self, folder: Path, record: Record, runs: int) -> None:
        self._folder = folder
        self._record = record
        self._runs = runs
        seed = folder / "seeds" / "all" / "fill.py"
        seed.parent.mkdir(parents=True)
        seed.write_text(_SEED)
        (folder / ".sceneshift").mkdir()

    def compare(
        self,
        system: str,
        make: Callable[[], tuple[str, str]],
        rows: int,
        peer: str,
        program: str,
    ) -> None:
        """Measure ours beside a peer."""
        case = f"{system}: {rows:,} rows"
        (self._folder / "made.py").write_text(_ROWS.replace("COUNT", str(rows)))
        (self._folder / "peer.py").write_text(program)
        theirs: list[float] = []
        ours: list[float] = []
        again: list[float] = []
        for number in range(self._runs):
            show_progress(f"{case}: {peer} {number + 1}/{self._runs}")
            url, address = make()
            theirs.append(self._run_peer(url if peer == _ORM else address))
            show_progress(f"{case}: {OURS} {number + 1}/{self._runs}")
            url, _ = make()
            ours.append(self._fill(url))
            if peer != _ORM:
                again.append(self._fill(url))
        self._record.add(case, "s", {OURS: ours, _AGAIN: again, peer: theirs})
        if peer == _ORM:
            self._record.compare(case, OURS, peer, faster=1)
        else:
            self._record.compare(case, OURS, peer, at_most=_RATIO)

    def _run_peer(self, address: str) -> float:
        began = time.perf_counter()
        argv = [sys.executable, "peer.py", address]
        subprocess.run(argv, cwd=self._folder, check=True)
        return time.perf_counter() - began

    def _fill(self, url: str) -> float:
        datasets = find_datasets(self._folder / "seeds")
        seeding = Seeding(
            root=self._folder,
            database=Database(name="default", url=url),
            datasets=order_datasets(datasets["all"], datasets),
            environment="development",
            env=dict(os.environ) | {"VIRTUAL_ENV": sys.prefix},
            log=self._folder / ".sceneshift" / "seeding.log",
            now=datetime.now(UTC),
            folder=self._folder,
            is_draft=True,
        )
        began = time.perf_counter()
        seeding.run()
        return time.perf_counter() - began


@contextlib.contextmanager
def serving(root: Path, record: Record) -> Iterator[Server | None]:
    """Yield a server as it is by default, on a disk; None where it is not installed."""
    found = shutil.which("initdb") or [
        *Path("/usr/lib/postgresql").glob("*/bin/initdb")
    ]
    tests = str(root / "tests")
    if not found or not Path(tests).is_dir():
        record.left_out["PostgreSQL"] = "it is not installed here"
        yield None
        return
    sys.path.append(tests)
    from postgresql import running_postgresql  # noqa: PLC0415 - of the tests

    with running_postgresql(Path(tempfile.gettempdir())) as running:
        yield running.server
