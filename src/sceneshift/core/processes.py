"""The system's process table, without psutil and without a shell.

The guard imports this module into an interpreter that must stay tiny, so there are
no dataclasses, no typing and no enums at run time: those cost it 3 MB.
"""

from __future__ import annotations

import os
import sys

from sceneshift.core.process_entry import ProcessEntry

TYPE_CHECKING = False  # spares the import of typing; type checkers take it as true
if TYPE_CHECKING:
    import signal
    from collections.abc import Iterable, Mapping
else:
    import _signal as signal  # the same functions without enum: 0.7 MB less

__all__ = [
    "ProcessEntry",
    "become_subreaper",
    "children",
    "descendants",
    "environment",
    "find_process",
    "has_variable",
    "is_alive",
    "list_children",
    "list_pids",
    "parse_stat",
    "prctl",
    "processes",
    "proportional_bytes",
    "resident_bytes",
    "send_signal",
]

_STAT_BYTES = 1024  # one line: 52 numbers and at most 64 bytes of name
_ENVIRON_BYTES = 1 << 22


if sys.platform == "darwin":  # pragma: no cover - needs macOS
    from sceneshift.core.processes_darwin import environment, find_process, list_pids
else:

    def list_pids() -> Iterable[int]:
        """Return the pids of the moment."""
        names = os.listdir("/proc")  # noqa: PTH208 - pathlib is too large here
        return map(int, filter(str.isdigit, names))

    def find_process(pid: int) -> ProcessEntry | None:
        """Return the process, a zombie too; None where there is none."""
        stat = _read(f"/proc/{pid}/stat", _STAT_BYTES)
        return parse_stat(stat) if stat else None

    def environment(pid: int) -> bytes:
        """Return what it was started with, `NAME=value` ended by NUL each.

        Empty where the process is gone, another user's, or has cleared it.
        """
        return _read(f"/proc/{pid}/environ", _ENVIRON_BYTES)


def parse_stat(stat: bytes) -> ProcessEntry:
    """Parse a line of `/proc/<pid>/stat`; see proc_pid_stat(5).

    The name is in parentheses and may hold spaces and parentheses itself: what
    counts is the last one.
    """
    head, _, tail = stat.rpartition(b")")
    fields = tail.split(None, 20)
    return ProcessEntry(
        int(head.split(b" ", 1)[0]),
        ppid=int(fields[1]),
        pgid=int(fields[2]),
        sid=int(fields[3]),
        state=fields[0].decode(),
        started=int(fields[19]),
    )


def processes() -> dict[int, ProcessEntry]:
    """Return every process that this user may see, by pid."""
    found = (find_process(pid) for pid in list_pids())
    return {entry.pid: entry for entry in found if entry is not None}


def descendants(
    pid: int, table: Mapping[int, ProcessEntry] | None = None
) -> tuple[ProcessEntry, ...]:
    """Return the children, their children and so on; parents come first."""
    by_parent: dict[int, list[ProcessEntry]] = {}
    for entry in (processes() if table is None else table).values():
        by_parent.setdefault(entry.ppid, []).append(entry)
    found: list[ProcessEntry] = []
    frontier = [pid]
    while frontier:
        children = by_parent.pop(frontier.pop(), [])
        found += children
        frontier += [child.pid for child in children]
    return tuple(found)


def children(pid: int) -> tuple[ProcessEntry, ...]:
    """Return the direct children of a process with one thread, zombies too.

    Where the kernel lists them (Linux with CONFIG_PROC_CHILDREN) this costs some
    20 microseconds and not a walk of the whole table.
    """
    listed = list_children(pid)
    if listed is None:
        return tuple(entry for entry in processes().values() if entry.ppid == pid)
    found = map(find_process, listed)
    return tuple(entry for entry in found if entry is not None)


def list_children(pid: int) -> list[int] | None:
    """Return their pids, zombies too; None where the kernel has no list.

    One that is reaped while the list is read may hide its next sibling. But it is in
    that list and in no later one: what is read twice the same is complete.
    """
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as listing:  # noqa: PTH123
            return [*map(int, listing.read().split())]
    except OSError:
        return None


def is_alive(pid: int, started: int) -> bool:
    """Whether that very process still runs; a zombie does not."""
    entry = find_process(pid)
    return entry is not None and entry.started == started and entry.is_running


def has_variable(pid: int, assignment: bytes) -> bool:
    """Whether the process was started with `NAME=value` in its environment."""
    return b"\0" + assignment + b"\0" in b"\0" + environment(pid)


def send_signal(entry: ProcessEntry, number: int) -> bool:
    """Signal that very process; return False where it is gone or not ours.

    On Linux a handle is taken first and the start time compared through it, so that
    a pid which is in use again is never hit.
    """
    try:
        handle = os.pidfd_open(entry.pid)
    except OSError:
        return False
    except AttributeError:  # pragma: no cover - macOS has no handles
        return _send_unpinned(entry, number)
    try:
        if not is_alive(*entry.key):
            return False
        signal.pidfd_send_signal(handle, number)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _send_unpinned(entry: ProcessEntry, number: int) -> bool:
    """Signal by pid right after a look at the start time."""
    if not is_alive(*entry.key):
        return False
    try:
        os.kill(entry.pid, number)
    except OSError:
        return False
    return True


def become_subreaper() -> bool:
    """Adopt orphaned descendants from now on; return False where that is unknown.

    See PR_SET_CHILD_SUBREAPER in prctl(2): Linux only.
    """
    if sys.platform != "linux":  # pragma: no cover - needs macOS
        return False
    return prctl(36, 1)


def prctl(option: int, value: int) -> bool:
    """Set an option of this process; its manual page has the numbers."""
    import ctypes  # noqa: PLC0415 - commands that start nothing do without

    zero = ctypes.c_ulong(0)
    call = ctypes.CDLL(None).prctl
    return not call(option, ctypes.c_ulong(value), zero, zero, zero)


def resident_bytes(pid: int) -> int:
    """Return the memory that a process has mapped in, shared pages in full."""
    return _rollup(pid).get("Rss", 0) * 1024


def proportional_bytes(pid: int) -> int:
    """Return its memory with each shared page divided by those who share it.

    Where the system does not tell (macOS), the resident bytes.
    """
    return _rollup(pid).get("Pss", 0) * 1024


def _rollup(pid: int) -> dict[str, int]:
    """Return the sums of the memory map, in KiB; empty where it is not readable."""
    if sys.platform != "linux":  # pragma: no cover - needs macOS
        import psutil  # noqa: PLC0415 - Linux does without it

        resident = psutil.Process(pid).memory_info().rss // 1024
        return {"Rss": resident, "Pss": resident}
    rows = _read(f"/proc/{pid}/smaps_rollup", 1 << 14).decode().splitlines()[1:]
    return {row.split(":")[0]: int(row.split()[1]) for row in rows}


def _read(path: str, size: int) -> bytes:
    """Return the start of a file of `/proc`; empty where it cannot be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(handle, size)
    except OSError:  # it ended between the two calls
        return b""
    finally:
        os.close(handle)
