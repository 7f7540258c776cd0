"""The databases beside one of MariaDB or MySQL: drafts, snapshots and former states."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import write_whole
from sceneshift.core.wording import quote
from sceneshift.data.mysql.again import ask_again
from sceneshift.data.mysql.code import (
    load_code,
    make_code,
    put_all_to_sleep,
    read_code,
    remove_code,
    store_code,
)
from sceneshift.data.mysql.content import is_empty
from sceneshift.data.mysql.copying import copy_tables, list_tables
from sceneshift.data.mysql.journal import read_pending
from sceneshift.data.mysql.lock import holding_lock
from sceneshift.data.mysql.names import (
    CODE,
    NOTE,
    Kind,
    Names,
    Note,
    read_note,
    write_note,
)
from sceneshift.data.mysql.references import check_references
from sceneshift.data.mysql.session import (
    Place,
    Session,
    StatementError,
    open_session,
    quote_name,
    quote_text,
)
from sceneshift.data.parting import PARTED
from sceneshift.data.sharing import Shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sceneshift.data.mysql.code import Code
    from sceneshift.data.target import Target

_DENIED = frozenset({1044, 1142, 1227})
_NAMES = """\
SELECT s.schema_name, t.table_name
FROM information_schema.schemata s LEFT JOIN information_schema.tables t
    ON t.table_schema = s.schema_name AND t.table_name = {note}
WHERE s.schema_name LIKE {start} ORDER BY s.schema_name
"""
_LANGUAGE = """\
SELECT default_character_set_name, default_collation_name
FROM information_schema.schemata WHERE schema_name = {name}
"""
_SIZE = """\
SELECT sum(data_length + index_length) FROM information_schema.tables
WHERE table_schema = {name}
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
        self._shared = Shared(partial(open_session, place, ""))

    # -- who is at work

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """See `System.hold`: by a lock of the server."""
        # The session that asks holds it: it goes with this program.
        with (
            open_session(self.place, "") as session,
            holding_lock(session, self.place.name),
            self._shared.keeping(session),
        ):
            yield

    def look(self) -> AbstractContextManager[None]:
        """See `System.look`."""
        return self._shared.look()

    def asking(self) -> AbstractContextManager[Session]:
        """Return what yields the session that is open, or another one."""
        return self._shared.asking()

    # -- what is there

    def exists(self, session: Session) -> bool:
        """Tell whether the database itself is there."""
        return bool(session.ask(_LANGUAGE, name=self.place.name))

    def find_language(self, session: Session, name: str) -> tuple[str, str] | None:
        """Return the character set and the collation of what is made in a database."""
        rows = session.ask(_LANGUAGE, name=name)
        return (str(rows[0][0]), str(rows[0][1])) if rows else None

    def list_all(self, session: Session) -> dict[str, Note | None]:
        """Return the databases beside this one, each with what is noted in it.

        None stands for what nothing is noted in, and for what cannot be read, as by an
        earlier version. Where an exchange was cut off after its one moment, what it
        would note counts.
        """
        return ask_again(lambda: self._read_notes(session))

    def _read_notes(self, session: Session) -> dict[str, Note | None]:
        pending = read_pending(self, session)
        found = self._list_names(session)
        noted = [name for name, has_note in found.items() if has_note]
        notes: dict[str, Note | None] = dict.fromkeys(found)
        if noted:
            query = " UNION ALL ".join(
                f"SELECT {quote_text(name)}, note FROM {quote_name(name)}.{NOTE}"  # noqa: S608
                for name in noted
            )
            notes |= {
                str(name): read_note(str(text)) for name, text in session.ask(query)
            }
        if pending is not None and pending[1]:
            journal, _ = pending
            kept, coming = notes.get(journal.kept), notes.get(journal.coming)
            if kept is not None:
                notes[journal.kept] = replace(kept, kind=Kind.FORMER, id=journal.id)
            if coming is not None:
                notes[journal.coming] = replace(coming, kind=Kind.DOOMED, id="")
        return notes

    def _list_names(self, session: Session) -> dict[str, bool]:
        """Return the databases beside this one, each with whether it has a note."""
        start = self.names.start.replace("_", "\\_") + "%"
        rows = session.ask(_NAMES, start=start, note=NOTE)
        return {
            str(name): view is not None
            for name, view in rows
            if self.names.has(str(name))
        }

    def find(self, session: Session, kind: Kind, id: str) -> str | None:  # noqa: A002
        """Return the database that is a snapshot or a former state."""
        for name, note in self.list_all(session).items():
            if note is not None and (note.kind, note.id) == (kind, id):
                return name
        return None

    def get(self, session: Session, kind: Kind, id: str) -> str:  # noqa: A002
        """Return the same, which has to be there.

        Raises:
            SceneshiftError: It is not.
        """
        found = self.find(session, kind, id)
        if found is None:
            raise SceneshiftError(
                f"the {kind} {quote(id)} is no more there",
                hint="see what there is: inv data.status",
            )
        return found

    def find_size(self, session: Session, name: str) -> int:
        """Return how large a database is, in bytes."""
        return int(session.ask(_SIZE, name=name)[0][0] or 0)

    # -- making

    def note(
        self,
        session: Session,
        name: str,
        kind: Kind,
        id: str = "",  # noqa: A002
        *,
        asleep: Sequence[str] = (),
    ) -> None:
        """Note in a database what it is, in one step."""
        text = write_note(
            kind,
            id=id,
            of=self.place.name,
            project=self._target.owner,
            root=self._target.root,
            asleep=asleep,
        )
        session.run(
            "CREATE OR REPLACE SQL SECURITY INVOKER VIEW "
            f"{quote_name(name)}.{NOTE} AS SELECT {quote_text(text)} AS note"
        )

    def make(self, session: Session) -> str:
        """Make a draft with nothing in it, and return its name.

        Raises:
            SceneshiftError: This user may not, for one; nothing is left.
        """
        name = self.names.draw()
        try:
            session.run(self._describe_creation(session, name))
        except StatementError as error:
            if error.code not in _DENIED:
                raise
            raise SceneshiftError(
                f"no state of {quote(self.place.name)} can be kept, for that takes "
                f"databases beside it: {error.message}",
                hint="let its user have them: GRANT ALL ON "
                f"`{self.names.start.replace('_', chr(92) + '_')}%`.* TO …",
            ) from error
        self.note(session, name, Kind.DRAFT)
        return name

    def make_live(self, session: Session) -> None:
        """Make the database itself, where it is not there."""
        if not self.exists(session):
            session.run(f"CREATE DATABASE {quote_name(self.place.name)}")

    def _describe_creation(self, session: Session, name: str) -> str:
        found = self.find_language(session, self.place.name)
        words = f"CREATE DATABASE {quote_name(name)}"
        if found is not None:
            words += f" CHARACTER SET {found[0]} COLLATE {found[1]}"
        return words

    def copy_state(self, session: Session, origin: str, name: str) -> None:
        """Copy a state that is not in place, with its code as text."""
        copy_tables(self.place, origin, name)
        store_code(session, name, load_code(session, origin))

    def copy_live(self, session: Session, name: str) -> list[Code]:
        """Copy the database itself, others waiting meanwhile; return its code."""
        check_references(session, self.place.name)
        copy_tables(self.place, self.place.name, name, is_in_use=True)
        codes = read_code(self.place, self.place.name)
        store_code(session, name, codes)
        return codes

    def unfold(self, session: Session, name: str) -> None:
        """Make the code of a draft that it has as text; its events do not run."""
        codes, asleep = put_all_to_sleep(load_code(session, name))
        if asleep:
            self.note(session, name, Kind.DRAFT, asleep=asleep)
        problems = make_code(self.place, name, codes)
        session.run(f"DROP TABLE {quote_name(name)}.{CODE}")
        if problems:
            raise SceneshiftError(
                f"a copy is not whole: {problems[0]}",
                hint="let the user make what the database has, or mend that",
            )

    def fold(self, session: Session, name: str) -> None:
        """Have the code of a draft as text alone."""
        codes = read_code(self.place, name)
        store_code(session, name, codes)
        remove_code(session, name, codes)

    # -- letting go

    def drop(self, session: Session, name: str) -> None:
        """Drop a database of ours; wherever that is cut off, it is known as doomed.

        Raises:
            SceneshiftError: The server refused it, or an exchange needs it yet.
        """
        if name in self._list_needed(session):
            raise SceneshiftError(
                f"an exchange of {quote(self.place.name)} that was cut off needs "
                f"{quote(name)} yet",
                hint="have it go on: inv data.undo --dry-run",
            )
        self.note(session, name, Kind.DOOMED)
        tables = list_tables(session, name)
        if tables:
            names = ", ".join(
                f"{quote_name(name)}.{quote_name(each.name)}" for each in tables
            )
            session.run("SET foreign_key_checks = 0")
            session.run(f"DROP TABLE IF EXISTS {names}", "SET foreign_key_checks = 1")
        session.run(f"DROP DATABASE IF EXISTS {quote_name(name)}")

    def forget(self, kind: Kind, id: str) -> None:  # noqa: A002
        """Remove a snapshot or a former state."""
        with self.asking() as session:
            found = self.find(session, kind, id)
            if found is not None:
                self.drop(session, found)

    def sweep(self, session: Session) -> None:
        """Remove what nobody is at work on; the lock is held.

        What has no note, and is not empty, is none of ours.
        """
        needed = self._list_needed(session)
        for name, has_note in self._list_names(session).items():
            if name not in needed and not has_note and is_empty(session, name):
                session.run(f"DROP DATABASE {quote_name(name)}")
        for name, note in self.list_all(session).items():
            if note is None or name in needed:
                continue
            if note.kind in {Kind.DRAFT, Kind.DOOMED} or self._is_lost(note):
                self.drop(session, name)

    def _list_needed(self, session: Session) -> set[str]:
        """Return the databases without which what was cut off cannot go on."""
        pending = read_pending(self, session)
        return set() if pending is None else {pending[0].kept, pending[0].coming}

    def write_down(self, name: str, text: str) -> str:
        """Write what no database has any more into a file; return where that is.

        Raises:
            SceneshiftError: It cannot be written.
        """
        path = self._target.make_folder("code") / name
        try:
            written = path.read_text(encoding="utf-8") if path.exists() else ""
            if text not in written:
                write_whole(path, written + text)
        except OSError as error:
            raise SceneshiftError(
                f"it cannot be written down what is lost: {error}",
                hint=f"is there room, and is it yours? df -h {path.parent}",
            ) from error
        return str(path.relative_to(self._target.root))

    def is_own(self, note: Note | None) -> bool:
        """Tell whether no other checkout, and no other address, has a snapshot."""
        if note is None or not note.is_from(self._target.root):
            return False
        folders = {
            each.parent.parent for each in self._list_written("snapshots", note.id)
        }
        return not folders or self._target.folder in folders

    def _is_lost(self, note: Note) -> bool:
        """Tell whether nothing is written down of what this checkout has kept."""
        if not note.is_from(self._target.root):
            return False
        folders = ("snapshots",) if note.kind is Kind.SNAPSHOT else ("undo", PARTED)
        id = note.id.removesuffix("-later")  # noqa: A001 - that is what it is
        return not any(any(self._list_written(each, id)) for each in folders)

    def _list_written(self, folder: str, name: str) -> Iterator[Path]:
        return self._target.folder.parent.glob(f"*/{folder}/{name}.json")
