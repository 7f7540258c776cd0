"""Whether a service answers, told by its files within a millisecond.

Every command asks that: what starts a server is not imported for it.
"""

from __future__ import annotations

import fcntl
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.core.services.service import Service

_STATUS_LINE = 7  # of postmaster.pid: see miscadmin.h of PostgreSQL


def is_ready(service: Service) -> bool:
    """Tell whether a server answers: 0.1 ms, without a library."""
    if read_status(service) != "ready":
        return False
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(service.socket_file))
        except OSError:
            return False
        return True


def is_kept(service: Service) -> bool:
    """Tell whether something ends it when nobody uses it any more."""
    return is_held(service.folder / "keeper.lock")


def is_held(path: Path) -> bool:
    """Tell whether anybody holds a lock."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def read_pid(service: Service) -> int | None:
    """Return the pid that a server has written down; None where none has."""
    lines = _read_lines(service)
    return int(lines[0]) if lines and lines[0].isdecimal() else None


def read_status(service: Service) -> str:
    """Return what a server has written down of itself: `ready`, `starting`."""
    lines = _read_lines(service)
    return lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else ""


def _read_lines(service: Service) -> list[str]:
    try:
        return (service.data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []
