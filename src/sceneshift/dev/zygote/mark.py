"""What the kernel shows of a fork's environment (Linux).

It shows what the zygote was started with, to which `os.environ` is of no account. A
daemon that forks from here and executes nothing would carry the zygote's mark for
ever, and would not be known as this process's when that is stopped.
"""

from __future__ import annotations

import ctypes

_PREFIX = b"\0SCENESHIFT_PROCESS="
_ENVIRONMENT_START = 50  # proc_pid_stat(5), counted from 1; 3 follows the name


def show(mark: str) -> None:
    """Write a mark over the one that this process has inherited.

    Nothing is done where there is none, or where it is the shorter one.
    """
    try:
        with open("/proc/self/environ", "rb") as file:
            shown = b"\0" + file.read()
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:  # pragma: no cover - macOS
        return
    at = shown.find(_PREFIX)
    room = shown.find(b"\0", at + 1) - at - len(_PREFIX)
    text = mark.encode()
    if at >= 0 and len(text) <= room:
        start = int(fields[_ENVIRONMENT_START - 3]) + at + len(_PREFIX) - 1
        ctypes.memmove(start, text.ljust(room, b"\0"), room)
