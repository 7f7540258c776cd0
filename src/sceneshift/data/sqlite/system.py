"""States of a SQLite file: drafts, snapshots and what was there before, as files."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote as quote_url

from sceneshift.core.databases import Database
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import StateFolder, sync
from sceneshift.core.wording import quote
from sceneshift.data.marker import VIEW, Marker, list_statements, name_query, read_row
from sceneshift.data.sqlite import schema as sqliteschema
from sceneshift.data.sqlite.aside import change_aside
from sceneshift.data.sqlite.copying import copy_sqlite
from sceneshift.data.sqlite.emptying import remove_rows
from sceneshift.data.sqlite.files import (
    is_there,
    list_sidecars,
    reading,
    remove,
    wait_for_no_disk,
)
from sceneshift.data.sqlite.pausing import Pausing
from sceneshift.data.sqlite.references import check_built
from sceneshift.data.sqlite.schema import describe_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sceneshift.data.sqlite.pausing import Paused
    from sceneshift.data.system import AimedT
    from sceneshift.data.target import Target

_SNAPSHOTS, _FORMER, _DRAFTS = "snapshots", "former", "drafts"
_SUFFIX = ".sqlite"


class SqliteSystem:
    """A file of SQLite, and the files beside it; see `System`."""

    description = "sqlite"

    def __init__(self, target: Target) -> None:
        assert target.file is not None
        self._target = target
        self._file = target.file
        self._pausing = Pausing(target.root, target.file)

    # -- what is there

    def read_marker(self) -> Marker | None:
        """See `System.read_marker`."""
        with reading(self._file) as connection:
            if connection is None:
                return None
            look = "SELECT 1 FROM sqlite_master WHERE type = 'view' AND name = ?"
            if connection.execute(look, (VIEW,)).fetchone() is None:
                return None
            return read_row(connection.execute(name_query()).fetchone())

    def mark(self, marker: Marker) -> None:
        """See `System.mark`."""
        draft = self._make(_DRAFTS) / f"{os.getpid()}-mark{_SUFFIX}"
        self._change_aside(draft, partial(_mark, draft, marker))

    def read_schema(self, draft: Database | None) -> Mapping[str, str] | None:
        """See `System.read_schema`."""
        with reading(self._find(draft)) as connection:
            if connection is None:
                return {}
            return describe_schema(connection.execute(sqliteschema.QUERY))

    def count_rows(self, draft: Database | None = None) -> Mapping[str, int]:
        """See `System.count_rows`."""
        with reading(self._find(draft)) as connection:
            if connection is None:
                return {}
            return _count(connection, but=self._target.version_table)

    # -- drafts

    def begin(self, snapshot: str | None) -> Database:
        """See `System.begin`."""
        with self._being_written():
            draft = self._make(_DRAFTS) / f"{os.getpid()}{_SUFFIX}"
            remove(draft)
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            if snapshot is not None:
                shutil.copyfile(self._get(_SNAPSHOTS, snapshot), draft)
        return self._name(draft)

    def copy(self) -> Database:
        """See `System.copy`."""
        with self._being_written():
            draft = self._make(_DRAFTS) / f"{os.getpid()}-copy{_SUFFIX}"
            remove(draft)
            if is_there(self._file):
                copy_sqlite(self._file, draft)
                draft.chmod(0o600)
            else:
                os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return self._name(draft)

    def aim(self, program: AimedT, draft: Database) -> AimedT:
        """See `System.aim`."""
        return program.aim(self._find(draft))

    def empty(self, draft: Database) -> None:
        """See `System.empty`."""
        path = self._find(draft)
        try:
            remove_rows(path, but=self._target.version_table)
        except sqlite3.Error as error:
            raise SceneshiftError(
                f"the rows of {quote(self._file.name)} cannot be removed: {error}",
                hint=f"is there room? df -h {path.parent}",
            ) from error

    def keep(self, draft: Database, snapshot: str, *, is_strict: bool = True) -> None:
        """See `System.keep`."""
        path = self._find(draft)
        with self._being_written():
            _complete(path, is_strict=is_strict)
            aside = self._make(_SNAPSHOTS) / f".{snapshot}{_SUFFIX}"
            shutil.copyfile(path, aside)
            aside.chmod(0o400)
            _give_name(aside, self._get(_SNAPSHOTS, snapshot))

    def drop(self, draft: Database) -> None:
        """See `System.drop`."""
        remove(self._find(draft))

    # -- in place

    def place(self, snapshot: str, marker: Marker, former: str) -> None:
        """See `System.place`."""
        self._put(self._get(_SNAPSHOTS, snapshot), marker, former)

    def put_back(self, former: str, marker: Marker, present: str) -> None:
        """See `System.put_back`."""
        self._put(self._get(_FORMER, former), marker, present)

    def change(
        self,
        change: Callable[[Database], None],
        marker: Marker | None,
        former: str | None,
    ) -> None:
        """See `System.change`: a copy is changed, and always kept."""
        draft = self._make(_DRAFTS) / f"{os.getpid()}-change{_SUFFIX}"
        self._make(_FORMER)

        def work() -> None:
            if former is not None:
                with self._being_written():
                    aside = draft.with_name(f"{os.getpid()}-former{_SUFFIX}")
                    shutil.copyfile(draft, aside)
                    _give_name(aside, self._get(_FORMER, former))
            change(self._name(draft))
            if marker is not None:
                _mark(draft, marker)

        self._change_aside(draft, work)

    def _put(self, origin: Path, marker: Marker, kept: str) -> None:
        folder = self._make(_DRAFTS)
        draft = folder / f"{os.getpid()}-place{_SUFFIX}"
        self._make(_FORMER)
        exchange = partial(
            self._exchange, draft, origin, marker, self._get(_FORMER, kept)
        )
        self._change_aside(draft, exchange)

    def _change_aside(self, draft: Path, change: Callable[[], None]) -> None:
        change_aside(self._file, draft, change, pausing=self._pausing)

    @property
    def paused(self) -> Sequence[Paused]:
        """See `System.paused`."""
        return self._pausing.paused

    def _exchange(self, draft: Path, origin: Path, marker: Marker, kept: Path) -> None:
        """Keep the copy of what is there, and have the other one in its place."""
        with self._being_written():
            _give_name(draft, kept)
            shutil.copyfile(origin, draft)
            draft.chmod(0o600)
            _mark(draft, marker)

    # -- what is kept

    def has_former(self, former: str) -> bool:
        """See `System.has_former`."""
        return self._get(_FORMER, former).exists()

    def forget_former(self, former: str) -> None:
        """See `System.forget_former`."""
        remove(self._get(_FORMER, former))

    def has_snapshot(self, snapshot: str) -> bool:
        """See `System.has_snapshot`."""
        return self._get(_SNAPSHOTS, snapshot).exists()

    def forget_snapshot(self, snapshot: str) -> None:
        """See `System.forget_snapshot`."""
        remove(self._get(_SNAPSHOTS, snapshot))

    def list_snapshots(self) -> Mapping[str, int]:
        """See `System.list_snapshots`."""
        files = (self._target.folder / _SNAPSHOTS).glob(f"[!.]*{_SUFFIX}")
        return {each.stem: each.stat().st_size for each in files}

    def sweep(self) -> None:
        """See `System.sweep`: whoever calls it holds the lock, so nobody is at work."""
        folder = self._target.folder
        for each in (folder / _DRAFTS).glob("*"):
            each.unlink(missing_ok=True)
        for each in (folder / _SNAPSHOTS).glob(f".*{_SUFFIX}*"):
            each.unlink(missing_ok=True)
        for each in (folder / _SNAPSHOTS).glob(f"[!.]*{_SUFFIX}"):
            if not each.with_suffix(".json").exists():  # nobody knows what it is
                each.unlink(missing_ok=True)

    def hold(self) -> AbstractContextManager[None]:
        """See `System.hold`: the file's lock is all that there is."""
        return contextlib.nullcontext()

    def look(self) -> AbstractContextManager[None]:
        """See `System.look`: there is nothing to open."""
        return contextlib.nullcontext()

    # -- where that is

    def find_former(self, former: str) -> Path:
        """Return where a former state is."""
        return self._get(_FORMER, former)

    def find_snapshot(self, snapshot: str) -> Path:
        """Return where a snapshot is."""
        return self._get(_SNAPSHOTS, snapshot)

    def count_kept(self, snapshot: str) -> Mapping[str, int]:
        """Return the number of rows of each table of a snapshot.

        Raises:
            SceneshiftError: It cannot be read.
        """
        return self.count_rows(self._name(self.find_snapshot(snapshot)))

    def _find(self, draft: Database | None) -> Path:
        if draft is None:
            return self._file
        path = draft.find_file(self._target.root)
        assert path is not None
        return path

    def _name(self, draft: Path) -> Database:
        url = f"sqlite:///{quote_url(str(draft))}"
        return Database(name=self._target.database.name, url=url)

    def _make(self, name: str) -> Path:
        return self._target.make_folder(name)

    def _get(self, folder: str, name: str) -> Path:
        return self._target.folder / folder / f"{name}{_SUFFIX}"

    @contextlib.contextmanager
    def _being_written(self) -> Iterator[None]:
        with StateFolder(self._target.root).being_written():
            yield


def _count(connection: sqlite3.Connection, *, but: str) -> dict[str, int]:
    look = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    names = [name for (name,) in connection.execute(look)]
    return {
        name: _count_table(connection, name)
        for name in names
        if name != but and not name.startswith(sqliteschema.OWN)
    }


def _count_table(connection: sqlite3.Connection, name: str) -> int:
    quoted = name.replace('"', '""')
    (count,) = connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()  # noqa: S608
    return int(count)


def _mark(path: Path, marker: Marker) -> None:
    """Have a draft say whose it is."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        wait_for_no_disk(connection)
        for statement in list_statements(marker):
            connection.execute(statement)
        connection.commit()


def _complete(path: Path, *, is_strict: bool) -> None:
    """Have all of a draft in its one file, and look whether it is whole.

    Args:
        path: The draft.
        is_strict: See `System.keep`.

    Raises:
        SceneshiftError: A row refers to one that is not there, or the file is damaged.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        if is_strict:
            check_built(connection)
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise SceneshiftError(
                f"what was built is damaged: {said}", hint="is the disk in order?"
            )


def _give_name(draft: Path, target: Path) -> None:
    """Rename a complete file, so that a crash of the machine leaves it or none."""
    for each in list_sidecars(draft):
        each.unlink(missing_ok=True)
    sync(draft)
    draft.replace(target)
    sync(target.parent)
