"""States of a database of MariaDB or MySQL: drafts, snapshots and what was before.

Each is a database beside it on the server, see `mybeside`. They are put in place by
moving tables, see `exchange`.
"""

from __future__ import annotations

import contextlib
import re
from functools import cached_property
from typing import TYPE_CHECKING

from sceneshift.core.databases import Database
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.mysql import content as mycontent
from sceneshift.data.mysql.again import ask_again
from sceneshift.data.mysql.aim import aim
from sceneshift.data.mysql.beside import Beside
from sceneshift.data.mysql.copying import check_engines
from sceneshift.data.mysql.exchange import exchange, read_present, resume
from sceneshift.data.mysql.inplace import change_in_place
from sceneshift.data.mysql.names import LONGEST, Kind
from sceneshift.data.mysql.references import check_references
from sceneshift.data.mysql.session import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sceneshift.data.marker import Marker
    from sceneshift.data.mysql.session import Session
    from sceneshift.data.sqlite.pausing import Paused
    from sceneshift.data.system import AimedT
    from sceneshift.data.target import Target

_OWN = frozenset({"information_schema", "mysql", "performance_schema", "sys"})
_OLDEST = {"mariadb": (10, 6), "mysql": (8, 0)}
_SYSTEM = """\
SELECT version(), @@global.sql_mode, @@default_storage_engine, current_user(),
    @@lower_case_table_names, @@character_set_server, @@collation_server
"""
_NEXTVAL = """\
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = {name} AND column_default LIKE 'nextval(%'
"""


class MysqlSystem:
    """A database of MariaDB or MySQL, and those beside it; see `System`."""

    paused: Sequence[Paused] = ()  # nobody has to be: who is connected waits

    def __init__(self, target: Target) -> None:
        place = Place(url=target.database.url, root=target.root)
        _check_name(place.name, target.database)
        self._target = target
        self._place = place
        self._beside = Beside(target, place)

    # -- what is there

    @cached_property
    def description(self) -> str:
        """See `System.description`: what decides on what statements mean.

        Besides, whose views and triggers are.
        """
        with self._beside.asking() as session:
            _check_version(session)
            ((version, *rest),) = session.ask(_SYSTEM)
            language = self._beside.find_language(session, self._place.name)
        name, number = _read_version(str(version))
        words = [name, ".".join(map(str, number)), *map(str, rest[:4])]
        return " ".join([*words, *(language or map(str, rest[4:]))])

    def read_marker(self) -> Marker | None:
        """See `System.read_marker`."""
        with self._beside.asking() as session:
            return ask_again(lambda: read_present(self._beside, session))

    def mark(self, marker: Marker) -> None:
        """See `System.mark`."""
        with self._beside.asking() as session:
            resume(self._beside, session)
            mycontent.write_marker(session, self._place.name, marker)

    def read_schema(self, draft: Database | None) -> Mapping[str, str] | None:
        """See `System.read_schema`."""
        name = self._place.name if draft is None else self._get(draft)
        with self._beside.asking() as session:
            if draft is None and not self._beside.exists(session):
                return {}
        return mycontent.read_schema(self._place, name)

    def count_rows(self, draft: Database | None = None) -> Mapping[str, int]:
        """See `System.count_rows`."""
        name = self._place.name if draft is None else self._get(draft)
        with self._beside.asking() as session:
            return mycontent.count_rows(session, name, but=self._target.version_table)

    # -- drafts

    def begin(self, snapshot: str | None) -> Database:
        """See `System.begin`."""
        with self._beside.asking() as session:
            _check_version(session)
            draft = self._beside.make(session)
            if snapshot is not None:
                origin = self._beside.get(session, Kind.SNAPSHOT, snapshot)
                self._fill(session, draft, origin)
            return self._name(draft)

    def copy(self) -> Database:
        """See `System.copy`."""
        with self._beside.asking() as session:
            draft = self._beside.make(session)
            if self._beside.exists(session):
                self._fill(session, draft, None)
            return self._name(draft)

    def _fill(self, session: Session, draft: str, origin: str | None) -> None:
        """Have a draft be a copy of a state, or of the database."""
        try:
            if origin is None:
                self._beside.copy_live(session, draft)
            else:
                self._beside.copy_state(session, origin, draft)
            self._beside.unfold(session, draft)
        except BaseException:
            with contextlib.suppress(SceneshiftError):
                self._beside.drop(session, draft)
            raise

    def aim(self, program: AimedT, draft: Database) -> AimedT:
        """See `System.aim`."""
        with self._beside.asking() as session:
            ((how,),) = session.ask("SELECT @@lower_case_table_names")
        return aim(program, draft, self._target.root, is_cased=how == 0)

    def empty(self, draft: Database) -> None:
        """See `System.empty`."""
        with self._beside.asking() as session:
            name = self._get(draft)
            mycontent.remove_rows(session, name, but=self._target.version_table)

    def keep(
        self,
        draft: Database,
        snapshot: str,
        *,
        is_strict: bool = True,  # noqa: ARG002 - the server is
    ) -> None:
        """See `System.keep`: the draft becomes it."""
        name = self._get(draft)
        with self._beside.asking() as session:
            for table, column in session.ask(_NEXTVAL, name=name):
                raise SceneshiftError(
                    f"no state is kept of {quote(f'{table}.{column}')}, whose default "
                    "is a sequence's: the server names its database in it",
                    hint="use AUTO_INCREMENT there",
                )
            check_engines(session, name)
            check_references(session, name)
            former = self._beside.find(session, Kind.SNAPSHOT, snapshot)
            self._beside.fold(session, name)
            self._beside.note(session, name, Kind.SNAPSHOT, snapshot)
            if former is not None:
                self._beside.drop(session, former)

    def drop(self, draft: Database) -> None:
        """See `System.drop`; it may be a snapshot now."""
        name = self._get(draft)
        with contextlib.suppress(SceneshiftError), self._beside.asking() as session:
            note = self._beside.list_all(session).get(name)
            if note is not None and note.kind is Kind.DRAFT:
                self._beside.drop(session, name)

    # -- in place

    def place(self, snapshot: str, marker: Marker, former: str) -> None:
        """See `System.place`."""
        with self._beside.asking() as session:
            _check_version(session)
            check_references(session, self._place.name)
            origin = self._beside.get(session, Kind.SNAPSHOT, snapshot)
            self._beside.make_live(session)
            coming = self._beside.make(session)
            try:
                self._beside.copy_state(session, origin, coming)
                exchange(self._beside, session, coming, marker=marker, kept=former)
            except BaseException:
                with contextlib.suppress(SceneshiftError):
                    self.sweep()
                raise

    def put_back(self, former: str, marker: Marker, present: str) -> None:
        """See `System.put_back`: its tables themselves are put in place."""
        with self._beside.asking() as session:
            check_references(session, self._place.name)
            coming = self._beside.get(session, Kind.FORMER, former)
            self._beside.make_live(session)
            exchange(self._beside, session, coming, marker=marker, kept=present)

    def change(
        self,
        change: Callable[[Database], None],
        marker: Marker | None,
        former: str | None,
    ) -> None:
        """See `System.change`: it is changed where it is."""
        if marker is None or former is None:
            change(self._target.database)
        else:
            change_in_place(self._target, self._beside, change, marker, former)

    # -- what is kept

    def has_former(self, former: str) -> bool:
        """See `System.has_former`."""
        with self._beside.asking() as session:
            return self._beside.find(session, Kind.FORMER, former) is not None

    def forget_former(self, former: str) -> None:
        """See `System.forget_former`."""
        with self._beside.asking() as session:
            resume(self._beside, session)
        self._beside.forget(Kind.FORMER, former)

    def has_snapshot(self, snapshot: str) -> bool:
        """See `System.has_snapshot`."""
        with self._beside.asking() as session:
            return self._beside.find(session, Kind.SNAPSHOT, snapshot) is not None

    def forget_snapshot(self, snapshot: str) -> None:
        """See `System.forget_snapshot`."""
        self._beside.forget(Kind.SNAPSHOT, snapshot)

    def list_snapshots(self) -> Mapping[str, int]:
        """See `System.list_snapshots`."""
        with self._beside.asking() as session:
            return {
                note.id: self._beside.find_size(session, name)
                for name, note in self._beside.list_all(session).items()
                if note is not None
                and note.kind is Kind.SNAPSHOT
                and self._beside.is_own(note)
            }

    def sweep(self) -> None:
        """See `System.sweep`: what was cut off is done to the end, or taken back."""
        with self._beside.asking() as session:
            resume(self._beside, session)
            self._beside.sweep(session)

    def hold(self) -> AbstractContextManager[None]:
        """See `System.hold`: by a lock of the server."""
        return self._beside.hold()

    def look(self) -> AbstractContextManager[None]:
        """See `System.look`."""
        return self._beside.look()

    # -- where that is

    def _name(self, draft: str) -> Database:
        return Database(name=self._target.database.name, url=self._place.rename(draft))

    def _get(self, draft: Database) -> str:
        return Place(url=draft.url, root=self._target.root).name


def _check_name(name: str, database: Database) -> None:
    if not name or name.lower() in _OWN or len(name) > LONGEST:
        raise SceneshiftError(
            f"no states are kept of {quote(name)}: it is no database of a project's",
            hint=f"let {database.variable} name one: inv env.show",
        )


def _check_version(session: Session) -> None:
    """Make sure that a server moves many tables in one step, even if it is killed."""
    version = str(session.ask("SELECT version()")[0][0])
    name, number = _read_version(version)
    if number < _OLDEST[name]:
        oldest = ".".join(map(str, _OLDEST[name]))
        raise SceneshiftError(
            f"the server is too old for states: {version}",
            hint=f"have one of {name} {oldest} or newer",
        )


def _read_version(text: str) -> tuple[str, tuple[int, ...]]:
    found = re.match(r"(?:5\.5\.5-)?(\d+)\.(\d+)", text)
    number = (int(found[1]), int(found[2])) if found else (0, 0)
    return "mariadb" if "mariadb" in text.lower() else "mysql", number
