"""What a database system has to be able to do, so that states can be put in place.

A state is built aside, in a draft. It is kept as a snapshot, and put in place of what
is there in one step: whoever looks sees the old state or the new one, complete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sceneshift.core.databases import Database
    from sceneshift.data.marker import Marker
    from sceneshift.data.seeding.application import Seeding
    from sceneshift.data.sqlite.pausing import Paused
    from sceneshift.data.target import Target
    from sceneshift.data.upgrade import Upgrade

    AimedT = TypeVar("AimedT", Upgrade, Seeding)


class System(Protocol):
    """One database, and the places beside it.

    What is named by an id survives the program: snapshots, and what was there before a
    change. A draft does not: `sweep` removes it.
    """

    @property
    def description(self) -> str:
        """The system, with what decides on how it keeps data: `sqlite`."""

    @property
    def paused(self) -> Sequence[Paused]:
        """Who was paused for what was done to it so far."""

    def read_marker(self) -> Marker | None:
        """Return whose it says it is; None where it says nothing, or is not there.

        Raises:
            SceneshiftError: It cannot be read.
        """

    def mark(self, marker: Marker) -> None:
        """Have the database say whose it is; nothing else of it changes.

        Raises:
            SceneshiftError: It cannot be written.
        """

    def read_schema(self, draft: Database | None) -> Mapping[str, str] | None:
        """Return what there is, by name, in words that are the same for the same.

        Of the database or a draft; None where that cannot be told.

        Raises:
            SceneshiftError: It cannot be read.
        """

    def count_rows(self, draft: Database | None = None) -> Mapping[str, int]:
        """Return the number of rows of each table, of the database or a draft.

        Raises:
            SceneshiftError: It cannot be read.
        """

    def begin(self, snapshot: str | None) -> Database:
        """Make a draft: empty, or a copy of a snapshot.

        Raises:
            SceneshiftError: It cannot be made; nothing is left.
        """

    def copy(self) -> Database:
        """Make a draft that is a copy of the database, while others work with that.

        Raises:
            SceneshiftError: It cannot be made; nothing is left.
        """

    def aim(self, program: AimedT, draft: Database) -> AimedT:
        """Return the same for a draft, by all variables that name the database."""

    def empty(self, draft: Database) -> None:
        """Remove all rows of a draft, but those that say where its migrations are.

        Raises:
            SceneshiftError: That cannot be done.
        """

    def keep(self, draft: Database, snapshot: str, *, is_strict: bool = True) -> None:
        """Keep the draft as it is now as a snapshot, under a name.

        Whether it stays a draft is not told: what goes on begins with the snapshot.

        Args:
            draft: The draft.
            snapshot: The name.
            is_strict: Whether no row may refer to one that is not there; a file of
                SQLite may have such rows.

        Raises:
            SceneshiftError: It is not complete, or cannot be kept.
        """

    def drop(self, draft: Database) -> None:
        """Remove a draft."""

    def place(self, snapshot: str, marker: Marker, former: str) -> None:
        """Put a snapshot in place, and keep what is there under another name.

        Raises:
            SceneshiftError: That cannot be done; all is as it was.
        """

    def put_back(self, former: str, marker: Marker, present: str) -> None:
        """Put a former state in place, and keep what is there under another name.

        Raises:
            SceneshiftError: That cannot be done; all is as it was.
        """

    def change(
        self,
        change: Callable[[Database], None],
        marker: Marker | None,
        former: str | None,
    ) -> None:
        """Change the database, and keep what was there.

        Args:
            change: Changes what it is given: a copy that is then put in place, or the
                database itself. What it raises is passed on, all as it was.
            marker: What it is to say of itself then; None lets it say the same.
            former: The name that what was there is kept under; None lets it go.

        Raises:
            UnkeptError: What was there cannot be kept; nothing was done.
            SceneshiftError: That cannot be done; all is as it was.
        """

    def has_former(self, former: str) -> bool:
        """Tell whether a former state is there."""

    def forget_former(self, former: str) -> None:
        """Remove a former state."""

    def has_snapshot(self, snapshot: str) -> bool:
        """Tell whether a snapshot is there."""

    def forget_snapshot(self, snapshot: str) -> None:
        """Remove a snapshot."""

    def list_snapshots(self) -> Mapping[str, int]:
        """Return the snapshots that are there, with their sizes in bytes."""

    def sweep(self) -> None:
        """Remove what programs that were killed have left; the lock is held."""

    def hold(self) -> AbstractContextManager[None]:
        """Be the only one that changes the database, on any machine; wait for that.

        Whoever calls it has the lock of this checkout, see `Target.name_lock`.

        Raises:
            SceneshiftError: Its server cannot be reached.
        """

    def look(self) -> AbstractContextManager[None]:
        """Have several questions answered faster.

        Raises:
            SceneshiftError: Its server cannot be reached.
        """


def find_system(target: Target) -> System:
    """Return what can do it for a database.

    Raises:
        SceneshiftError: Nothing can.
    """
    from sceneshift.core.errors import SceneshiftError  # noqa: PLC0415 - seldom
    from sceneshift.core.wording import quote  # noqa: PLC0415

    if target.file is not None:
        from sceneshift.data.sqlite.system import SqliteSystem  # noqa: PLC0415 - 5 ms

        return SqliteSystem(target)
    if target.database.system in {"postgres", "postgresql"}:
        from sceneshift.data.postgresql.confined import is_confined  # noqa: PLC0415 - 20 ms
        from sceneshift.data.postgresql.system import PostgresqlSystem  # noqa: PLC0415 - likewise

        if is_confined(target):
            from sceneshift.data.postgresql.within import PostgresqlWithin  # noqa: PLC0415

            return PostgresqlWithin(target)
        return PostgresqlSystem(target)
    if target.database.system in {"mariadb", "mysql"}:
        from sceneshift.data.mysql.system import MysqlSystem  # noqa: PLC0415 - as above

        return MysqlSystem(target)
    target.check_lasting()
    raise SceneshiftError(
        f"no states are kept of {quote(target.database.name)}: it is a database of "
        f"{quote(target.database.system)}",
        hint="they are of files of SQLite, and of databases of PostgreSQL, MariaDB "
        "and MySQL, so far",
    )
