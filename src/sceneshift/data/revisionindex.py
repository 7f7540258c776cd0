"""What the files of revisions said when they were read last.

To parse hundreds of them takes longer than all else that a command does. A file that is
as it was, by inode, size and times, is not read again; one that was changed a moment
before it was read is, for the next change could leave the same times.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from sceneshift.core.blake2 import blake2b
from sceneshift.core.paths import StateFolder, write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.data.scripts import Scripts

_FORMAT = 2
_FOLDER = "data"
_FRESH_NS = 2_000_000_000


class Text(Struct, frozen=True, array_like=True):
    """What a file says of its revision; see `Revision`."""

    id: str
    message: str
    down: tuple[str, ...]
    needs: tuple[str, ...]
    labels: tuple[str, ...]
    digest: str
    replaces: tuple[str, ...] = ()


class _Known(Struct, frozen=True, array_like=True):
    stamp: tuple[int, int, int, int]
    text: Text


class _Content(Struct, frozen=True):
    format: int
    files: dict[str, _Known]


class RevisionIndex:
    """The index of the revisions of one database.

    Args:
        root: The project's folder.
        scripts: Where they are.
    """

    def __init__(self, root: Path, scripts: Scripts) -> None:
        key = blake2b(str(scripts.location).encode(), digest_size=8).hexdigest()
        self._path = StateFolder(root).path / _FOLDER / f"revisions-{key}.json"
        self._before = self._read()
        self._now: dict[str, _Known] = {}

    def _read(self) -> dict[str, _Known]:
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=_Content)
        except (OSError, msgspec.MsgspecError):
            return {}
        return found.files if found.format == _FORMAT else {}

    def find(self, file: Path, stamp: tuple[int, int, int, int]) -> Text | None:
        """Return what a file says, if it is as it was; see `take_stamp`."""
        known = self._before.get(str(file))
        if known is None or known.stamp != stamp:
            return None
        self._now[str(file)] = known
        return known.text

    def note(self, file: Path, stamp: tuple[int, int, int, int], text: Text) -> None:
        """Know what a file says.

        Args:
            file: The file.
            stamp: How it was before it was read.
            text: What it says.
        """
        if max(stamp[2:]) < time.time_ns() - _FRESH_NS:
            self._now[str(file)] = _Known(stamp, text)

    def save(self) -> None:
        """Write it down where it is another, and where there is a folder for it.

        If it cannot be written, only time is lost.
        """
        if self._now == self._before or not self._path.parent.is_dir():
            return
        text = msgspec.json.encode(_Content(_FORMAT, self._now)).decode()
        try:
            write_whole(self._path, text)
        except OSError:
            return


def take_stamp(file: Path) -> tuple[int, int, int, int]:
    """Return what is another when a file was written, or replaced.

    Raises:
        OSError: It is gone.
    """
    status = file.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
