"""States of a PostgreSQL database whose user may make no other on its server.

As with managed databases, mostly. They are dumps, see `dumps`: what they are made of
is a draft on a server of the project's own, see `workshop`, and each is put in place
by one transaction in the database, see `replace`.
"""

from __future__ import annotations

import contextlib
from functools import cached_property, partial
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import StateFolder
from sceneshift.core.wording import quote
from sceneshift.data.backups.archive import pack
from sceneshift.data.locking import holding_server_lock
from sceneshift.data.postgresql import aim as pgaim
from sceneshift.data.postgresql import content as pgcontent
from sceneshift.data.postgresql import own as pgown
from sceneshift.data.postgresql import schema as pgschema
from sceneshift.data.postgresql.access import Access
from sceneshift.data.postgresql.confined import FORMERS
from sceneshift.data.postgresql.dumps import Dumps, dumping, read_file
from sceneshift.data.postgresql.inplace import change_kept
from sceneshift.data.postgresql.keeping import Keeping
from sceneshift.data.postgresql.replace import Coming, fill, replace_content
from sceneshift.data.postgresql.rights import check_name
from sceneshift.data.postgresql.session import Place, open_locking
from sceneshift.data.postgresql.settings import describe_system
from sceneshift.data.postgresql.statistics import gather_statistics
from sceneshift.data.postgresql.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sceneshift.core.databases import Database
    from sceneshift.data.marker import Marker
    from sceneshift.data.sqlite.pausing import Paused
    from sceneshift.data.system import AimedT
    from sceneshift.data.target import Target


class PostgresqlWithin:
    """A database of PostgreSQL, and files with its states; see `System`."""

    paused: Sequence[Paused] = ()  # nobody has to be: it ends sessions

    def __init__(self, target: Target) -> None:
        url = pgaim.complete(target.database.url, target.project.environment.values)
        self._place = Place(url=url, root=target.root)
        check_name(self._place.name, target.database)
        self._target = target
        self._workshop = Workshop(target, self._place)
        self._access = Access(self._place)
        self.dumps = Dumps(target.folder / FORMERS)
        self._keeping = Keeping(target, self._place, self.dumps)

    # -- what is there

    @property
    def major(self) -> int:
        """The server's major version."""
        return self._access.major

    @cached_property
    def description(self) -> str:
        """See `System.description`."""
        with self._access.asking() as session:
            return describe_system(session.ask, self._place.name)

    def read_marker(self) -> Marker | None:
        """See `System.read_marker`."""
        return self._access.look_into(None, pgcontent.read_marker)

    def mark(self, marker: Marker) -> None:
        """See `System.mark`."""
        with self._access.asking() as session:
            pgcontent.write_marker(session, marker)

    def read_schema(self, draft: Database | None) -> Mapping[str, str] | None:
        """See `System.read_schema`."""
        return self._access.look_into(draft, pgschema.read_schema)

    def count_rows(self, draft: Database | None = None) -> Mapping[str, int]:
        """See `System.count_rows`."""
        table = self._target.version_table
        count = partial(pgcontent.count_rows, but=table, is_own=True)
        return self._access.look_into(draft, count)

    # -- drafts

    def begin(self, snapshot: str | None) -> Database:
        """See `System.begin`."""
        with self._access.asking() as session:
            draft = self._workshop.begin(session)
        if snapshot is not None:
            self.fill(draft, read_file(self.dumps.locate_snapshot(snapshot)))
        return draft

    def copy(self) -> Database:
        """See `System.copy`."""
        with self._access.asking() as session:
            options = pgown.list_exclusions(pgown.list_others(session))
        draft = self.begin(None)
        try:
            with dumping(self._place, self.major, options) as data:
                self.fill(draft, iter(lambda: data.read(1 << 20), b""), is_kept=True)
        except BaseException:
            self.drop(draft)
            raise
        return draft

    def fill(
        self, draft: Database, data: Iterable[bytes], *, is_kept: bool = False
    ) -> None:
        """Load a dump into a draft, or drop that.

        Args:
            draft: The draft, which is empty.
            data: The dump.
            is_kept: Whether the draft stays where that fails.

        Raises:
            SceneshiftError: It cannot be loaded.
        """
        place = Place(url=draft.url, root=self._target.root)
        try:
            fill(place, Coming(data=data, major=self.major))
        except BaseException:
            if not is_kept:
                self.drop(draft)
            raise

    def aim(self, program: AimedT, draft: Database) -> AimedT:
        """See `System.aim`."""
        return pgaim.lead(program, draft, self._target.root)

    def empty(self, draft: Database) -> None:
        """See `System.empty`."""
        with self._access.entering(draft) as session:
            pgcontent.remove_rows(session, but=self._target.version_table)

    def keep(
        self,
        draft: Database,
        snapshot: str,
        *,
        is_strict: bool = True,  # noqa: ARG002 - the server is
    ) -> None:
        """See `System.keep`: it is dumped."""
        self._target.make_folder(FORMERS)
        place = Place(url=draft.url, root=self._target.root)
        file = self.dumps.draw()
        with StateFolder(self._target.root).being_written():
            try:
                with dumping(place, self.major) as data:
                    packed = pack(data, file)
                self.dumps.keep_snapshot(snapshot, file, packed)
            finally:
                file.unlink(missing_ok=True)

    def drop(self, draft: Database) -> None:
        """See `System.drop`."""
        with contextlib.suppress(SceneshiftError):
            self._workshop.drop(Place(url=draft.url, root=self._target.root).name)

    # -- in place

    def place(self, snapshot: str, marker: Marker, former: str) -> None:
        """See `System.place`."""
        data = read_file(self.dumps.locate_snapshot(snapshot))
        self._replace(Coming(data=data, major=self.major), marker, former)

    def put_back(self, former: str, marker: Marker, present: str) -> None:
        """See `System.put_back`."""
        known = self.dumps.read(former)
        if known is None:
            raise SceneshiftError(
                f"{quote(self._place.name)} is as it was: what was there before is "
                "not kept any more",
                hint="see what there is: inv data.status",
            )
        data = read_file(self.dumps.locate(former), known.packed)
        if known.has_own_rows:
            self.dumps.note_own_rows(marker.state)
        coming = Coming(data=data, major=self.major, has_owners=True)
        self._replace(coming, marker, present)
        self.dumps.forget(former)

    def _replace(self, coming: Coming, marker: Marker, kept: str) -> None:
        """Put a dump in place, and keep what is there."""
        self._target.make_folder(FORMERS)
        with StateFolder(self._target.root).being_written():
            try:
                replace_content(
                    self._place,
                    coming,
                    marker,
                    lambda session: self._keeping.keep(session, kept, marker),
                )
                self.dumps.settle(kept)
            except BaseException as error:
                # The answer to the commit may be what was lost.
                has_come = self._keeping.settle(kept, marker)
                if not (has_come and isinstance(error, SceneshiftError)):
                    raise
        with contextlib.suppress(SceneshiftError), self._access.asking() as session:
            gather_statistics(session)

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
        self._keeping.keep_for_change(former, marker)
        try:
            change_kept(
                self._target,
                self._place,
                change,
                marker,
                lambda: self.dumps.settle(former),
            )
        except BaseException:
            self._keeping.settle(former, marker)
            raise

    # -- what is kept

    def has_former(self, former: str) -> bool:
        """See `System.has_former`."""
        return self.dumps.read(former) is not None

    def forget_former(self, former: str) -> None:
        """See `System.forget_former`."""
        self.dumps.forget(former)

    def has_snapshot(self, snapshot: str) -> bool:
        """See `System.has_snapshot`."""
        return self.dumps.has_snapshot(snapshot)

    def forget_snapshot(self, snapshot: str) -> None:
        """See `System.forget_snapshot`."""
        self.dumps.forget_snapshot(snapshot)

    def list_snapshots(self) -> Mapping[str, int]:
        """See `System.list_snapshots`."""
        return self.dumps.list_snapshots()

    def sweep(self) -> None:
        """See `System.sweep`."""
        self._workshop.sweep()
        marker = self.read_marker()
        self.dumps.sweep(marker.state if marker else "")
        written = self._target.folder / "snapshots"
        for each in self.dumps.list_snapshots():
            if not (written / f"{each}.json").exists():
                self.dumps.forget_snapshot(each)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """See `System.hold`: by a lock of the server."""
        with (
            open_locking(self._place) as session,
            holding_server_lock(session, self._place.name),
        ):
            yield

    def look(self) -> AbstractContextManager[None]:
        """See `System.look`."""
        return self._access.look()
