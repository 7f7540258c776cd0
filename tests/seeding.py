"""Databases that are filled with datasets, in a project of a test's own."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.databases import Database
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.seeding.application import Counts, Seeding
from sceneshift.data.seeding.model import find_datasets, order_datasets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from postgresql import Server

NOW = datetime(2026, 3, 9, 17, 30, tzinfo=UTC)
TABLES = """
CREATE TABLE people (
    id integer PRIMARY KEY, email varchar(80) NOT NULL UNIQUE, name varchar(80),
    is_active boolean NOT NULL DEFAULT true, boss_id integer REFERENCES people (id)
);
CREATE TABLE orders (
    id integer PRIMARY KEY,
    person_id integer NOT NULL REFERENCES people (id),
    note varchar(80) NOT NULL DEFAULT 'none', total numeric(10, 2), placed_at timestamp
);
"""


def count(inserted: int = 0, updated: int = 0, unchanged: int = 0) -> Counts:
    """Return what became of rows."""
    return Counts(inserted=inserted, updated=updated, unchanged=unchanged)


class Place:
    """A database, and the datasets for it.

    Args:
        root: The project's folder.
        url: The database.
        server: Its server; None: it is a file of SQLite.
    """

    def __init__(self, root: Path, url: str, server: Server | None = None) -> None:
        self.root = root
        self.url = url
        self._server = server
        (root / ".sceneshift").mkdir()

    @property
    def is_file(self) -> bool:
        """Whether it is one of SQLite."""
        return self._server is None

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files of datasets."""
        for name, text in files.items():
            path = self.root / "seeds" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def make(self, dataset: str = "dev", *, now: datetime = NOW) -> Seeding:
        """Return what fills it."""
        datasets = find_datasets(self.root / "seeds")
        return Seeding(
            root=self.root,
            database=Database(name="default", url=self.url),
            datasets=order_datasets(datasets[dataset], datasets),
            environment="development",
            env=dict(os.environ),
            log=self.root / ".sceneshift" / "seeding.log",
            now=now,
            folder=self.root,
        )

    def seed(self, dataset: str = "dev", *, now: datetime = NOW) -> dict[str, Counts]:
        """Fill it."""
        return self.make(dataset, now=now).run()

    def read_log(self) -> str:
        """Return what the program that filled it has printed."""
        return (self.root / ".sceneshift" / "seeding.log").read_text()

    def run(self, statements: str) -> list[tuple[Any, ...]]:
        """Run statements, and return the rows of the last one."""
        rows: list[tuple[Any, ...]] = []
        if self._server is not None:
            name = self.url.partition("?")[0].rpartition("/")[2]
            for each in filter(str.strip, statements.split(";")):
                rows = self._server.run(name, each)
            return rows
        path = self.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as connection:
            for each in filter(str.strip, statements.split(";")):
                rows = connection.execute(each).fetchall()
            connection.commit()
        return rows


def fail(place: Place) -> str:
    """Fill the place, which goes wrong, and return what is said after the name."""
    with pytest.raises(SceneshiftError) as caught:
        place.seed()
    assert "\n" not in caught.value.message
    assert caught.value.hint == (
        "mend it; all that it said: cat .sceneshift/seeding.log"
    )
    start = "`default` is as it was: the dataset `dev` failed: "
    assert caught.value.message.startswith(start), caught.value.message
    return caught.value.message.removeprefix(start)


def program(body: str) -> str:
    """Return a program whose function has these lines."""
    return "def seed(context):\n" + "".join(f"    {x}\n" for x in body.splitlines())
