"""Data of a PostgreSQL database: an archive of pg_dump, of the server's version."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections import deque
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Literal

from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.backups.archive import open_chunks, pack, unpack
from sceneshift.data.backups.manifest import ROWS_FILE
from sceneshift.data.backups.medium import Content, Saved, get_version_table
from sceneshift.data.backups.pgrows import dump_rows, load_rows
from sceneshift.data.build import build, make_order
from sceneshift.data.engine import parse_url
from sceneshift.data.postgresql import aim as pgaim
from sceneshift.data.postgresql import content as pgcontent
from sceneshift.data.postgresql.address import find_address
from sceneshift.data.postgresql.names import Names
from sceneshift.data.postgresql.own import list_exclusions, list_others
from sceneshift.data.postgresql.server import quote_name, quote_text
from sceneshift.data.postgresql.session import Place, open_maintenance, open_session
from sceneshift.data.postgresql.tools import build_client_env, check_ended, find_tools

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import URL

    from sceneshift.core.databases import Database
    from sceneshift.data.backups.manifest import Manifest
    from sceneshift.data.backups.origin import Origin
    from sceneshift.data.postgresql.session import Session
    from sceneshift.data.postgresql.tools import Tools
    from sceneshift.data.system import System
    from sceneshift.data.target import Target
    from sceneshift.data.versions import VersionTable

FILE = "data.pgdump.zst"
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# What is put back receives nothing of what is published, nor publishes it again.
_DUMP = (
    *("--format=custom", "--compress=0", "--no-password", "--lock-wait-timeout=10s"),
    *("--no-publications", "--no-subscriptions"),
)
_RESTORE = ("--exit-on-error", "--no-password", "--no-publications")
# Roles may be others on another machine, and not everybody may set them.
_TRIES: Sequence[tuple[str, ...]] = (
    (),
    ("--no-owner",),
    ("--no-owner", "--no-acl"),
)
_REFUSED = "could not execute query"
_VERSION = """\
SELECT current_setting('server_version_num')::int, current_setting('server_version')
"""


class PostgresqlMedium:
    """A database of PostgreSQL; see `Medium`.

    Attributes:
        is_own: Whether what belongs to other users is left out.
    """

    kind: Literal["postgresql"] = "postgresql"
    is_own = False

    def __init__(self, target: Target) -> None:
        url = pgaim.complete(target.database.url, target.project.environment.values)
        self._target = target
        self._place = Place(url=url, root=target.root)

    def save(
        self, folder: Path, table: VersionTable, former: str | None = None
    ) -> Saved:
        """See `Medium.save`: rows are counted in what pg_dump sees."""
        name = self._place.name if former is None else self._open(former)
        url = parse_url(self._place.url, self._target.root).set(database=name)
        with open_session(self._place, name) as session:
            session.run(_BEGIN)
            ((snapshot,),) = session.ask("SELECT pg_export_snapshot()")
            ((number, server),) = session.ask(_VERSION)
            server = server.partition(" ")[0]  # without who has made it
            content = look_at(session, table, is_own=self.is_own)
            options = list_exclusions(list_others(session)) if self.is_own else []
            try:
                tools = _find_tools(number // 10_000, url)
            except ComponentError as error:
                rows = self._take_rows(name, snapshot, content, error)
                return _save_rows(rows, folder, content, server)
            words = [*tools.dump, *_DUMP, f"--snapshot={snapshot}", *options]
            with (
                tempfile.TemporaryFile() as said,
                _running(words, url, said, stdout=subprocess.PIPE) as process,
            ):
                assert process.stdout is not None
                packed = pack(process.stdout, folder / FILE)
                check_ended("pg_dump", process.wait(), said)
        # All of it: the list of contents alone is in its beginning.
        _feed(
            [*tools.restore, "--file=-"], url, unpack(folder / FILE, packed.raw_sha256)
        )
        return Saved(file=FILE, packed=packed, content=content, server=server)

    def _take_rows(
        self, name: str, snapshot: str, content: Content, error: ComponentError
    ) -> Iterator[bytes]:
        """Return the rows of a database whose tables its migrations can make again."""
        address = _find_address(self._place)
        if address is None or self._target.migrated is None or not content.revisions:
            raise error
        return dump_rows(address, name, snapshot)

    def has_own_rows(self, former: str, snapshot: str | None) -> bool:
        """See `Medium.has_own_rows`: by which transaction has written them."""
        name = self._open(former)
        with open_session(self._place, name) as session:
            table = get_version_table(self._target)
            if not any(pgcontent.count_rows(session, but=table.name).values()):
                return False
            return snapshot is None or pgcontent.has_later_rows(session)

    def _open(self, former: str) -> str:
        """Let a former state be read; return its name."""
        name = Names(self._place.name).former(former)
        with open_maintenance(self._place) as session:
            session.run(f"ALTER DATABASE {quote_name(name)} ALLOW_CONNECTIONS true")
        return name

    def fill(self, system: System, origin: Origin) -> Database:
        """See `Medium.fill`."""
        if origin.manifest is not None and origin.manifest.has_rows_alone:
            return self.fill_rows(system, origin, origin.manifest)
        url = parse_url(self._place.url, self._target.root)
        with open_maintenance(self._place) as session:
            ((number, _),) = session.ask(_VERSION)
        major = number // 10_000
        check_version(origin, major)
        tools = _find_tools(major, url)
        for options in _TRIES:
            draft = system.begin(None)
            name = Place(url=draft.url, root=self._target.root).name
            words = [*tools.restore, *_RESTORE, f"--dbname={name}", *options]
            try:
                _feed(words, url, origin.read())
            except BaseException as error:
                system.drop(draft)
                if options == _TRIES[-1] or not _is_refused(error):
                    raise
            else:
                return draft
        raise AssertionError

    def fill_rows(self, system: System, origin: Origin, manifest: Manifest) -> Database:
        """Return a draft with the tables of the code, and the rows of a backup."""
        order = make_order(self._target, system)
        heads = order.history.heads if order.history else ()
        address = _find_address(self._place)
        if tuple(sorted(heads)) != manifest.revisions or address is None:
            raise SceneshiftError(
                f"{quote(origin.name)} has the rows of {_name(manifest.revisions)} "
                f"alone, and the code makes the tables of {_name(heads)}",
                hint="go to the commit whose migrations end there: git log",
            )
        snapshot = order.find()
        if snapshot is None or not system.has_snapshot(snapshot.id):
            snapshot = build(order, system)
        draft = system.begin(snapshot.id)
        try:
            place = Place(url=draft.url, root=self._target.root)
            name, address = place.name, _find_address(place)
            assert address is not None
            load_rows(address, name, origin.read())
        except BaseException:
            system.drop(draft)
            raise
        return draft

    def look(self, draft: Database, table: VersionTable) -> Content:
        """See `Medium.look`."""
        with open_session(Place(url=draft.url, root=self._target.root)) as session:
            return look_at(session, table)


def _name(revisions: Sequence[str] | None) -> str:
    return ", ".join(map(quote, revisions or ())) or "no revision"


def _save_rows(
    rows: Iterable[bytes], folder: Path, content: Content, server: str
) -> Saved:
    """Write rows into a file, and read it again."""
    packed = pack(open_chunks(rows), folder / ROWS_FILE)
    deque(unpack(folder / ROWS_FILE, packed.raw_sha256), maxlen=0)
    return Saved(
        file=ROWS_FILE,
        packed=packed,
        content=content,
        server=server,
    )


def _find_address(place: Place) -> str | None:
    """Return the address as the driver takes it that has COPY; None without that."""
    return None if find_spec("psycopg") is None else find_address(place.url)


def _find_tools(major: int, url: URL) -> Tools:
    return find_tools(major, os.environ.get("PATH", os.defpath), url)


def look_at(session: Session, table: VersionTable, *, is_own: bool = False) -> Content:
    """Return what is in a database, all in what one session sees.

    Args:
        session: A connection to the database.
        table: Where Alembic keeps the revisions.
        is_own: Whether tables of other users are left out.

    Raises:
        StatementError: It cannot be read.
    """
    rows = pgcontent.count_rows(session, but=table.name, is_exact=True, is_own=is_own)
    names = [quote_name(each) for each in (table.schema, table.name) if each]
    place = ".".join(names)
    if session.ask(f"SELECT to_regclass({quote_text(place)})") == [(None,)]:
        return Content(rows=rows, revisions=None)
    found = session.ask(f"SELECT version_num FROM {place}")  # noqa: S608
    return Content(rows=rows, revisions=tuple(sorted(str(one) for (one,) in found)))


def _is_refused(error: BaseException) -> bool:
    """Tell whether it was the server that would not have a statement."""
    return isinstance(error, SceneshiftError) and _REFUSED in error.message


def check_version(origin: Origin, major: int) -> None:
    """Make sure that a server can take what is in a backup.

    Raises:
        SceneshiftError: It is of a newer one.
    """
    manifest = origin.manifest
    theirs = int(manifest.server.partition(".")[0]) if manifest else 0
    if theirs > major:
        raise SceneshiftError(
            f"{quote(origin.name)} is of PostgreSQL {theirs}, and this server is "
            f"{major}",
            hint=f"restore it on a server of version {theirs} or later",
        )


@contextlib.contextmanager
def _running(
    words: Sequence[str],
    url: URL,
    said: IO[bytes],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of PostgreSQL's; it is gone when this is left."""
    process = subprocess.Popen(
        words, env=build_client_env(url), stdin=stdin, stdout=stdout, stderr=said
    )
    with process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def _feed(words: Sequence[str], url: URL, chunks: Iterable[bytes]) -> None:
    """Run a program with data as its input, to its end.

    Raises:
        SceneshiftError: The data is damaged, or the program failed.
    """
    with (
        tempfile.TemporaryFile() as said,
        _running(words, url, said, stdin=subprocess.PIPE) as process,
    ):
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it says itself why it has ended
            for chunk in chunks:
                process.stdin.write(chunk)
            process.stdin.close()
        check_ended("pg_restore", process.wait(), said)
