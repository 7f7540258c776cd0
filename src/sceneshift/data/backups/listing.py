"""`inv data.backups`: which there are, and which of them stay."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.project import load_project
from sceneshift.data.backups.archive import check_sum
from sceneshift.data.backups.retention import prune
from sceneshift.data.backups.shelf import Shelf
from sceneshift.data.kept import describe_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.core.project import Project
    from sceneshift.data.backups.shelf import Backup
    from sceneshift.data.target import Request

_READ_BYTES = 128 << 20  # what is read in a quarter of a second


class Listed(Struct, frozen=True, kw_only=True):
    """A backup, looked at.

    Attributes:
        backup: That.
        is_whole: Whether its data is what was written; None where it was not read.
        problem: What is wrong with it.
    """

    backup: Backup
    is_whole: bool | None
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        one = self.backup.manifest
        said = {
            "id": self.backup.id,
            "database": one and one.database,
            "environment": one and one.environment,
            "place": one and one.place,
            "system": one and one.system,
            "server": one and one.server,
            "at": one and one.at.isoformat(timespec="seconds"),
            "note": one and one.note,
            "rows": one and one.rows,
            "revisions": one and one.revisions and list(one.revisions),
            "size_bytes": one and one.size_bytes,
        }
        return {
            **said,
            "is_automatic": one.is_automatic if one else None,
            "is_pinned": self.backup.is_pinned,
            "is_whole": self.is_whole,
            "problem": self.problem,
            "folder": str(self.backup.folder),
        }

    def as_row(self, active: str) -> tuple[str, ...]:
        """Return it as a table has it, the name of another environment too."""
        one = self.backup.manifest
        if one is None:
            return (self.backup.id, "-", "-", "-", self._state, "")
        return (
            self.backup.id,
            one.database
            if one.environment == active
            else f"{one.database} ({one.environment})",
            _describe_time(one.at.astimezone()),
            describe_size(one.size_bytes),
            self._state,
            one.note,
        )

    @property
    def _state(self) -> str:
        if self.is_whole is False:
            return "damaged"
        if self.backup.is_pinned:
            return "pinned"
        return "whole" if self.is_whole else "not read"


def show_backups(request: Request, *, is_checked: bool = False) -> None:
    """Print what there is, the newest first.

    Args:
        request: What was asked for.
        is_checked: Whether all of the data is read, however long that takes.

    Raises:
        UsageError: There is no such environment.
    """
    project = _load(request)
    wanted = [
        each for each in Shelf(project).list_all() if _is_meant(each, request, project)
    ]
    listed = [*_look(wanted, None if is_checked else _READ_BYTES)]
    console = StreamConsole()
    if request.as_json:
        console.json({"backups": [each.as_json() for each in listed]})
        return
    if not listed:
        console.note("there are no backups yet: inv data.backup takes one")
        return
    head = ("backup", "database", "when", "size", "state", "note")
    active = project.environment.name
    console.table([head, *(each.as_row(active) for each in listed)])
    for each in listed:
        if each.problem is not None:
            console.note(f"{each.backup.id}: {each.problem}")


def pin(request: Request, name: str, *, is_pinned: bool) -> None:
    """Have a backup stay, or go in its time like others.

    Args:
        request: What was asked for.
        name: How its id begins or ends.
        is_pinned: Whether it stays.

    Raises:
        UsageError: There is no such backup.
        SceneshiftError: It cannot be written.
    """
    shelf = Shelf(_load(request))
    backup = shelf.find(name)
    shelf.set_pin(backup, is_pinned=is_pinned)
    console = StreamConsole()
    if request.as_json:
        console.json({"id": backup.id, "is_pinned": is_pinned})
        return
    verb = "stays" if is_pinned else "goes in its time"
    console.success(f"the backup {backup.id} {verb}")


def prune_all(request: Request) -> None:
    """Let go of backups that are old or too many, as each new one does.

    Raises:
        SceneshiftError: One cannot be removed.
    """
    project = _load(request)
    shelf = Shelf(project)
    with shelf.changing():
        gone = prune(shelf, project.config.data.backups)
    console = StreamConsole()
    if request.as_json:
        console.json({"removed": gone})
        return
    count = len(gone)
    console.success(f"{count or 'no'} backup{'' if count == 1 else 's'} removed")


def _describe_time(at: datetime) -> str:
    """Return a local time, short enough for a table of 80 columns."""
    is_near = at.year == datetime.now().astimezone().year
    return f"{at:%m-%d %H:%M}" if is_near else f"{at:%Y-%m-%d}"


def _load(request: Request) -> Project:
    return load_project(
        request.root,
        environ=request.environ,
        environment=request.environment,
        is_looking=True,
    )


def _is_meant(backup: Backup, request: Request, project: Project) -> bool:
    """Tell whether it is of what was named; one that cannot be read may be."""
    one = backup.manifest
    if one is None:
        return True
    return (request.database in {None, one.database}) and (
        request.environment is None or one.environment == project.environment.name
    )


def _look(backups: list[Backup], most_bytes: int | None) -> Iterator[Listed]:
    """Yield backups with whether they are whole, by reading no more than so much."""
    left = most_bytes
    for each in backups:
        one = each.manifest
        if one is None:
            yield Listed(backup=each, is_whole=False, problem=each.problem)
            continue
        is_read = left is None or not each.has_all or one.size_bytes <= left
        if not is_read:
            yield Listed(backup=each, is_whole=None)
            continue
        if left is not None and each.has_all:
            left -= one.size_bytes
        yield _check(each)


def _check(backup: Backup) -> Listed:
    assert backup.manifest is not None
    try:
        check_sum(backup.file, backup.manifest)
    except SceneshiftError as error:
        return Listed(backup=backup, is_whole=False, problem=error.message)
    return Listed(backup=backup, is_whole=True)
