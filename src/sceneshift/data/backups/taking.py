"""`inv data.backup`: a copy of the databases, read again before it is called good."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from sceneshift.core.console import StreamConsole
from sceneshift.core.wording import describe_seconds
from sceneshift.data.backups.manifest import Manifest
from sceneshift.data.backups.media import find_medium
from sceneshift.data.backups.medium import get_version_table
from sceneshift.data.backups.patience import telling
from sceneshift.data.backups.retention import prune
from sceneshift.data.backups.shelf import Shelf
from sceneshift.data.guards import describe_rows
from sceneshift.data.kept import describe_size
from sceneshift.data.locking import hold_lock, hold_server_lock
from sceneshift.data.parting import start_parting
from sceneshift.data.system import find_system
from sceneshift.data.target import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.data.backups.medium import Medium
    from sceneshift.data.backups.shelf import Backup
    from sceneshift.data.target import Target

COMMAND = "inv data.backup"
_ROWS_ALONE = (
    "it has the rows alone, for there is no pg_dump of the server's version: it is "
    "restored into what the migrations make of the same revisions"
)


class BackupRequest(Request, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
        note: What a person says of it.
    """

    note: str = ""


class Taken(Struct, frozen=True, kw_only=True):
    """A backup that was taken.

    Attributes:
        target: Of which database.
        backup: That.
        removed: The ids of those that were let go for it.
        duration_s: How long it took.
    """

    target: Target
    backup: Backup
    removed: tuple[str, ...]
    duration_s: float

    @property
    def manifest(self) -> Manifest:
        """What is written down of it."""
        assert self.backup.manifest is not None
        return self.backup.manifest

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        one = self.manifest
        return {
            "database": self.target.database.name,
            "place": self.target.title,
            "id": one.id,
            "file": str(self.backup.file),
            "rows": one.rows,
            "revisions": None if one.revisions is None else list(one.revisions),
            "size_bytes": one.size_bytes,
            "sha256": one.sha256,
            "removed": list(self.removed),
            "duration_s": round(self.duration_s, 3),
        }

    def __str__(self) -> str:
        """Say what was done."""
        one = self.manifest
        return (
            f"{self.target.title} is backed up as {one.id}: {describe_rows(one.rows)}; "
            f"{describe_size(one.size_bytes)} in {describe_seconds(self.duration_s)}"
        )


def back_up(request: BackupRequest) -> None:
    """Take a backup of databases, and tell of it.

    Raises:
        UsageError: There is no such environment or database.
        SceneshiftError: One cannot be had; those that were told of are there.
    """
    console = StreamConsole()
    targets = request.load()
    media = [find_medium(each) for each in targets]
    if request.is_dry:
        _show_plan(targets, console, as_json=request.as_json)
        return
    rows = []
    for target, medium in zip(targets, media, strict=True):
        with _holding(target), telling(f"backing up {target.title}"):
            taken = take(target, medium, note=request.note)
        rows.append(taken.as_json())
        if not request.as_json:
            console.success(str(taken))
            if taken.manifest.has_rows_alone:
                console.note(_ROWS_ALONE)
    start_parting(targets)
    if request.as_json:
        console.json({"environment": targets[0].environment, "databases": rows})
        return
    console.note("see them all: inv data.backups")


def take(
    target: Target,
    medium: Medium,
    *,
    note: str = "",
    is_automatic: bool = False,
    former: str | None = None,
) -> Taken:
    """Take a backup of a database, and let go of what is too old or too much then.

    Args:
        target: The database, whose lock is held, but for a former state.
        medium: What can do it.
        note: See `Manifest.note`.
        is_automatic: See `Manifest.is_automatic`.
        former: See `Medium.save`.

    Raises:
        SceneshiftError: It cannot be had; nothing of it is left.
    """
    began = time.monotonic()
    shelf, table = Shelf(target.project), get_version_table(target)
    with shelf.making() as draft:
        at = datetime.now(UTC)
        saved = medium.save(draft, table, former)
        manifest = Manifest(
            id=shelf.name(draft),
            at=at,
            system=medium.kind,
            server=saved.server,
            tool=version("sceneshift"),
            project=target.owner,
            environment=target.environment,
            database=target.database.name,
            place=target.title,
            key=target.key,
            revisions=saved.content.revisions,
            version_table=table,
            rows=saved.content.rows,
            note=note,
            is_automatic=is_automatic,
            file=saved.file,
            **structs.asdict(saved.packed),
        )
        backup = shelf.finish(draft, manifest)
        removed = prune(shelf, target.project.config.data.backups, but=backup)
    return Taken(
        target=target,
        backup=backup,
        removed=tuple(removed),
        duration_s=time.monotonic() - began,
    )


@contextmanager
def _holding(target: Target) -> Iterator[None]:
    """Have nobody put another state in place meanwhile."""
    lock = hold_lock(target.name_lock())
    with lock, hold_server_lock(target.database, target.root):
        yield


def _show_plan(targets: list[Target], console: StreamConsole, *, as_json: bool) -> None:
    plan = [(each, find_system(each).count_rows()) for each in targets]
    if as_json:
        actions = [
            {
                "action": "backup",
                "database": target.database.name,
                "place": target.title,
                "rows": dict(rows),
            }
            for target, rows in plan
        ]
        console.json({"actions": actions})
        return
    for target, rows in plan:
        console.data(f"back up {target.title}: {describe_rows(rows)}")
