"""Making the memory of a child its own, while it waits.

After a fork all pages are shared; the first write to one of them is a fault and a copy.
Running a project's modules writes to thousands, for each use of an object is counted in
it. Which ones is shown by a sibling that has run them: the pages that are its alone.
Measured side by side with pandas, SQLAlchemy and FastAPI on Linux 6.18: 5,300 faults in
a reload before, 1,200 after, and 143 ms where it took 162.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import re
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_LIBC = ctypes.CDLL(None, use_errno=True)  # once: there are thousands of calls
_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE, since Linux 5.14
_ENTRY_BYTES = 8  # of /proc/PID/pagemap, for each page
# In the highest byte of an entry: present, anonymous, mapped by this process only.
_OWN = re.compile(rb"\x81+")
_PIECE = 64 << 20  # there are programs that reserve terabytes
_AT_ONCE = 256 * mmap.PAGESIZE  # between two looks at the line


def take(sibling: int, line: int) -> None:
    """Make those pages this process's own that a sibling has written to.

    Ends early as soon as there is something to read, and does nothing where the system
    does not say which pages those are.

    Args:
        sibling: Its pid; forked from the same process as this one.
        line: A descriptor.
    """
    try:
        with open(f"/proc/{sibling}/pagemap", "rb", buffering=0) as pagemap:
            for start, end in _find_writable():
                for first, length in _find_written(pagemap.fileno(), start, end):
                    if select.select([line], [], [], 0)[0] or not _own(first, length):
                        return
    except OSError:
        return  # it has ended, or nobody may look at it


def _find_writable() -> Iterator[tuple[int, int]]:
    """Yield first and last address of the private mappings, in pieces."""
    with open("/proc/self/maps", "rb") as maps:
        for line in maps.read().splitlines():
            place, _, rest = line.partition(b" ")
            if rest.startswith(b"rw-p"):
                start, end = place.split(b"-")
                last = int(end, 16)
                for first in range(int(start, 16), last, _PIECE):
                    yield first, min(first + _PIECE, last)


def _find_written(pagemap: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield address and length of what is the sibling's own, in small pieces."""
    page = mmap.PAGESIZE
    entries = os.pread(
        pagemap, (end - start) // page * _ENTRY_BYTES, start // page * _ENTRY_BYTES
    )
    for found in _OWN.finditer(entries[_ENTRY_BYTES - 1 :: _ENTRY_BYTES]):
        last = start + found.end() * page
        for first in range(start + found.start() * page, last, _AT_ONCE):
            yield first, min(last - first, _AT_ONCE)


def _own(first: int, length: int) -> bool:
    """Write to pages as far as the kernel is concerned; say whether it can do that.

    Some may be gone: those of what was read here, for one.
    """
    address, size = ctypes.c_void_p(first), ctypes.c_size_t(length)
    failed = _LIBC.madvise(address, size, _POPULATE_WRITE)
    return not failed or ctypes.get_errno() != errno.EINVAL
