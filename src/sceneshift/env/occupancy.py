"""`inv env.ports`: which port is whose, in every environment and worktree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.git import list_worktrees
from sceneshift.core.holders import Holder, find_holders
from sceneshift.core.marks import STACK_FILE
from sceneshift.core.paths import StateFolder
from sceneshift.core.ports import is_free
from sceneshift.core.selection import VARIABLE
from sceneshift.core.wording import describe_moment, iso_time, quote
from sceneshift.env.catalog import load_entries
from sceneshift.env.running import find_running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sceneshift.env.running import RunningStack

State = Literal["free", "running", "leftover", "taken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A port that a process of an environment is to have.

    Attributes:
        number: The port.
        process: Its name, as `inv dev.status` has it.
        environment: The environment.
        checkout: The project's folder in its worktree.
    """

    number: int
    process: str
    environment: str
    checkout: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A worktree, as far as its own state tells.

    Attributes:
        root: The project's folder in it.
        ports: Those of all its environments.
        running: The stack that runs there; None where none does.
        stack_id: The id of that stack.
    """

    root: Path
    ports: tuple[Claimed, ...]
    running: RunningStack | None
    stack_id: str | None

    def judge(self, port: Claimed, holder: Holder | None) -> State:
        """Tell how it stands with a port of this checkout."""
        if holder is None:
            return "free"
        is_here = holder.stack == str(self.root)
        running = self.running
        if running is None:
            return "leftover" if is_here else "taken"
        if is_here and holder.stack_id != self.stack_id:
            return "leftover"
        is_its = is_here or (running.pid is not None and holder.pid == running.pid)
        is_meant = running.environment in {None, port.environment}
        return "running" if is_its and is_meant else "taken"


def load_checkout(root: Path, environ: Mapping[str, str]) -> Checkout:
    """Read the ports of a checkout, and what runs in it.

    Raises:
        UsageError: Its configuration says what cannot be.
    """
    ports = tuple(
        Claimed(number=port, process=name, environment=entry.name, checkout=root)
        for entry in load_entries(root, environ)
        for name, port in entry.ports.items()
    )
    running = find_running(root)
    stack_id = None if running is None else read_stack_id(root)
    return Checkout(root=root, ports=ports, running=running, stack_id=stack_id)


def read_stack_id(root: Path) -> str | None:
    """Return what the processes of the stack bear that runs in a checkout, or did."""
    try:
        return (StateFolder(root).path / STACK_FILE).read_text().strip() or None
    except (OSError, ValueError):
        return None


def show_ports(root: Path, environ: Mapping[str, str], *, as_json: bool) -> None:
    """Print every port of every environment of every worktree, and who holds it.

    Raises:
        UsageError: The configuration of this checkout says what cannot be.
    """
    console = StreamConsole()
    checkouts = [load_checkout(root, environ), *_load_others(root, environ, console)]
    rows = list(_describe_all(checkouts, root))
    if as_json:
        console.json({"ports": rows})
        return
    head = ("port", "environment", "process", "state", "holder", "worktree")
    table = [head, *map(_make_row, rows)]
    # A column that would say the same in each row is left out.
    columns = len(head) if len(checkouts) > 1 else len(head) - 1
    console.table([row[:columns] for row in table])


def _load_others(
    root: Path, environ: Mapping[str, str], console: StreamConsole
) -> Iterator[Checkout]:
    """Yield the other worktrees; what is wrong with one hides no other.

    Which environment is active here says nothing of them.
    """
    environ = {name: text for name, text in environ.items() if name != VARIABLE}
    for path in list_worktrees(root):
        if path == root.resolve():
            continue
        try:
            yield load_checkout(path, environ)
        except SceneshiftError as error:
            console.note(f"left out: {path}: {error.message}")


def _describe_all(
    checkouts: Sequence[Checkout], root: Path
) -> Iterator[dict[str, Any]]:
    wanted = {port.number for checkout in checkouts for port in checkout.ports}
    taken = sorted(number for number in wanted if not is_free(number))
    holders = find_holders(taken, root=root) if taken else {}
    nobody = Holder(pid=None)  # seen by its port alone
    for checkout in checkouts:
        for port in checkout.ports:
            holder = holders.get(port.number, nobody if port.number in taken else None)
            yield _describe(port, holder, checkout.judge(port, holder), root)


def _describe(
    port: Claimed, holder: Holder | None, state: State, root: Path
) -> dict[str, Any]:
    held = holder or Holder(pid=None)
    is_ours = held.is_ours or (state == "running" and port.checkout == root)
    return {
        "port": port.number,
        "environment": port.environment,
        "process": port.process,
        "checkout": str(port.checkout),
        "state": state,
        "pid": held.pid,
        "user": held.user,
        "command": held.command,
        "since": None if held.since is None else iso_time(held.since),
        "stack": held.stack,
        "is_ours": is_ours,
    }


def _make_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(row["port"]),
        row["environment"],
        row["process"],
        row["state"],
        _describe_holder(row),
        row["checkout"],
    )


def _describe_holder(row: Mapping[str, Any]) -> str:
    if row["state"] == "free":
        return "-"
    if row["pid"] is None:
        user = row["user"]
        return f"a process of {user}" if user else "a process that you may not see"
    command = row["command"] and quote(row["command"])
    words = [f"pid {row['pid']}", row["user"], command]
    if row["since"]:
        words.append(f"since {_tell_moment(row['since'])}")
    return ", ".join(filter(None, words))


def _tell_moment(iso: str) -> str:
    from datetime import datetime  # noqa: PLC0415 - not on the path of JSON

    return describe_moment(datetime.fromisoformat(iso).timestamp())
