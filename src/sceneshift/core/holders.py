"""Who holds a port."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.marks import ROOT_VARIABLE, STACK_VARIABLE
from sceneshift.core.secrets import mask_command
from sceneshift.core.wording import describe_moment, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_LISTENING = "0A"  # TCP_LISTEN in the kernel's include/net/tcp_states.h


class Holder(Struct, frozen=True, kw_only=True):
    """Who listens on a port, or has a file; what this user may not see is None.

    Attributes:
        pid: The process.
        user: Its user's name, or the number where it has none.
        command: Its command line, passwords in URLs masked.
        since: When it started, in seconds since 1970.
        stack: The project whose stack started it; None where none did.
        stack_id: The id of that run.
        is_ours: Whether that is the same project.
    """

    pid: int | None
    user: str | None = None
    command: str | None = None
    since: float | None = None
    stack: str | None = None
    stack_id: str | None = None
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
    return find_holders([port], root=root).get(port)


def find_holders(ports: Collection[int], *, root: Path) -> dict[int, Holder]:
    """Find who listens on each of some ports, in one look at the whole system.

    Args:
        ports: The ports; those on which nobody is seen are left out of the answer.
        root: The project's folder.
    """
    listening = _find_listening(ports)
    holders: dict[int, Holder] = {}
    for port in ports:
        if pids := listening.get(port):
            holders[port] = describe_process(_choose(pids), root)
        elif user := _find_user(port):
            holders[port] = Holder(pid=None, user=user)
    return holders


def _find_listening(ports: Collection[int]) -> dict[int, list[int]]:
    """Return the processes that listen on each port."""
    import psutil  # noqa: PLC0415 - 5 ms, and needed for a taken port alone

    pids: dict[int, list[int]] = {}
    try:
        for one in psutil.net_connections("tcp"):
            port = one.laddr[1] if one.laddr else None
            if port is not None and port in ports and one.pid and _listens(one, port):
                pids.setdefault(port, []).append(one.pid)
    except psutil.AccessDenied:  # pragma: no cover - macOS, for others than root
        # Each user's own connections are shown there nevertheless.
        return {port: _search_processes(port) for port in ports}
    return pids


def _choose(pids: Sequence[int]) -> int:
    """Return the one to name; a stack's supervisor holds its sockets too, unmarked."""
    marked = [pid for pid in pids if _find_marks(pid)[0]]
    return os.getpid() if os.getpid() in pids else min(marked or pids)


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


def describe_process(pid: int, root: Path) -> Holder:
    """Return what is known of a process.

    Args:
        pid: The process; it may be gone.
        root: The project's folder.
    """
    import psutil  # noqa: PLC0415 - see above

    # A process may end meanwhile, or keep some of it from other users.
    holder = Holder(pid=pid, is_ours=pid == os.getpid())
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        command = mask_command(process.cmdline()) or process.name()
        holder = replace(holder, command=command, since=process.create_time())
        holder = replace(holder, user=process.username())
    stack, stack_id = _find_marks(pid)
    is_ours = holder.is_ours or stack == str(root)
    return replace(holder, stack=stack, stack_id=stack_id, is_ours=is_ours)


def _find_marks(pid: int) -> tuple[str | None, str | None]:
    """Return the project whose stack started a process, and the id of that run."""
    import psutil  # noqa: PLC0415 - see above

    with suppress(psutil.Error):
        env = psutil.Process(pid).environ()
        return env.get(ROOT_VARIABLE), env.get(STACK_VARIABLE)
    return None, None


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
