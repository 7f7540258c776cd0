"""The folder in which backups are: each a folder with its data and its manifest.

A backup is made in a draft, whose name begins with a dot, and gets its own when it is
whole: what is there by its name is a finished one. It is let go the other way round.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.paths import StateFolder, sync
from sceneshift.core.wording import quote, suggest
from sceneshift.data.backups.manifest import (
    NAME,
    Manifest,
    read_manifest,
    write_manifest,
)
from sceneshift.data.locking import hold_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.core.project import Project

_FOLDER = "backups"
_DRAFT, _GONE = ".draft-", ".gone-"
_LOCK = ".lock"
_PIN = "pinned"
_SECOND = len("20261128T132233")  # of an id
_LEAST = 4  # characters of an id that are enough to mean one
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Backup(Struct, frozen=True, kw_only=True):
    """A backup that is there.

    Attributes:
        folder: Where.
        manifest: What is written down of it; None where that cannot be read.
        problem: Why it cannot.
        is_pinned: Whether a person wants it kept.
    """

    folder: Path
    manifest: Manifest | None
    problem: str | None = None
    is_pinned: bool = False

    @property
    def id(self) -> str:
        """Its name."""
        return self.folder.name

    @property
    def file(self) -> Path:
        """The file with its data."""
        assert self.manifest is not None
        return self.folder / self.manifest.file

    @property
    def has_all(self) -> bool:
        """Whether its file is there with the size that it had; nothing is read."""
        try:
            size = self.file.stat().st_size if self.manifest else -1
        except OSError:
            return False
        return self.manifest is not None and size == self.manifest.size_bytes


class Shelf:
    """The backups of a project.

    Attributes:
        folder: Where they are; it may not be there.
        root: The project's folder.
    """

    def __init__(self, project: Project) -> None:
        said = project.config.data.backups.folder
        self.root = project.root
        self._is_own = said is None
        self.folder = (
            StateFolder(project.root).path / _FOLDER
            if said is None
            else project.root / Path(said).expanduser()
        )

    def list_all(self) -> list[Backup]:
        """Return all, the newest first; one that cannot be read hides no others."""
        try:
            found = [_read(each) for each in self.folder.glob("[!.]*/")]
        except OSError:
            return []
        return sorted(found, key=_order, reverse=True)

    def find(self, name: str) -> Backup:
        """Return the one whose id begins or ends so.

        Raises:
            UsageError: There is none, or there are several.
        """
        found = self.list_all()
        same = [each for each in found if each.id == name] or [
            each
            for each in found
            if len(name) >= _LEAST
            and (each.id.startswith(name) or each.id.endswith(name))
        ]
        if len(same) == 1:
            return same[0]
        problem = "may be several backups" if same else "is no backup"
        raise UsageError(
            f"{quote(name)} {problem}",
            hint=suggest(name, [each.id for each in same or found][:10]),
        )

    @contextlib.contextmanager
    def making(self) -> Iterator[Path]:
        """Yield a draft's folder; remove it where it did not become a backup.

        One after another: what lies about is then of those that were killed.

        Raises:
            SceneshiftError: It cannot be written, because the disk is full for one.
        """
        with self.changing():
            draft = self.folder / f"{_DRAFT}{self._draw_name()}"
            draft.mkdir(mode=0o700)
            try:
                yield draft
            finally:
                shutil.rmtree(draft, ignore_errors=True)

    def _draw_name(self) -> str:
        """Return one that nothing has: a second may have several."""
        while True:
            name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
            if not (self.folder / name).exists():
                return name

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Be the only one that changes what is here; wait for that.

        Raises:
            SceneshiftError: It cannot be written.
        """
        try:
            self._make()
            with hold_lock(self.folder / _LOCK):
                self._sweep()
                yield
        except OSError as error:
            raise _explain(self.folder, error) from error

    def name(self, draft: Path) -> str:
        """Return what a draft is called when it is a backup."""
        return draft.name.removeprefix(_DRAFT)

    def finish(self, draft: Path, manifest: Manifest) -> Backup:
        """Have a draft be a backup, for good.

        Raises:
            OSError: It cannot be written.
        """
        folder = self.folder / manifest.id
        handle = os.open(draft / NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(write_manifest(manifest))
            file.flush()
            os.fsync(file.fileno())
        sync(draft)
        draft.rename(folder)
        sync(self.folder)
        return Backup(folder=folder, manifest=manifest)

    def set_pin(self, backup: Backup, *, is_pinned: bool) -> None:
        """Have a backup stay, or go in its time like others.

        Raises:
            SceneshiftError: It cannot be written.
        """
        with self.changing():
            if is_pinned:
                (backup.folder / _PIN).touch(mode=0o600)
            else:
                (backup.folder / _PIN).unlink(missing_ok=True)

    def remove(self, backup: Backup) -> None:
        """Let a backup go; whoever calls it holds the lock, see `changing`.

        Raises:
            OSError: It cannot be removed.
        """
        gone = self.folder / f"{_GONE}{backup.id}"
        backup.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _make(self) -> None:
        if self._is_own:
            StateFolder(self.root).make(_FOLDER)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.folder.stat().st_uid == os.getuid():
            self.folder.chmod(0o700)
        ignore = self.folder / ".gitignore"
        is_in_project = self.folder.resolve().is_relative_to(self.root.resolve())
        if is_in_project and not self._is_own and not ignore.exists():
            ignore.write_text("*\n")

    def _sweep(self) -> None:
        """Remove what those that were killed have left; the lock is held."""
        for each in self.folder.glob(".*"):
            if each.name.startswith((_DRAFT, _GONE)):
                shutil.rmtree(each, ignore_errors=True)


def load_backup(folder: Path) -> Backup:
    """Return the backup that a folder is.

    Raises:
        SceneshiftError: It is none.
    """
    return Backup(folder=folder, manifest=read_manifest(folder))


def _read(folder: Path) -> Backup:
    manifest = problem = None
    try:
        manifest = read_manifest(folder)
    except SceneshiftError as error:
        problem = error.message
    is_pinned = (folder / _PIN).exists()
    return Backup(
        folder=folder, manifest=manifest, problem=problem, is_pinned=is_pinned
    )


def _order(backup: Backup) -> tuple[str, str]:
    """Return what sorts by time; a second may have several."""
    at = backup.manifest.at.isoformat() if backup.manifest else ""
    return backup.id[:_SECOND], at


def _explain(folder: Path, error: OSError) -> SceneshiftError:
    where = os.fsdecode(error.filename or folder)
    is_full = error.errno in _FULL
    hint = f"make room: df -h {folder}; inv data.backups --prune"
    return SceneshiftError(
        f"no backup was made or changed: {where}: {(error.strerror or '').lower()}",
        hint=hint if is_full else f"is it yours? ls -la {folder}",
    )
