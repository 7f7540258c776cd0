"""The log file of a process: appended to, stamped, rotated.

A line begins with its time in UTC, `2026-11-21T03:14:19.123Z text`, so that a person
can read the file, any tool can grep it, and a line is found by its time without an
index beside the file. A line that the supervisor says about the process has `*` in
place of the space behind the time. In a flood only the first of the lines that were
read at once has the time, the others begin with a space. What follows is exactly what
the process wrote, invalid bytes included.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

STAMP_LENGTH = len("2026-11-21T03:14:19.123Z ")
TEXT_MARK = b" "
NOTE_MARK = b"*"

_FLOOD_BYTES = 16 * 1024


class RotatingLog:
    """Append the output of one process to `<name>.log`.

    A disk that is full or gone never stops the process: the log keeps the reason
    in `error` and tries again with the next block.

    Args:
        path: The newest file; older ones are beside it as `.1`, `.2`, ...
        max_bytes: Size at which a file is put aside, at the end of a line.
        files: How many there are in all.
    """

    def __init__(
        self, path: Path, *, max_bytes: int = 5 * 1024 * 1024, files: int = 3
    ) -> None:
        self.path = path
        self.error: OSError | None = None
        self._max_bytes = max_bytes
        self._files = files
        self._second = -1
        self._stamp_start = ""
        self._fd = -1
        self._size = 0
        self._mid_line = False

    def append(self, data: bytes, at: float) -> None:
        """Append what a process wrote: whole lines, or a part of a long one."""
        stamp = self._stamp(at) + TEXT_MARK
        start = TEXT_MARK if len(data) >= _FLOOD_BYTES else stamp
        stamped = data.replace(b"\n", b"\n" + start)
        if not self._mid_line:
            stamped = stamp + stamped
        self._mid_line = not data.endswith(b"\n")
        length = len(stamped) if self._mid_line else len(stamped) - len(start)
        self._write(stamped, length, stamp)

    def note(self, text: str, at: float) -> None:
        """Append a line of the supervisor."""
        start = b"\n" if self._mid_line else b""
        self._mid_line = False
        line = b"".join((start, self._stamp(at), NOTE_MARK, text.encode(), b"\n"))
        self._write(line, len(line), b"")

    def end_line(self) -> None:
        """End a line whose process ended before it did."""
        if self._mid_line:
            self._mid_line = False
            self._write(b"\n", 1, b"")

    def close(self) -> None:
        """Close the file; a later `append` opens it again."""
        self.end_line()
        self._close_file()

    def _close_file(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _stamp(self, at: float) -> bytes:
        """Return the time as text; the part that lasts a second is kept."""
        second, millisecond = divmod(int(at * 1000), 1000)
        if second != self._second:
            self._second = second
            self._stamp_start = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return b"%s.%03dZ" % (self._stamp_start.encode(), millisecond)

    def _write(self, data: bytes, length: int, stamp: bytes) -> None:
        """Write the first `length` bytes, into as many files as they need."""
        try:
            start = 0
            while start < length:
                if self._fd < 0 or self._is_removed():
                    self._open()
                end = self._place_to_part(data, start, length)
                self._write_all(memoryview(data)[start:end])
                start = end
                if self._size >= self._max_bytes and data[start - 1] == 10:
                    self._rotate()
                    start += self._begin_with_time(data, start, length, stamp)
            self.error = None
        except OSError as error:
            self.error = error
            self._close_file()

    def _begin_with_time(
        self, data: bytes, start: int, length: int, stamp: bytes
    ) -> int:
        """Write the time that the first line of a new file lacks, for its space."""
        if start >= length or not data.startswith(TEXT_MARK, start):
            return 0
        self._write_all(memoryview(stamp))
        return 1

    def _place_to_part(self, data: bytes, start: int, length: int) -> int:
        """Return how far the open file takes the data: to its end, or a line's."""
        room = self._max_bytes - self._size
        if length - start <= room:
            return length
        # The line that crosses the limit is the file's last. One that does not end
        # is parted at twice the limit, so that it cannot fill the disk.
        newline = data.find(b"\n", start + max(room - 1, 0), length)
        if newline >= 0:
            return newline + 1
        if self._size and length - start > room + self._max_bytes:
            self._rotate()
        return length

    def _write_all(self, view: memoryview) -> None:
        self._size += len(view)
        while view:
            view = view[os.write(self._fd, view) :]

    def _is_removed(self) -> bool:
        """Say whether no name leads to the open file any more."""
        return os.fstat(self._fd).st_nlink == 0

    def _open(self) -> None:
        """Open the file for its owner alone; end a line that a crash left open."""
        self._close_file()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._fd = os.open(self.path, flags, 0o600)
        self._size = os.fstat(self._fd).st_size
        if self._size and os.pread(self._fd, 1, self._size - 1) != b"\n":
            self._write_all(memoryview(b"\n"))

    def _rotate(self) -> None:
        """Put the file aside, forget the oldest, and begin a new one."""
        self._close_file()
        # Renaming onto a file that exists makes ext4 write the new one to the disk at
        # once; so the oldest is removed first.
        rotated(self.path, self._files - 1).unlink(missing_ok=True)
        for number in range(self._files - 1, 0, -1):
            newer = rotated(self.path, number - 1)
            if newer.exists():
                newer.rename(rotated(self.path, number))
        self._open()


def rotated(path: Path, number: int) -> Path:
    """Return the path of a log's file: 0 is the newest."""
    return path if number == 0 else path.with_name(f"{path.name}.{number}")
