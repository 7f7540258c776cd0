"""What is put back: a backup, or a file that somebody else has made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.wording import quote
from sceneshift.data.backups.archive import MAGIC, check_sum, unpack
from sceneshift.data.backups.manifest import NAME, Kind
from sceneshift.data.backups.shelf import Backup, Shelf, load_backup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.core.project import Project
    from sceneshift.data.backups.manifest import Manifest

_CHUNK = 1 << 20
_STARTS: dict[bytes, Kind] = {b"SQLite format 3\0": "sqlite", b"PGDMP": "postgresql"}


class Origin(Struct, frozen=True, kw_only=True):
    """Data that can be put back.

    Attributes:
        name: What people know it by: an id, or the name of a file.
        file: Where it is.
        kind: The system that it is of.
        manifest: What is written down of it; None of another's file.
    """

    name: str
    file: Path
    kind: Kind
    manifest: Manifest | None

    @property
    def is_packed(self) -> bool:
        """Whether it is compressed."""
        return self.manifest is not None

    def read(self) -> Iterator[bytes]:
        """Yield the data.

        Raises:
            SceneshiftError: It is damaged.
            OSError: It cannot be read.
        """
        if self.manifest is not None:
            yield from unpack(self.file, self.manifest.raw_sha256)
            return
        with self.file.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def find_origin(project: Project, named: str) -> Origin:
    """Return what a person names: an id, the beginning or the end of one, or a path.

    Args:
        project: The project.
        named: That.

    Raises:
        UsageError: There is nothing of that name, or it is nothing that can be read.
        SceneshiftError: It is damaged.
    """
    path = Path(named).expanduser()
    if path.exists():
        return _open(path)
    if "/" in named:
        raise UsageError(
            f"there is no file {quote(named)}",
            hint="see what there is: inv data.backups",
        )
    return _take(Shelf(project).find(named))


def _open(path: Path) -> Origin:
    """Return what a path leads to: a backup's folder, a file of it, or another file."""
    if path.is_dir():
        return _take(load_backup(path))
    if path.name == NAME:
        return _take(load_backup(path.parent))
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {(error.strerror or '').lower()}",
            hint=f"is it yours? ls -la {path}",
        ) from error
    if start.startswith(MAGIC):
        return _take(load_backup(path.parent), path)
    for known, kind in _STARTS.items():
        if start.startswith(known):
            return Origin(name=path.name, file=path, kind=kind, manifest=None)
    raise UsageError(
        f"{path} is neither a backup nor a file of SQLite or of pg_dump -Fc",
        hint=f"have the client read SQL: inv data.shell < {path}",
    )


def _take(backup: Backup, path: Path | None = None) -> Origin:
    manifest = backup.manifest
    if manifest is None:
        raise SceneshiftError(
            backup.problem or "", hint=f"look at it: ls -la {backup.folder}"
        )
    if path is not None and path.name != manifest.file:
        raise UsageError(
            f"{path} has another name than in the manifest beside it: "
            f"{quote(manifest.file)}",
            hint="copy a backup with all that is in its folder",
        )
    check_sum(backup.file, manifest)
    return Origin(
        name=manifest.id, file=backup.file, kind=manifest.system, manifest=manifest
    )
