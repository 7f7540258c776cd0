"""Data of a PostgreSQL database whose states are files; see `postgresql.within`."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import sync
from sceneshift.core.wording import quote
from sceneshift.data.backups.archive import is_whole
from sceneshift.data.backups.medium import Content, Saved
from sceneshift.data.backups.postgresql import FILE, PostgresqlMedium, check_version
from sceneshift.data.postgresql.within import PostgresqlWithin

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.core.databases import Database
    from sceneshift.data.backups.origin import Origin
    from sceneshift.data.postgresql.dumps import Former
    from sceneshift.data.system import System
    from sceneshift.data.target import Target
    from sceneshift.data.versions import VersionTable


class FileMedium(PostgresqlMedium):
    """A database of PostgreSQL, and files with its states; see `Medium`."""

    is_own = True  # what is not stays where it is, and would be there twice

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._dumps = PostgresqlWithin(target).dumps

    def save(
        self, folder: Path, table: VersionTable, former: str | None = None
    ) -> Saved:
        """See `Medium.save`: a former state is a dump already."""
        if former is None:
            return super().save(folder, table)
        known = self._get(former)
        path = folder / FILE
        kept = self._dumps.locate(former)
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(kept, path)
        if not is_whole(path, known.packed):
            raise SceneshiftError(
                f"{kept} is damaged: it is not what was written",
                hint=f"bring it back, or give it up: rm {kept.parent / former}.*",
            )
        path.chmod(0o600)
        sync(path)
        return Saved(
            file=FILE,
            packed=known.packed,
            content=Content(rows=known.rows, revisions=known.revisions),
            server=known.server,
        )

    def has_own_rows(self, former: str, snapshot: str | None) -> bool:
        """See `Medium.has_own_rows`: it was looked at when it was dumped."""
        known = self._get(former)
        return any(known.rows.values()) and (snapshot is None or known.has_own_rows)

    def fill(self, system: System, origin: Origin) -> Database:
        """See `Medium.fill`."""
        assert isinstance(system, PostgresqlWithin)
        if origin.manifest is not None and origin.manifest.has_rows_alone:
            return self.fill_rows(system, origin, origin.manifest)
        check_version(origin, system.major)
        draft = system.begin(None)
        system.fill(draft, origin.read())
        return draft

    def _get(self, former: str) -> Former:
        known = self._dumps.read(former)
        if known is None:
            raise SceneshiftError(
                f"a former state of {quote(self._target.title)} is not there",
                hint="see what there is: inv data.status",
            )
        return known
