"""What this process has open, as the Linux kernel shows it."""

from __future__ import annotations

import os

EPOLL = "anon_inode:[eventpoll]"


def find_open() -> list[tuple[int, str]]:
    """Return descriptors with what they are of: `socket:[<inode>]`, `EPOLL`, a path.

    Another thread may have closed one by the time it is used.
    """
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append((int(name), os.readlink(f"/proc/self/fd/{name}")))
        except OSError:
            continue  # the listing's own, or closed meanwhile
    return found
