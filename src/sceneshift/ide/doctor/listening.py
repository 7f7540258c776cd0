"""Where processes listen, and what they were started as."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - theirs
_DEBUGPY = ("debugpy/adapter", "debugpy.adapter", "debugpy/launcher")


def find_listening(pids: Iterable[int]) -> dict[int, str]:
    """Return the ports on which processes listen, each with a host that reaches it.

    What debugpy itself listens on is left out.
    """
    import psutil  # noqa: PLC0415 - 5 ms, and needed here alone

    found: dict[int, str] = {}
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if _is_debugpy(process.cmdline()):
                continue
            for one in process.net_connections("tcp"):
                if one.status == psutil.CONN_LISTEN and one.laddr:
                    host = one.laddr.ip
                    found.setdefault(one.laddr.port, _ANY.get(host, host))
    return found


def _is_debugpy(command: list[str]) -> bool:
    return any(word.endswith(_DEBUGPY) for word in command[:4])


def list_family(pids: Iterable[int]) -> set[int]:
    """Return some processes and all that came of them."""
    import psutil  # noqa: PLC0415

    family = set(pids)
    for pid in list(family):
        with contextlib.suppress(psutil.Error):
            family |= {child.pid for child in psutil.Process(pid).children(True)}
    return family


def find_command(pid: int) -> tuple[list[str], Path] | None:
    """Return a process's command line and folder; None where it is gone."""
    import psutil  # noqa: PLC0415

    try:
        process = psutil.Process(pid)
        return process.cmdline(), Path(process.cwd())
    except psutil.Error:
        return None
