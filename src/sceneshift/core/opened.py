"""Which processes have a file open, and which of them have it locked."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

_LOCKS = Path("/proc/locks")
_FIELDS = 8


class Lock(Struct, frozen=True, kw_only=True):
    """A lock that a process has on a part of a file.

    Attributes:
        pid: The process.
        is_exclusive: Whether nobody else can have one on that part.
        start: The first byte.
        end: The last one; None where there is none.
    """

    pid: int
    is_exclusive: bool
    start: int
    end: int | None

    def covers(self, byte: int) -> bool:
        """Tell whether a byte is in that part."""
        return self.start <= byte and (self.end is None or byte <= self.end)


def find_users(path: Path) -> list[int]:
    """Return the pids of who has a file open, but for this process.

    Nothing is opened for that: closing any descriptor of a file ends the locks that a
    process has on it (fcntl(2)). What this user may not see is left out.
    """
    if sys.platform != "linux":  # pragma: no cover - macOS
        return _search_others(path)
    try:
        status = path.stat()
    except OSError:
        return []
    wanted = status.st_dev, status.st_ino
    return [pid for pid in _list_others() if _has_one(pid, wanted)]


def find_locks(path: Path) -> list[Lock] | None:
    """Return the locks that others have on a file at this moment.

    None where that is not told. Numbers of files are those of one file system: who
    has another one of that number locked is among them, seldom as that is.
    """
    try:
        lines = _LOCKS.read_text(encoding="ascii").splitlines()
        inode = str(path.stat().st_ino)
    except OSError:
        return None if not _LOCKS.exists() else []
    rows = [line.split() for line in lines]
    # 1: POSIX ADVISORY WRITE 4711 08:01:1234 1073741826 1073742335
    # The device is another one there than that of the file in layers, or in btrfs.
    found = [row for row in rows if len(row) == _FIELDS and _get_inode(row) == inode]
    locks = [
        Lock(
            pid=int(pid),
            is_exclusive=kind == "WRITE",
            start=int(start),
            end=None if end == "EOF" else int(end),
        )
        for _, _, _, kind, pid, _, start, end in found
    ]
    return [each for each in locks if each.pid != os.getpid()]


def _get_inode(row: list[str]) -> str:
    return row[5].rpartition(":")[2]


def _list_others() -> list[int]:
    with os.scandir("/proc") as entries:
        pids = [int(each.name) for each in entries if each.name.isdecimal()]
    return [pid for pid in pids if pid != os.getpid()]


def _has_one(pid: int, wanted: tuple[int, int]) -> bool:
    # It may be gone, or another user's.
    with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for each in entries:
            with suppress(OSError):  # closed meanwhile
                status = each.stat()
                if (status.st_dev, status.st_ino) == wanted:
                    return True
    return False


def _search_others(path: Path) -> list[int]:  # pragma: no cover - macOS
    import psutil  # noqa: PLC0415 - 5 ms, and needed where somebody is waited for

    wanted = str(path.resolve())
    pids = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            opened = {each.path for each in process.open_files()}
            if process.pid != os.getpid() and wanted in opened:
                pids.append(process.pid)
    return pids
