"""The databases beside a PostgreSQL database, and its sessions.

A snapshot and a former state let nobody in: they are put in place by their names.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

from sceneshift.core.console import StreamConsole
from sceneshift.data.locking import holding_server_lock
from sceneshift.data.parting import PARTED
from sceneshift.data.postgresql import content as pgcontent
from sceneshift.data.postgresql.chores import Spare, start_chores, try_to_drop
from sceneshift.data.postgresql.exchange import exchange, wait_until_left
from sceneshift.data.postgresql.names import Kind, Names, Note, read_note, write_note
from sceneshift.data.postgresql.server import StatementError, quote_name, quote_text
from sceneshift.data.postgresql.session import (
    Place,
    Session,
    open_maintenance,
    open_session,
)
from sceneshift.data.postgresql.settings import describe_creation, find_database
from sceneshift.data.sharing import Shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sceneshift.data.marker import Marker
    from sceneshift.data.target import Target

_INVALID = -2  # an interrupted DROP leaves it so, and it can only be dropped
_BESIDE = """\
SELECT datname, datconnlimit, shobj_description(oid, 'pg_database')
FROM pg_database WHERE starts_with(datname, {start}) ORDER BY datname
"""


class Beside:
    """What is beside a database.

    Attributes:
        place: The database.
        names: What those beside it are called.
    """

    def __init__(self, target: Target, place: Place) -> None:
        self.place = place
        self.names = Names(place.name)
        self._target = target
        self._shared = Shared(partial(open_maintenance, place))
        self._has_doomed = False
        self._spare: Spare | None = None

    # -- who is at work

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """See `System.hold`: by a lock of the server."""
        # The session that changes things holds it: what a killed program has begun is
        # over before the next one begins.
        with (
            open_maintenance(self.place) as session,
            holding_server_lock(session, self.place.name),
        ):
            try:
                with self._shared.keeping(session):
                    yield
            finally:
                self._leave()

    def look(self) -> AbstractContextManager[None]:
        """See `System.look`."""
        return self._shared.look()

    def asking(self) -> AbstractContextManager[Session]:
        """Return what yields the session that is open, or another one."""
        return self._shared.asking()

    def _leave(self) -> None:
        """Have done what nobody has to wait for."""
        spare = self._spare
        if spare is not None or self._has_doomed:
            start_chores(self.place, spare)
        self._spare, self._has_doomed = None, False

    # -- what is there

    def find_all(self, session: Session) -> dict[str, str | None]:
        """Return the databases beside this one that are whole, with their comments."""
        rows = session.ask(_BESIDE, start=self.names.start)
        return {name: said for name, limit, said in rows if limit != _INVALID}

    def note(
        self,
        name: str,
        kind: Kind,
        *,
        marker: Marker | None = None,
        comment: str | None = None,
        extensions: Mapping[str, str] | None = None,
    ) -> str:
        """Return the statement that writes on a database what it is."""
        text = self._write(kind, marker=marker, comment=comment, extensions=extensions)
        return f"COMMENT ON DATABASE {quote_name(name)} IS {quote_text(text)}"

    def _write(
        self,
        kind: Kind,
        *,
        marker: Marker | None = None,
        comment: str | None = None,
        snapshot: str | None = None,
        extensions: Mapping[str, str] | None = None,
    ) -> str:
        return write_note(
            kind,
            of=self.place.name,
            project=self._target.owner,
            root=self._target.root,
            marker=marker,
            comment=comment,
            snapshot=snapshot,
            extensions=extensions,
        )

    # -- making

    def clone(self, session: Session, origin: str, name: str) -> None:
        """Make a copy of a snapshot."""
        session.run(f"CREATE DATABASE {quote_name(name)} TEMPLATE {quote_name(origin)}")

    def settle(self, session: Session, name: str, settings: list[str]) -> None:
        """Set what a copy does not have by itself; tell what the server refuses."""
        statements = [each.format(quote_name(name)) for each in settings]
        if not statements:
            return
        try:
            session.run(*statements)
        except StatementError:
            self._set_each(session, settings, name)

    def _set_each(self, session: Session, settings: list[str], name: str) -> None:
        for each in settings:
            try:
                session.run(each.format(quote_name(name)))
            except StatementError as error:
                what = each.format(quote_name(self.place.name))
                StreamConsole().note(f"not kept: {what}: {error.message}")

    def mark(self, session: Session, name: str, marker: Marker) -> None:
        """Have a database say whose it is."""
        with open_session(self.place, name) as inside:
            pgcontent.write_marker(inside, marker)
        wait_until_left(session, name)

    def make_empty(self, session: Session) -> Mapping[str, Any]:
        """Make the database, so that there is a state before the change."""
        found = find_database(session.ask, "template0")
        assert found is not None
        session.run(describe_creation(found, self.place.name))
        made = find_database(session.ask, self.place.name)
        assert made is not None
        return made

    def exchange(
        self,
        session: Session,
        coming: str,
        kept: str,
        *,
        present: Marker | None,
        comment: str | None,
    ) -> None:
        """Put a database in place, and keep what is there.

        Args:
            session: In neither.
            coming: The database that is put in place.
            kept: What the one that is there is kept under.
            present: What that one says of itself.
            comment: What is to be written on the one that comes.
        """
        live, former = self.place.name, self.names.former(kept)
        said = "NULL" if comment is None else quote_text(comment)
        kind = Kind.LATER if "-" in kept else Kind.FORMER
        found = find_database(session.ask, live)
        assert found is not None
        note = self.note(former, kind, marker=present, comment=found["comment"])
        exchange(
            session,
            self.place,
            [
                f"ALTER DATABASE {quote_name(live)} RENAME TO {quote_name(former)}",
                note,
                f"ALTER DATABASE {quote_name(former)} ALLOW_CONNECTIONS false",
                f"ALTER DATABASE {quote_name(coming)} RENAME TO {quote_name(live)}",
                f"ALTER DATABASE {quote_name(live)} ALLOW_CONNECTIONS true",
                f"COMMENT ON DATABASE {quote_name(live)} IS {said}",
            ],
            names=[live, coming],
        )

    # -- letting go

    def sweep(self) -> None:
        """See `System.sweep`: whoever calls it holds the lock, so nobody is at work."""
        with self.asking() as session:
            for name, limit, comment in session.ask(_BESIDE, start=self.names.start):
                parsed = self.names.parse(name)
                if parsed is None:
                    continue
                if parsed[0] is Kind.DOOMED:
                    self._has_doomed = True
                elif limit == _INVALID or parsed[0] in {Kind.DRAFT, Kind.NEXT}:
                    self._drop(session, name)
                elif self._is_lost(*parsed, read_note(comment)):
                    self.forget(name)

    def _drop(self, session: Session, name: str) -> None:
        """Drop what nobody uses; what the server keeps is in nobody's way."""
        reason = try_to_drop(session, name)
        if reason is not None:
            StreamConsole().note(f"not dropped: {name}: {reason}")

    def forget(self, name: str) -> None:
        """Give up a database: it is dropped when nobody waits for it."""
        with self.asking() as session:
            if name in self.find_all(session):
                exchange(session, self.place, self.doom(name), names=[name])

    def doom(self, name: str) -> list[str]:
        """Return the statements that give a database up."""
        doomed = self.names.draw(Kind.DOOMED)
        self._has_doomed = True
        return [
            f"ALTER DATABASE {quote_name(name)} RENAME TO {quote_name(doomed)}",
            self.note(doomed, Kind.DOOMED),
        ]

    def is_own(self, snapshot: str, note: Note | None) -> bool:
        """Tell whether no other checkout, and no other address, has a snapshot."""
        if note is None or not note.is_from(self._target.root):
            return False
        folders = {
            each.parent.parent for each in self._list_written("snapshots", snapshot)
        }
        return not folders or self._target.folder in folders

    def _is_lost(self, kind: Kind, id: str, note: Note | None) -> bool:  # noqa: A002
        """Tell whether nothing is written down of what this checkout has kept.

        As after `.sceneshift` was removed; the address may have been written in
        another way. And of a spare, whether its copying was cut off.
        """
        if kind is Kind.SPARE:
            return note is None
        if note is None or not note.is_from(self._target.root):
            return False
        folders = ("snapshots",) if kind is Kind.SNAPSHOT else ("undo", PARTED)
        return not any(any(self._list_written(each, id)) for each in folders)

    def _list_written(self, folder: str, name: str) -> Iterator[Path]:
        return self._target.folder.parent.glob(f"*/{folder}/{name}.json")

    def find_spare(self, session: Session, snapshot: str) -> str | None:
        """Return the copy that was made ahead, if it is one of the snapshot."""
        found = None
        for name, comment in self.find_all(session).items():
            parsed, note = self.names.parse(name), read_note(comment)
            if parsed is not None and parsed[0] is Kind.SPARE and note is not None:
                if note.snapshot == snapshot and found is None:
                    found = name
                else:
                    self.forget(name)
        return found

    def order_spare(self, snapshot: str, *, is_rough: bool) -> None:
        """Have another copy made ahead, when all is done.

        Args:
            snapshot: Of what.
            is_rough: See `Spare.is_rough`.
        """
        self._spare = Spare(
            origin=self.names.snapshot(snapshot),
            name=self.names.draw(Kind.SPARE),
            note=self._write(Kind.SPARE, snapshot=snapshot),
            is_rough=is_rough,
        )
