"""What a database system has to be able to do, so that backups can be had of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.versions import VersionTable, find_version_table

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.core.databases import Database
    from sceneshift.data.backups.archive import Packed
    from sceneshift.data.backups.manifest import Kind
    from sceneshift.data.backups.origin import Origin
    from sceneshift.data.system import System
    from sceneshift.data.target import Target


class Content(Struct, frozen=True, kw_only=True):
    """What a database holds.

    Attributes:
        rows: Number of rows by table.
        revisions: The revisions that it is at; None where it was never migrated.
    """

    rows: dict[str, int]
    revisions: tuple[str, ...] | None


class Saved(Struct, frozen=True, kw_only=True):
    """Data of a database in a file, which was read again and is good.

    Attributes:
        file: The file's name.
        packed: What is in it.
        content: What that is.
        server: Version of the server, or of the library.
    """

    file: str
    packed: Packed
    content: Content
    server: str


class Medium(Protocol):
    """One database, and the way in which its data is kept in a file."""

    @property
    def kind(self) -> Kind:
        """The system."""

    def save(
        self, folder: Path, table: VersionTable, former: str | None = None
    ) -> Saved:
        """Write the data as it is at one moment, whoever writes to it meanwhile.

        Args:
            folder: Where it is written to.
            table: Where Alembic keeps the revisions.
            former: A former state, whose data it is then.

        Raises:
            SceneshiftError: It cannot be read, or what was written cannot.
            OSError: It cannot be written.
        """

    def has_own_rows(self, former: str, snapshot: str | None) -> bool:
        """Tell whether a former state has rows that nobody can make again.

        Args:
            former: The state.
            snapshot: The snapshot that it has come from, which is there; None where it
                has come from none.

        Raises:
            SceneshiftError: It cannot be read.
        """

    def fill(self, system: System, origin: Origin) -> Database:
        """Return a draft that has the data of a backup.

        Raises:
            SceneshiftError: It cannot be had from it; nothing is left.
            OSError: It cannot be read or written; nothing is left.
        """

    def look(self, draft: Database, table: VersionTable) -> Content:
        """Return what a draft holds.

        Raises:
            SceneshiftError: It cannot be read.
        """


def get_version_table(target: Target) -> VersionTable:
    """Return where Alembic keeps the revisions; its usual place where that is open."""
    if target.migrated is not None:
        try:
            return find_version_table(target.migrated.read(target.root))
        except SceneshiftError:  # who migrates it will say so
            pass
    return VersionTable()
