"""`inv env.ports --free`: ending what an earlier stack of this checkout has left.

A leftover bears the marks of a stack of this checkout in its environment, and not the
id of the one that runs. Nothing else is ever signalled: not a foreign program, not a
running stack, not what this command itself was started by.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from sceneshift.core.config import load_config
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import (
    BusyError,
    RefusedError,
    SceneshiftError,
    UsageError,
)
from sceneshift.core.holders import find_holders
from sceneshift.core.marks import LOCK_FILE, ROOT_VARIABLE, STACK_VARIABLE
from sceneshift.core.paths import StateFolder
from sceneshift.core.ports import is_free
from sceneshift.core.processes import (
    environment,
    find_process,
    is_alive,
    processes,
    send_signal,
)
from sceneshift.core.secrets import mask_command
from sceneshift.core.selection import VARIABLE, list_aliases, list_environments
from sceneshift.core.wording import quote, suggest
from sceneshift.env.occupancy import load_checkout, read_stack_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sceneshift.core.processes import ProcessEntry
    from sceneshift.env.occupancy import Checkout, Claimed, State

_LABEL_VARIABLE = "HONCHO_PROCESS_NAME"
_ASK_S = 2.0
_KILL_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of one leftover.

    Attributes:
        entry: The process.
        process: What it was started as: `web.1`.
        environment: In which environment.
        command: Its command line, secrets masked.
    """

    entry: ProcessEntry
    process: str
    environment: str
    command: str

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "action": "end",
            "pid": self.entry.pid,
            "process": self.process,
            "environment": self.environment,
            "command": self.command,
        }


def free_ports(
    root: Path,
    environ: Mapping[str, str],
    name: str,
    *,
    is_dry: bool,
    as_json: bool,
) -> None:
    """End the leftovers of an environment or of a process, and print which.

    Args:
        root: The project's folder.
        environ: The process environment.
        name: Of an environment, an alias, or a process.
        is_dry: Whether it is only said.
        as_json: Whether JSON is printed.

    Raises:
        UsageError: There is neither an environment nor a process of that name.
        BusyError: A stack is just starting.
        RefusedError: A port is held by what is no leftover: who that is.
        SceneshiftError: A leftover cannot be ended.
    """
    root = root.resolve()
    checkout = load_checkout(root, environ)
    wanted = find_meant(checkout, name)
    with _claiming(root) as running_id:
        ends = plan_ends(root, wanted, running_id)
        if not is_dry:
            apply_ends(ends)
    _print(ends, is_dry=is_dry, as_json=as_json)
    if not is_dry:
        _refuse_held(checkout, wanted)


def find_meant(checkout: Checkout, name: str) -> tuple[Claimed, ...]:
    """Return the ports of the environment or the process of a name.

    Raises:
        UsageError: There is neither.
    """
    environments = list_environments(checkout.root, load_config(checkout.root))
    found = tuple(
        port
        for port in checkout.ports
        if name in {port.environment, *list_aliases(port.environment, environments)}
        or name in {port.process, port.process.partition(".")[0]}
    )
    if not found:
        known = dict.fromkeys(
            [*environments, *(port.process for port in checkout.ports)]
        )
        raise UsageError(
            f"there is no environment and no process {quote(name)} with a port",
            hint=suggest(name, known),
        )
    return found


@contextlib.contextmanager
def _claiming(root: Path) -> Iterator[str | None]:
    """Yield the id of the stack that runs; None where none does, nor will meanwhile.

    Raises:
        BusyError: A stack is just starting, and has no id yet.
    """
    # Made where it is missing: a stack that starts now would not be known by its id.
    with (StateFolder(root).make() / LOCK_FILE).open("a+") as lock:
        if _lock(lock):
            yield None
            return
        running_id = read_stack_id(root)
        if running_id is None:
            raise BusyError(
                f"a stack is just starting in this checkout: {root}",
                hint="see it: inv dev.status; then try again",
            )
        yield running_id


def _lock(lock: IO[str]) -> bool:
    import fcntl  # noqa: PLC0415 - not on Windows

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def plan_ends(
    root: Path, wanted: Sequence[Claimed], running_id: str | None
) -> tuple[End, ...]:
    """Return the end of each leftover that belongs to one of some ports."""
    meant = {(port.environment, port.process.partition(".")[0]) for port in wanted}
    kin = set(_list_kin())
    return tuple(
        end
        for end in list_marked(root, running_id)
        if end.entry.pid not in kin
        and (end.environment, end.process.partition(".")[0]) in meant
    )


def _list_kin() -> Iterator[int]:
    """Yield the pids of this process and of those that it was started by."""
    pid = os.getpid()
    while pid:
        yield pid
        entry = find_process(pid)
        pid = 0 if entry is None else entry.ppid


def list_marked(root: Path, running_id: str | None) -> Iterator[End]:
    """Yield what bears the marks of a stack of this checkout that does not run."""
    for entry in processes().values():
        env = _read_env(entry.pid) if entry.is_running else {}
        stack_id = env.get(STACK_VARIABLE)
        if env.get(ROOT_VARIABLE) != str(root) or stack_id in {None, running_id}:
            continue
        yield End(
            entry=entry,
            process=env.get(_LABEL_VARIABLE, ""),
            environment=env.get(VARIABLE, ""),
            command=_read_command(entry.pid),
        )


def _read_env(pid: int) -> dict[str, str]:
    pairs = os.fsdecode(environment(pid)).split("\0")
    return {name: text for name, _, text in (pair.partition("=") for pair in pairs)}


def _read_command(pid: int) -> str:
    import psutil  # noqa: PLC0415 - only where there is something to end

    try:
        return mask_command(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def apply_ends(
    ends: Sequence[End], *, ask_s: float = _ASK_S, kill_s: float = _KILL_S
) -> None:
    """Ask each to end, kill what does not, and look again.

    Args:
        ends: The leftovers.
        ask_s: Seconds that they have to end by themselves.
        kill_s: Seconds that the system has to end them.

    Raises:
        SceneshiftError: Some are there nevertheless.
    """
    entries = [end.entry for end in ends]
    left = _signal(entries, signal.SIGTERM, ask_s)
    left = _signal(left, signal.SIGKILL, kill_s)
    if left:
        pids = ", ".join(str(entry.pid) for entry in left)
        raise SceneshiftError(
            f"these cannot be ended: pid {pids}",
            hint=f"look at them: ps -fp {pids.replace(' ', '')}",
        )


def _signal(
    entries: Sequence[ProcessEntry], number: int, limit_s: float
) -> list[ProcessEntry]:
    """Signal processes and wait; return those that run at the end."""
    for entry in entries:
        send_signal(entry, number)
        send_signal(entry, signal.SIGCONT)  # one that is stopped would not notice
    deadline = time.monotonic() + limit_s
    left = [entry for entry in entries if is_alive(*entry.key)]
    while left and time.monotonic() < deadline:
        select.select([], [], [], 0.01)
        left = [entry for entry in left if is_alive(*entry.key)]
    return left


def _print(ends: Sequence[End], *, is_dry: bool, as_json: bool) -> None:
    console = StreamConsole()
    if as_json:
        actions = [end.as_json() for end in ends]
        console.json({"is_applied": not is_dry, "actions": actions})
    elif ends:
        head = ("pid", "process", "environment", "command")
        rows = [
            (str(end.entry.pid), end.process, end.environment, quote(end.command))
            for end in ends
        ]
        console.table([head, *rows])
    if not ends:
        console.note("there is nothing left of an earlier stack")
    elif is_dry:
        console.note("nothing was ended; without --dry-run these are")
    else:
        console.success(f"ended what an earlier stack has left: {len(ends)}")


def _refuse_held(checkout: Checkout, wanted: Sequence[Claimed]) -> None:
    """Say who holds what is still not free.

    Raises:
        RefusedError: Somebody does.
    """
    taken = [port for port in wanted if not is_free(port.number)]
    if not taken:
        return
    holders = find_holders([port.number for port in taken], root=checkout.root)
    texts, hints = [], set()
    for port in taken:
        holder = holders.get(port.number)
        state = checkout.judge(port, holder)
        who = "the running stack" if state == "running" else holder
        who = who or "an unknown process"
        texts.append(f"port {port.number} of `{port.process}` is held by {who}")
        hints.add(_advise(state, port))
    raise RefusedError("; ".join(dict.fromkeys(texts)), hint="; ".join(sorted(hints)))


def _advise(state: State, port: Claimed) -> str:
    """Return what frees a port that is held nevertheless."""
    if state == "running":
        return "end the stack: inv dev.stop"
    if state == "leftover":  # of another environment
        return f"end that too: inv env.ports --free {port.process}"
    return "end that program yourself"
