"""What is written down of a backup, beside its data."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads it
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.versions import VersionTable  # noqa: TC001 - as above

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
NAME = "manifest.json"
ROWS_FILE = "data.pgcopy.zst"

Kind = Literal["sqlite", "postgresql", "mysql"]


class Manifest(Struct, frozen=True, kw_only=True):
    """A backup, as it was when it was taken. It is never written again.

    Attributes:
        id: Its name; they sort by time.
        at: When.
        system: The database system; `mysql` is MariaDB, too.
        server: Version of the server, or of the library: `15.18`.
        tool: Version of what took it.
        project: The project's name.
        environment: The environment that the database was of.
        database: The database's name in the project.
        place: What people know it by: a file, or a name on a server.
        key: Its address, as a hash: what was taken of it before has the same.
        revisions: The revisions that it was at; None where it was never migrated.
        version_table: Where Alembic keeps those.
        rows: Number of rows by table, but for that one.
        note: What a person, or a command that took it by itself, says of it.
        is_automatic: Whether nobody had asked for it.
        file: Name of the file beside this one that has the data.
        size_bytes: The size of that.
        sha256: Its checksum.
        raw_bytes: The size of the data before it was compressed.
        raw_sha256: The checksum of that.
        format: Number of the way in which this is written down.
    """

    id: str
    at: Annotated[datetime, Meta(tz=True)]
    system: Kind
    server: str
    tool: str
    project: str
    environment: str
    database: str
    place: str
    key: str
    revisions: tuple[str, ...] | None
    version_table: VersionTable
    rows: dict[str, int]
    note: str
    is_automatic: bool
    file: str
    size_bytes: int
    sha256: str
    raw_bytes: int
    raw_sha256: str
    format: int = FORMAT

    @property
    def has_rows_alone(self) -> bool:
        """Whether what they are in is not in it, and has to be made by migrations."""
        return self.file == ROWS_FILE


class _Numbered(Struct, frozen=True):
    format: int


def read_manifest(folder: Path) -> Manifest:
    """Read what is written down of a backup.

    Args:
        folder: Where the backup is.

    Raises:
        SceneshiftError: It is not there, or is not to be understood.
    """
    path = folder / NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SceneshiftError(
            f"the manifest of {quote(folder.name)} cannot be read: "
            f"{(error.strerror or '').lower()}",
            hint=f"copy a backup with all that is in its folder: ls -la {folder}",
        ) from error
    try:
        if msgspec.json.decode(data, type=_Numbered).format > FORMAT:
            raise SceneshiftError(
                f"the manifest of {quote(folder.name)} is of a later version of "
                "sceneshift",
                hint="restore it with that one",
            )
        return _check(msgspec.json.decode(data, type=Manifest))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SceneshiftError(
            f"the manifest of {quote(folder.name)} is damaged: {error}",
            hint=f"look at it: {path}",
        ) from error


def _check(manifest: Manifest) -> Manifest:
    """Make sure that the file is one beside the manifest."""
    if "/" in manifest.file or manifest.file in {"", ".", "..", NAME}:
        raise msgspec.ValidationError(f"it names the file {quote(manifest.file)}")
    return manifest


def write_manifest(manifest: Manifest) -> str:
    """Return it as it is written."""
    return msgspec.json.format(msgspec.json.encode(manifest)).decode() + "\n"
