"""The process table of macOS, by libproc and sysctl through ctypes.

Structures and numbers are those of XNU's `bsd/sys/proc_info.h` and `sysctl.h`.
"""

from __future__ import annotations

import ctypes
import os

from sceneshift.core.process_entry import ProcessEntry

# struct proc_bsdinfo: 136 bytes; see proc_pidinfo and PROC_PIDTBSDINFO.
_BSD_INFO = 3
_BSD_INFO_BYTES = 136
_STATES = {1: "I", 2: "R", 3: "S", 4: "T", 5: "Z"}
_CTL_KERN = 1
_KERN_PROCARGS2 = 49
_ARGUMENT_BYTES = 1 << 20  # ARG_MAX

_libc = ctypes.CDLL(None, use_errno=True)


class _BsdInfo(ctypes.Structure):
    _fields_ = (
        ("head", ctypes.c_uint32 * 12),  # flags, status, xstatus, pid, ppid, ...
        ("names", ctypes.c_char * 48),
        ("tail", ctypes.c_uint32 * 6),  # nfiles, pgid, pjobc, e_tdev, e_tpgid, nice
        ("start_s", ctypes.c_uint64),
        ("start_us", ctypes.c_uint64),
    )


def list_pids() -> list[int]:  # pragma: no cover - needs macOS
    """Return the pids of the moment."""
    room = _libc.proc_listallpids(None, 0) + 64
    pids = (ctypes.c_int * room)()
    count = _libc.proc_listallpids(pids, ctypes.sizeof(pids))
    return [pid for pid in pids[: max(count, 0)] if pid > 0]


def find_process(pid: int) -> ProcessEntry | None:  # pragma: no cover - the same
    """Return the process; None where there is none or it is another user's."""
    info = _BsdInfo()
    size = _libc.proc_pidinfo(
        pid, _BSD_INFO, ctypes.c_uint64(0), ctypes.byref(info), _BSD_INFO_BYTES
    )
    if size != _BSD_INFO_BYTES:
        return None
    try:
        sid = os.getsid(pid)
    except OSError:
        return None
    return ProcessEntry(
        pid,
        ppid=info.head[4],
        pgid=info.tail[1],
        sid=sid,
        state=_STATES.get(info.head[1], "S"),
        started=info.start_s * 1_000_000 + info.start_us,
    )


def environment(pid: int) -> bytes:  # pragma: no cover - the same
    """Return what it was started with, `NAME=value` ended by NUL each.

    The kernel hands out argc, the path of the program, padding, the arguments and
    then the environment.
    """
    name = (ctypes.c_int * 3)(_CTL_KERN, _KERN_PROCARGS2, pid)
    buffer = ctypes.create_string_buffer(_ARGUMENT_BYTES)
    size = ctypes.c_size_t(_ARGUMENT_BYTES)
    if _libc.sysctl(name, 3, buffer, ctypes.byref(size), None, 0):
        return b""
    return environment_of(buffer.raw[: size.value])


def environment_of(arguments: bytes) -> bytes:
    """Cut the environment out of what KERN_PROCARGS2 returns."""
    count = int.from_bytes(arguments[:4], "little")
    _, _, rest = arguments[4:].partition(b"\0")
    fields = rest.lstrip(b"\0").split(b"\0")[count:]
    return b"\0".join(fields)
