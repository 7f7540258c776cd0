"""Data of a database of MariaDB or MySQL: what its vendor's program writes of it."""

from __future__ import annotations

import contextlib
import os
import re
from collections import deque
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.wording import name_few, quote
from sceneshift.data.backups.archive import open_chunks, pack, unpack
from sceneshift.data.backups.medium import Content, Saved, get_version_table
from sceneshift.data.backups.mydump import (
    drop_definers,
    put_events_to_sleep,
    read_dump,
)
from sceneshift.data.backups.myrows import (
    can_read,
    have_same_rows,
    load_statements,
    reading,
)
from sceneshift.data.engine import parse_url
from sceneshift.data.marker import VIEW
from sceneshift.data.mysql import tools as mytools
from sceneshift.data.mysql.beside import Beside
from sceneshift.data.mysql.content import count_rows
from sceneshift.data.mysql.exchange import resume
from sceneshift.data.mysql.names import CODE, NOTE, OWN, Kind
from sceneshift.data.mysql.session import Place, open_session, quote_name
from sceneshift.data.versions import read_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from sceneshift.core.databases import Database
    from sceneshift.data.backups.origin import Origin
    from sceneshift.data.mysql.session import Session
    from sceneshift.data.mysql.tools import Tools
    from sceneshift.data.system import System
    from sceneshift.data.target import Target
    from sceneshift.data.versions import VersionTable

_FILE = "data.sql.zst"
_STATEMENTS = "data.statements.zst"
_FEW = 3
_OTHERS = """\
SELECT table_name FROM information_schema.tables
WHERE table_schema = {name} AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
    AND engine NOT IN ('InnoDB', 'ROCKSDB')
ORDER BY table_name
"""
_CODES = """\
SELECT 1 FROM information_schema.tables
WHERE table_schema = {name} AND table_name = {table}
"""
# What users may not, be it another one that is named, or that one there.
_DENIED = re.compile(r"ERROR (?:1044|1142|1143|1227|1370) ")


class MysqlMedium:
    """A database of MariaDB or MySQL; see `Medium`."""

    kind: Literal["mysql"] = "mysql"

    def __init__(self, target: Target) -> None:
        self._target = target
        self._place = Place(url=target.database.url, root=target.root)
        self._beside = Beside(target, self._place)

    def save(
        self, folder: Path, table: VersionTable, former: str | None = None
    ) -> Saved:
        """See `Medium.save`: rows are counted in what was written."""
        if former is None:
            with self._beside.asking() as session:  # what was cut off has no triggers
                resume(self._beside, session)
        name = self._place.name if former is None else self._find(Kind.FORMER, former)
        with open_session(self._place, name) as session, _holding(session, name):
            server = self._read_server()
            try:
                tools = _find_tools(server)
            except ComponentError:
                if not can_read(self._place):
                    raise
                return self._save_statements(
                    folder, name, table, server, is_live=former is None
                )
            url = parse_url(self._place.url, self._target.root)
            with mytools.dumping(tools, url, name, [VIEW, NOTE]) as text:
                packed = pack(text, folder / _FILE)
        content = read_dump(
            unpack(folder / _FILE, packed.raw_sha256), self._find_own(table), OWN
        )
        return Saved(file=_FILE, packed=packed, content=content, server=server)

    def _save_statements(
        self,
        folder: Path,
        name: str,
        table: VersionTable,
        server: str,
        *,
        is_live: bool,
    ) -> Saved:
        """Write it by ourselves, and read it again."""
        rows: dict[str, int] = {}
        own, path = self._find_own(table), folder / _STATEMENTS
        with reading(self._place, name) as reader:
            packed = pack(open_chunks(reader.dump(rows, is_live=is_live)), path)
            found = list(reader.read(own, ["version_num"])) if own in rows else None
        deque(unpack(path, packed.raw_sha256), maxlen=0)
        rows.pop(own or "", None)
        revisions = None if found is None else tuple(sorted(one for (one,) in found))
        content = Content(rows=rows, revisions=revisions)
        return Saved(file=path.name, packed=packed, content=content, server=server)

    def has_own_rows(self, former: str, snapshot: str | None) -> bool:
        """See `Medium.has_own_rows`: by comparing all of them."""
        name = self._find(Kind.FORMER, former)
        with open_session(self._place, name) as session:
            table = get_version_table(self._target)
            if not any(self._count(session, name, table).values()):
                return False
        if snapshot is None or not can_read(self._place):
            return True
        origin = self._find(Kind.SNAPSHOT, snapshot)
        return not have_same_rows(self._place, name, origin)

    def fill(self, system: System, origin: Origin) -> Database:
        """See `Medium.fill`."""
        manifest = origin.manifest
        assert manifest is not None  # no other file is one of these
        server = self._read_server()
        theirs, vendor = map(mytools.find_vendor, (manifest.server, server))
        if theirs != vendor:
            raise SceneshiftError(
                f"{quote(origin.name)} is of {theirs}, and this server is {vendor}'s",
                hint=f"restore it on a server of {theirs}",
            )
        if manifest.file == _STATEMENTS:
            return self._fill(
                system,
                lambda name: load_statements(self._place, name, origin.read()),
            )
        tools = _find_tools(server)
        try:
            return self._fill(
                system, lambda name: self._load(tools, name, origin.read())
            )
        except SceneshiftError as error:
            if not _DENIED.search(error.message):
                raise
        # Users may be others on another machine, and not everybody may name them.
        StreamConsole().note(
            "its views, triggers, routines and events become those of this user, who "
            "may not name another one"
        )
        return self._fill(
            system,
            lambda name: self._load(tools, name, drop_definers(origin.read())),
        )

    def _load(self, tools: Tools, name: str, chunks: Iterable[bytes]) -> None:
        """Have a dump run in a draft; its events run where that is in place."""
        url = parse_url(self._place.url, self._target.root)
        asleep: list[str] = []
        mytools.load(tools, url, name, put_events_to_sleep(chunks, asleep))
        if asleep:
            with self._beside.asking() as session:
                self._beside.note(session, name, Kind.DRAFT, asleep=asleep)

    def look(self, draft: Database, table: VersionTable) -> Content:
        """See `Medium.look`."""
        name = Place(url=draft.url, root=self._target.root).name
        with open_session(self._place, name) as session:
            rows = self._count(session, name, table)
        if self._find_own(table) is None:
            return Content(rows=rows, revisions=None)
        own = replace(table, schema=None)
        revisions = read_versions(draft, self._target.root, own)
        return Content(rows=rows, revisions=revisions)

    def _fill(self, system: System, load: Callable[[str], None]) -> Database:
        """Return a draft that something was loaded into, by its name."""
        draft = system.begin(None)
        try:
            name = Place(url=draft.url, root=self._target.root).name
            load(name)
            with self._beside.asking() as session:
                if session.ask(_CODES, name=name, table=CODE):  # a state had it so
                    self._beside.unfold(session, name)
        except BaseException:
            system.drop(draft)
            raise
        return draft

    def _read_server(self) -> str:
        """Return the server's version, without who has built it: `10.11.19-MariaDB`."""
        with self._beside.asking() as session:
            ((said,),) = session.ask("SELECT version()")
        return mytools.trim_version(str(said))

    def _find(self, kind: Kind, id: str) -> str:  # noqa: A002
        with self._beside.asking() as session:
            return self._beside.get(session, kind, id)

    def _find_own(self, table: VersionTable) -> str | None:
        """Return the table where Alembic keeps the revisions, if it is in there."""
        return table.name if table.schema in {None, self._place.name} else None

    def _count(
        self, session: Session, name: str, table: VersionTable
    ) -> dict[str, int]:
        """Return the number of rows by table, but for that one."""
        own = self._find_own(table) or ""
        return count_rows(session, name, but=own, is_exact=True)


def _find_tools(server: str) -> Tools:
    path = os.environ.get("PATH", os.defpath)
    return mytools.find_tools(mytools.find_vendor(server), path)


@contextlib.contextmanager
def _holding(session: Session, name: str) -> Iterator[None]:
    """Have nobody write to tables of which no moment can be read, and say so."""
    others = [str(table) for (table,) in session.ask(_OTHERS, name=name)]
    if not others:
        yield
        return
    StreamConsole().note(
        f"{name_few(list(map(quote, others)), _FEW)}: not of InnoDB, so who writes "
        "there waits for the backup"
    )
    locks = ", ".join(f"{quote_name(each)} READ" for each in others)
    session.run(f"LOCK TABLES {locks}")
    try:
        yield
    finally:
        with contextlib.suppress(SceneshiftError):
            session.run("UNLOCK TABLES")
