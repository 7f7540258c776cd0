"""Who holds a port."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sceneshift.core.secrets import mask_secrets
from sceneshift.core.wording import describe_moment, quote

# Marks every process of a stack with the folder of its project.
ROOT_VARIABLE = "SCENESHIFT_ROOT"

_LISTENING = "0A"  # TCP_LISTEN in the kernel's include/net/tcp_states.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who listens on a port; what this user may not see is None.

    Attributes:
        pid: The process.
        user: Its user's name, or the number where it has none.
        command: Its command line, passwords in URLs masked.
        since: When it started, in seconds since 1970.
        stack: The project whose stack started it; None where none did.
        is_ours: Whether that is the same project.
    """

    pid: int | None
    user: str | None = None
    command: str | None = None
    since: float | None = None
    stack: str | None = None
    is_ours: bool = False

    def __str__(self) -> str:
        about = [
            f"of the stack in {self.stack}" if self.stack else "",
            f"user {self.user}" if self.user else "",
            quote(self.command) if self.command else "",
            f"since {describe_moment(self.since)}" if self.since else "",
        ]
        who = (
            "a process that you may not see" if self.pid is None else f"pid {self.pid}"
        )
        details = ", ".join(filter(None, about))
        return f"{who} ({details})" if details else who


def find_holder(port: int, *, root: Path) -> Holder | None:
    """Find who listens on a port; None where nobody is seen."""
    import psutil  # noqa: PLC0415 - 5 ms, and needed for a taken port alone

    try:
        listening = [c for c in psutil.net_connections("tcp") if _listens(c, port)]
        pids = [one.pid for one in listening if one.pid is not None]
    except psutil.AccessDenied:  # pragma: no cover - macOS, for others than root
        # Each user's own connections are shown there nevertheless.
        pids = _search_processes(port)
    if pids:
        # A stack's supervisor holds the sockets too, and bears no mark.
        marked = [pid for pid in pids if _find_stack(pid)]
        return _describe(
            os.getpid() if os.getpid() in pids else min(marked or pids), root
        )
    user = _find_user(port)
    return None if user is None else Holder(pid=None, user=user)


def _listens(connection: Any, port: int) -> bool:
    # psutil's own name of the type differs from version to version.
    return bool(connection.status == "LISTEN" and connection.laddr[1] == port)


def _search_processes(port: int) -> list[int]:
    """Return the processes that listen on the port, among those of this user."""
    import psutil  # noqa: PLC0415 - see above

    pids = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(_listens(one, port) for one in process.net_connections("tcp")):
                pids.append(process.pid)
    return pids


def _describe(pid: int, root: Path) -> Holder:
    import psutil  # noqa: PLC0415 - see above

    # A process may end meanwhile, or keep some of it from other users.
    holder = Holder(pid=pid, is_ours=pid == os.getpid())
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        command = mask_secrets(" ".join(process.cmdline()) or process.name())
        holder = replace(holder, command=command, since=process.create_time())
        holder = replace(holder, user=process.username())
    stack = _find_stack(pid)
    is_ours = holder.is_ours or stack == str(root)
    return replace(holder, stack=stack, is_ours=is_ours)


def _find_stack(pid: int) -> str | None:
    """Return the project whose stack started a process."""
    import psutil  # noqa: PLC0415 - see above

    with suppress(psutil.Error):
        found: str | None = psutil.Process(pid).environ().get(ROOT_VARIABLE)
        return found
    return None


def _find_user(port: int) -> str | None:
    """Return whose socket listens on the port, from Linux's table of sockets."""
    rows: list[str] = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            rows += Path(table).read_text(encoding="ascii").splitlines()[1:]
    for row in rows:
        _, address, _, state, _, _, _, user, *_ = row.split()
        if state == _LISTENING and int(address.rpartition(":")[2], 16) == port:
            return _get_user_name(int(user))
    return None


def _get_user_name(number: int) -> str:
    import pwd  # noqa: PLC0415 - not on Windows

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
