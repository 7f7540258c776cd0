"""Data of a SQLite file: the file as its own library copies it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote as quote_url

from sceneshift.core.databases import Database
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.backups.archive import pack, unpack
from sceneshift.data.backups.medium import Content, Saved
from sceneshift.data.sqlite.copying import back_up
from sceneshift.data.sqlite.files import is_there, remove
from sceneshift.data.sqlite.system import SqliteSystem
from sceneshift.data.versions import read_versions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.data.backups.origin import Origin
    from sceneshift.data.system import System
    from sceneshift.data.target import Target
    from sceneshift.data.versions import VersionTable

_FILE = "data.sqlite.zst"
_TABLES = """\
SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
ORDER BY name
"""


class SqliteMedium:
    """A file of SQLite; see `Medium`."""

    kind: Literal["sqlite"] = "sqlite"

    def __init__(self, target: Target) -> None:
        assert target.file is not None
        self._target = target
        self._file = target.file
        self._system = SqliteSystem(target)

    def save(
        self, folder: Path, table: VersionTable, former: str | None = None
    ) -> Saved:
        """See `Medium.save`."""
        title = self._target.title
        origin = self._system.find_former(former) if former else self._file
        if not is_there(origin):
            raise SceneshiftError(
                f"{quote(title)} is not there: no backup can be had of it",
                hint=f"look where it should be: ls -la {self._file.parent}",
            )
        raw = folder / "data.sqlite"
        with _translating(title, folder):
            _make(raw)
            back_up(origin, raw)
            _close(raw)
            with raw.open("rb") as file:
                packed = pack(file, folder / _FILE)
            raw.unlink()
            # What is there now is what can be put back, and is looked at as such.
            with raw.open("xb") as file:
                file.writelines(unpack(folder / _FILE, packed.raw_sha256))
            _check(raw, title)
            content = self.look(_name(self._target, raw), table)
            remove(raw)
        return Saved(
            file=_FILE, packed=packed, content=content, server=sqlite3.sqlite_version
        )

    def has_own_rows(self, former: str, snapshot: str | None) -> bool:
        """See `Medium.has_own_rows`: by comparing all of them."""
        path = self._system.find_former(former)
        with _translating(self._target.title, path.parent):
            if not any(self._system.count_rows(_name(self._target, path)).values()):
                return False
            return snapshot is None or not _have_same_rows(
                path, self._system.find_snapshot(snapshot)
            )

    def fill(self, system: System, origin: Origin) -> Database:
        """See `Medium.fill`."""
        draft = system.begin(None)
        path = draft.find_file(self._target.root)
        assert path is not None
        try:
            with _translating(origin.name, path.parent):
                if origin.is_packed:
                    with path.open("wb") as file:
                        file.writelines(origin.read())
                else:
                    back_up(origin.file, path)
                _check(path, origin.name)
        except BaseException:
            system.drop(draft)
            raise
        return draft

    def look(self, draft: Database, table: VersionTable) -> Content:
        """See `Medium.look`."""
        rows = self._system.count_rows(draft)
        revisions = read_versions(draft, self._target.root, table)
        return Content(rows=dict(rows), revisions=revisions)


@contextlib.contextmanager
def _translating(title: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise SceneshiftError(
            f"{quote(title)} cannot be copied: {error}",
            hint=f"is it a database, and is there room? df -h {folder}",
        ) from error


def _make(path: Path) -> None:
    """Make a file that nobody else can read."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _close(path: Path) -> None:
    """Have all of a database in its one file."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _check(path: Path, title: str) -> None:
    """Look whether a file is whole.

    Raises:
        SceneshiftError: It is damaged.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if said != "ok":
        raise SceneshiftError(
            f"{quote(title)} is damaged: {said.splitlines()[-1]}",
            hint="save what can be: https://www.sqlite.org/recovery.html",
        )


def _have_same_rows(*paths: Path) -> bool:
    """Tell whether two files that nobody writes to have the same rows in all tables."""
    with contextlib.ExitStack() as stack:
        one, other = (stack.enter_context(_reading(path)) for path in paths)
        tables = one.execute(_TABLES).fetchall()
        if tables != other.execute(_TABLES).fetchall():
            return False
        for (name,) in tables:
            quoted = name.replace(b'"', b'""').decode()
            look = f'SELECT * FROM "{quoted}"'  # noqa: S608
            pairs = zip_longest(one.execute(look), other.execute(look))
            if any(mine != theirs for mine, theirs in pairs):
                return False
    return True


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    address = f"file:{quote_url(str(path))}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
        connection.text_factory = bytes  # whatever it may be
        yield connection


def _name(target: Target, path: Path) -> Database:
    url = f"sqlite:///{quote_url(str(path))}"
    return Database(name=target.database.name, url=url)
