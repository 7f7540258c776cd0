"""Ports: which are free, and lasting numbers for those that ask for `auto`."""

from __future__ import annotations

import errno
import json
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sceneshift.core.blake2 import blake2b
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.holders import Holder, find_holder
from sceneshift.core.paths import StateFolder, write_whole
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

# Below the ports that Linux (32768) and macOS (49152) lend to outgoing
# connections, above what well-known servers take for themselves.
_FIRST, _COUNT = 20_000, 10_000
_ADDRESSES = (
    (socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET, "0.0.0.0"),  # noqa: S104 - asked for, never listened on
    (socket.AF_INET6, "::1"),
)


def is_free(port: int) -> bool:
    """Tell whether nobody listens on the port on any address that a server takes."""
    return not any(_is_taken(port, *place) for place in _ADDRESSES)


def _is_taken(port: int, family: socket.AddressFamily, address: str) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As servers do: else a port would be taken for a minute after its use.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as exc:
        # Anything else (no IPv6, a port below 1024) says nothing of a holder.
        return exc.errno == errno.EADDRINUSE
    return False


def check_free(
    wanted: Mapping[int, str], *, root: Path, is_debugger: bool = False
) -> None:
    """Refuse to go on while a port is taken.

    Args:
        wanted: The process that is to have each port.
        root: The project's folder.
        is_debugger: Whether they are those of the processes' debuggers.

    Raises:
        SceneshiftError: One is taken; the message names each holder.
    """
    taken = [port for port in wanted if not is_free(port)]
    if not taken:
        return
    holders = [find_holder(port, root=root) for port in taken]
    whose = "the debugger of " if is_debugger else ""
    problems = [
        f"port {port} of {whose}`{wanted[port]}` is taken by "
        f"{holder or 'an unknown process'}"
        for port, holder in zip(taken, holders, strict=True)
    ]
    hint = _advise(wanted[taken[0]], holders[0], is_debugger=is_debugger)
    raise SceneshiftError("; ".join(problems), hint=hint)


def _advise(process: str, holder: Holder | None, *, is_debugger: bool) -> str:
    if holder is not None and holder.is_ours:
        return "this project's processes run already: inv dev.stop"
    end = "stop that program"
    if holder is not None and holder.stack is not None:
        end += " with `inv dev.stop` there"
    if is_debugger:
        return (
            f"{end}, or set another port in "
            "[tool.sceneshift.environments.<name>.debug_ports] of pyproject.toml"
        )
    return (
        f"{end}, or set another port, or "
        f'{process.partition(".")[0]} = "auto", in '
        "[tool.sceneshift.environments.<name>.ports] of pyproject.toml"
    )


def allocate(
    names: Iterable[str], *, root: Path, taken: Collection[int] = ()
) -> dict[str, int]:
    """Give each process that asked for `auto` a port of its own.

    The same checkout gets the same ports each time, as long as nobody else
    listens on them; another checkout begins its search elsewhere.

    Args:
        names: The processes.
        root: The project's folder; `.sceneshift/ports.json` remembers.
        taken: Ports that other processes of the stack have.

    Returns:
        Each name's port.
    """
    names = list(names)
    if not names:
        return {}
    state = StateFolder(root)
    with state.being_written(), _locked(state.make() / "ports.lock"):
        file = state.path / "ports.json"
        remembered = _read(file)
        ports: dict[str, int] = {}
        for name in names:
            others = {*taken, *ports.values()}
            spare = others | {p for n, p in remembered.items() if n != name}
            ports[name] = _keep(remembered.get(name), others, root) or _search(
                name, root, spare
            )
        if remembered | ports != remembered:
            document = json.dumps(remembered | ports, indent=2, sort_keys=True)
            write_whole(file, document + "\n")
    return ports


def foresee(
    names: Iterable[str], *, root: Path, taken: Collection[int] = ()
) -> dict[str, int]:
    """Return what `allocate` has given or would give, without keeping it.

    A remembered port counts without a look at who holds it.
    """
    remembered = _read(StateFolder(root).path / "ports.json")
    ports: dict[str, int] = {}
    for name in names:
        others = {*taken, *ports.values()}
        port = remembered.get(name)
        if port is None or port in others:
            port = _search(name, root, others | {*remembered.values()})
        ports[name] = port
    return ports


def _keep(port: int | None, others: Collection[int], root: Path) -> int | None:
    """Return the remembered port while nobody else has it."""
    if port is None or port in others:
        return None
    if is_free(port):
        return port
    holder = find_holder(port, root=root)
    # Held by the stack that is being read anew: it stays where it is.
    return port if holder is not None and holder.is_ours else None


def _search(name: str, root: Path, spare: Collection[int]) -> int:
    """Return the first free port after a place that root and name determine."""
    place = f"{root}\0{name}".encode(errors="surrogateescape")
    start = int.from_bytes(blake2b(place, digest_size=4).digest(), "big")
    for offset in range(_COUNT):
        port = _FIRST + (start + offset) % _COUNT
        if port not in spare and is_free(port):
            return port
    raise SceneshiftError(
        f"no port is free from {_FIRST} to {_FIRST + _COUNT - 1} for {quote(name)}",
        hint="set a number instead of auto",
    )


def _read(file: Path) -> dict[str, int]:
    """Return what is remembered; what is damaged is forgotten."""
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    items = document.items() if isinstance(document, dict) else ()
    return {
        name: port for name, port in items if type(port) is int and 0 < port < 65536
    }


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Let other commands of this checkout wait their turn."""
    import fcntl  # noqa: PLC0415 - not on Windows

    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
