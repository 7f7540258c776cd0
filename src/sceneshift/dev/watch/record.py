"""What was last known of the files in watched folders: cheap enough to keep."""

from __future__ import annotations

import os
import stat

from msgspec import Struct

from sceneshift.dev.watch.change import ChangeKind


class Listing(Struct, frozen=True):
    """What lies in one folder: name to stamp.

    Attributes:
        files: Everything but folders; symbolic links, also those to folders.
        folders: The folders.
    """

    files: dict[str, int]
    folders: dict[str, int]


def list_folder(folder: str) -> Listing | None:
    """Return what lies in a folder; None where it is none or cannot be read."""
    listing = Listing({}, {})
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                _add_entry(listing, entry)
    except OSError:
        return None
    return listing


def _add_entry(listing: Listing, entry: os.DirEntry[str]) -> None:
    """Sort an entry in; one that vanished meanwhile is left out."""
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:  # pragma: no cover - gone since the folder was read
        return
    is_folder = stat.S_ISDIR(status.st_mode)
    (listing.folders if is_folder else listing.files)[entry.name] = stamp(status)


def stamp(status: os.stat_result) -> int:
    """Return a value that changes with a file's content, or with a folder's identity.

    One integer in place of three keeps 50,000 files within some megabytes.
    """
    if stat.S_ISDIR(status.st_mode):
        return hash(status.st_ino)
    return hash((status.st_mtime_ns, status.st_size, status.st_ino))


class Record:
    """The stamps of files by folder."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, int]] = {}

    def keep(self, folder: str, stamps: dict[str, int]) -> None:
        """Take in entries as they are, where nothing is known of them."""
        known = self._folders.setdefault(folder, {})
        for name, value in stamps.items():
            known.setdefault(name, value)

    def differences(self, folder: str, stamps: dict[str, int]) -> list[str]:
        """Return the paths in a folder that are not as recorded."""
        known = self._folders.setdefault(folder, {})
        if known == stamps:
            return []
        names = {name for name, _ in known.items() ^ stamps.items()}
        return [os.path.join(folder, name) for name in sorted(names)]

    def paths(self, folder: str) -> list[str]:
        """Return what is recorded in a folder."""
        return [os.path.join(folder, name) for name in self._folders.get(folder, ())]

    def has(self, path: str) -> bool:
        """Whether a path is recorded."""
        folder, name = os.path.split(path)
        return name in self._folders.get(folder, ())

    def drop(self, path: str) -> None:
        """Forget a path, and its folder where that is the last of it."""
        folder, name = os.path.split(path)
        known = self._folders.get(folder, {})
        known.pop(name, None)
        if not known:
            self._folders.pop(folder, None)

    def close(self, folder: str) -> None:
        """Forget a folder that is watched no longer, if nothing is left of it."""
        if not self._folders.get(folder, True):
            del self._folders[folder]

    def judge(
        self, path: str, now: int | None, *, is_written: bool
    ) -> ChangeKind | None:
        """Record a path as it is now, and return what became of it.

        Args:
            path: The path.
            now: Its stamp; None where it does not exist.
            is_written: Whether its content is known to have been written: two writes
                within one tick of the file system's clock leave the same stamp.
        """
        folder, name = os.path.split(path)
        before = self._folders.get(folder, {}).get(name)
        if now is None:
            self.drop(path)
            return None if before is None else ChangeKind.DELETED
        self._folders.setdefault(folder, {})[name] = now
        if before is None:
            return ChangeKind.CREATED
        return ChangeKind.MODIFIED if is_written or before != now else None
