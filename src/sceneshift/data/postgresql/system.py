"""States of a PostgreSQL database: drafts, snapshots and what was there before.

Each is a database beside it on the server, see `names`. A snapshot and a former state
let nobody in; they are put in place by their names.
"""

from __future__ import annotations

import contextlib
from functools import cached_property, partial
from typing import TYPE_CHECKING

from sceneshift.core.databases import Database
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.postgresql import aim as pgaim
from sceneshift.data.postgresql import content as pgcontent
from sceneshift.data.postgresql import schema as pgschema
from sceneshift.data.postgresql import snapshots as pgsnapshots
from sceneshift.data.postgresql.beside import Beside
from sceneshift.data.postgresql.chores import drop
from sceneshift.data.postgresql.duplicate import duplicate
from sceneshift.data.postgresql.exchange import exchange, wait_until_left
from sceneshift.data.postgresql.inplace import change_in_place
from sceneshift.data.postgresql.names import Kind, read_note
from sceneshift.data.postgresql.present import Present
from sceneshift.data.postgresql.rights import check_name, check_rights
from sceneshift.data.postgresql.server import quote_name
from sceneshift.data.postgresql.session import Place, open_session
from sceneshift.data.postgresql.settings import (
    describe_creation,
    describe_system,
    find_database,
    list_options,
    list_variables,
)
from sceneshift.data.postgresql.statistics import gather_statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sceneshift.data.marker import Marker
    from sceneshift.data.postgresql.session import Session
    from sceneshift.data.sqlite.pausing import Paused
    from sceneshift.data.system import AimedT
    from sceneshift.data.target import Target


class PostgresqlSystem:
    """A database of PostgreSQL, and those beside it; see `System`."""

    paused: Sequence[Paused] = ()  # nobody has to be: a server ends sessions, or queues

    def __init__(self, target: Target) -> None:
        url = pgaim.complete(target.database.url, target.project.environment.values)
        place = Place(url=url, root=target.root)
        check_name(place.name, target.database)
        self._target = target
        self._place = place
        self._beside = Beside(target, place)
        self._names = self._beside.names
        self._present = Present(self._beside)

    # -- what is there

    @cached_property
    def description(self) -> str:
        """See `System.description`: what decides on how text is kept and sorted.

        Besides, who owns what is made, and what sessions in it are set to.
        """
        with self._beside.asking() as session:
            return describe_system(session.ask, self._place.name)

    def read_marker(self) -> Marker | None:
        """See `System.read_marker`."""
        return self._present.read_marker()

    def mark(self, marker: Marker) -> None:
        """See `System.mark`."""
        self._present.forget()
        with open_session(self._place) as session:
            pgcontent.write_marker(session, marker)

    def read_schema(self, draft: Database | None) -> Mapping[str, str] | None:
        """See `System.read_schema`."""
        if draft is None:
            nothing: Mapping[str, str] = {}
            return self._present.ask(pgschema.read_schema, nothing)
        with open_session(self._place, self._get(draft)) as session:
            return pgschema.read_schema(session)

    def count_rows(self, draft: Database | None = None) -> Mapping[str, int]:
        """See `System.count_rows`."""
        count = partial(pgcontent.count_rows, but=self._target.version_table)
        if draft is None:
            return self._present.ask(count, {})
        with open_session(self._place, self._get(draft)) as session:
            return count(session)

    # -- drafts

    def begin(self, snapshot: str | None) -> Database:
        """See `System.begin`."""
        draft = self._names.draw(Kind.DRAFT)
        with self._beside.asking() as session:
            live = find_database(session.ask, self._place.name)
            check_rights(session, self._target, self._place.name, live)
            if snapshot is None:
                found = live or find_database(session.ask, "template0")
                assert found is not None
                session.run(describe_creation(found, draft))
            else:
                self._beside.clone(session, self._names.snapshot(snapshot), draft)
            return self._settle_draft(session, draft)

    def copy(self) -> Database:
        """See `System.copy`."""
        draft = self._names.draw(Kind.DRAFT)
        with self._beside.asking() as session:
            found = find_database(session.ask, self._place.name)
            check_rights(session, self._target, self._place.name, found)
            if found is None:
                return self.begin(None)
            try:
                duplicate(session, self._place, found, draft)
                return self._settle_draft(session, draft)
            except BaseException:
                with contextlib.suppress(SceneshiftError):
                    drop(session, draft)
                raise

    def _settle_draft(self, session: Session, draft: str) -> Database:
        """Set what sessions in a draft need, and return it."""
        settings = [*list_variables(session.ask, self._place.name, is_own=True)]
        self._beside.settle(session, draft, settings)
        session.run(
            self._beside.note(draft, Kind.DRAFT),
            # It is lost as a whole or kept as a whole, and never half.
            f"ALTER DATABASE {quote_name(draft)} SET synchronous_commit TO off",
        )
        url = pgaim.rename(self._place.url, draft)
        return Database(name=self._target.database.name, url=url)

    def aim(self, program: AimedT, draft: Database) -> AimedT:
        """See `System.aim`."""
        return pgaim.aim(program, draft, self._target.root)

    def empty(self, draft: Database) -> None:
        """See `System.empty`."""
        with open_session(self._place, self._get(draft)) as session:
            pgcontent.remove_rows(session, but=self._target.version_table)

    def keep(
        self,
        draft: Database,
        snapshot: str,
        *,
        is_strict: bool = True,  # noqa: ARG002 - the server is
    ) -> None:
        """See `System.keep`: the draft becomes it."""
        name, kept = self._get(draft), self._names.snapshot(snapshot)
        with open_session(self._place, name) as session:
            gather_statistics(session, is_rough=True)
            extensions = pgcontent.read_extensions(session)
        with self._beside.asking() as session:
            wait_until_left(session, name)
            statements = [
                f"ALTER DATABASE {quote_name(name)} RESET ALL",
                f"ALTER DATABASE {quote_name(name)} ALLOW_CONNECTIONS false",
                f"ALTER DATABASE {quote_name(name)} RENAME TO {quote_name(kept)}",
                self._beside.note(kept, Kind.SNAPSHOT, extensions=extensions),
            ]
            if kept in self._beside.find_all(session):
                self._beside.find_spare(session, "")  # they are copies of the old one
                statements = [*self._beside.doom(kept), *statements]
            exchange(session, self._place, statements, names=[name])

    def drop(self, draft: Database) -> None:
        """See `System.drop`; it may be a snapshot now."""
        with contextlib.suppress(SceneshiftError), self._beside.asking() as session:
            drop(session, self._get(draft))

    # -- in place

    def place(self, snapshot: str, marker: Marker, former: str) -> None:
        """See `System.place`."""
        live, present = self._place.name, self.read_marker()
        self._present.forget()
        with self._beside.asking() as session:
            found = find_database(session.ask, live)
            check_rights(session, self._target, self._place.name, found)
            if found is None:
                found = self._beside.make_empty(session)
            coming = self._beside.find_spare(session, snapshot)
            is_spare = coming is not None
            try:
                if coming is None:
                    coming = self._names.draw(Kind.NEXT)
                    self._beside.clone(session, self._names.snapshot(snapshot), coming)
                session.run(self._beside.note(coming, Kind.NEXT))
                self._beside.mark(session, coming, marker)
                self._beside.settle(
                    session, coming, [*list_options(session.ask, found)]
                )
                self._beside.exchange(
                    session,
                    coming,
                    former,
                    present=present,
                    comment=found["comment"],
                )
                self._present.remember(marker)
            except BaseException:
                with contextlib.suppress(SceneshiftError):
                    if coming is not None:
                        self._beside.forget(coming)
                raise
            self._beside.order_spare(snapshot, is_rough=not is_spare)

    def put_back(self, former: str, marker: Marker, present: str) -> None:
        """See `System.put_back`."""
        name, own = self._names.former(former), self.read_marker()
        self._present.forget()
        with self._beside.asking() as session:
            found = find_database(session.ask, self._place.name)
            check_rights(session, self._target, self._place.name, found)
            if found is None:
                self._beside.make_empty(session)
            note = read_note(self._beside.find_all(session).get(name))
            if note is None or note.marker != marker:
                session.run(f"ALTER DATABASE {quote_name(name)} ALLOW_CONNECTIONS true")
                self._beside.mark(session, name, marker)
            comment = None if note is None else note.comment
            self._beside.exchange(session, name, present, present=own, comment=comment)
            self._present.remember(marker)

    def change(
        self,
        change: Callable[[Database], None],
        marker: Marker | None,
        former: str | None,
    ) -> None:
        """See `System.change`: it is changed where it is."""
        if marker is None or former is None:
            change(self._target.database)
            return
        self._present.forget()
        try:
            change_in_place(self._target, self._beside, change, marker, former)
        finally:
            self._present.forget()

    # -- what is kept

    def has_former(self, former: str) -> bool:
        """See `System.has_former`."""
        with self._beside.asking() as session:
            return self._names.former(former) in self._beside.find_all(session)

    def forget_former(self, former: str) -> None:
        """See `System.forget_former`."""
        self._beside.forget(self._names.former(former))

    def has_snapshot(self, snapshot: str) -> bool:
        """See `System.has_snapshot`: one with older extensions is made anew."""
        return pgsnapshots.has_snapshot(self._beside, snapshot)

    def forget_snapshot(self, snapshot: str) -> None:
        """See `System.forget_snapshot`."""
        self._beside.forget(self._names.snapshot(snapshot))

    def list_snapshots(self) -> Mapping[str, int]:
        """See `System.list_snapshots`."""
        return pgsnapshots.list_snapshots(self._beside)

    def sweep(self) -> None:
        """See `System.sweep`."""
        self._beside.sweep()

    def hold(self) -> AbstractContextManager[None]:
        """See `System.hold`: by a lock of the server."""
        return self._present.hold()

    def look(self) -> AbstractContextManager[None]:
        """See `System.look`."""
        return self._beside.look()

    def _get(self, draft: Database) -> str:
        return Place(url=draft.url, root=self._target.root).name
