"""`python -m sceneshift.ide.reach PROCESS PORT`: have an entry attach where it should.

An editor runs it before an entry that attaches at this port. Where the debugger of the
process is elsewhere in this checkout, the port leads there while a session lasts.
"""

from __future__ import annotations

import argparse
import fcntl
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.client import Client
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import StateFolder
from sceneshift.core.ports import is_free
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

_FOLDER = "doors"
_PAUSE_S = 0.1
_LEFT_S = 2.0
_LIMIT_S = 30.0


def main(words: Sequence[str]) -> None:
    """Return when an editor can attach; ends with an exit code where it cannot.

    Args:
        words: The process's name in the Procfile, and the port that the entry names.
    """
    parser = argparse.ArgumentParser(prog="python -m sceneshift.ide.reach")
    parser.add_argument("process", help="its name in the Procfile")
    parser.add_argument("port", type=int, help="where the entry attaches")
    given = parser.parse_args(words)
    try:
        _reach(Path.cwd(), given.process, given.port)
    except SceneshiftError as error:
        StreamConsole().error(error)
        sys.exit(error.exit_code)


def _reach(root: Path, name: str, port: int) -> None:
    own = _find_debugger(root, name)
    _wait_for(name, own)
    if own == port:
        return
    with _open_lock(root, port) as lock:
        if is_led(lock):
            return
        from sceneshift.ide.door import Door  # noqa: PLC0415 - in few checkouts

        door = Door(port, own, root=root)
        StreamConsole().note(
            f"{quote(name)} is debugged at port {own} here: {port}, which the entry "
            "names, leads there"
        )
        door.serve_aside()


def _open_lock(root: Path, port: int) -> IO[bytes]:
    """Open what is locked as long as a port leads elsewhere in this checkout.

    Raises:
        SceneshiftError: The state folder cannot be written.
    """
    state = StateFolder(root)
    with state.being_written():
        return (state.make(_FOLDER) / str(port)).open("ab")


def is_led(lock: IO[bytes], *, limit_s: float = _LEFT_S) -> bool:
    """Tell whether a port leads elsewhere already; else it is locked from now on.

    Args:
        lock: What is locked.
        limit_s: Seconds that a session which has just been left is waited for.
    """
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return False
    return True


def _find_debugger(root: Path, name: str) -> int:
    """Return where the debugger of a process listens, or of its first instance."""
    client = Client.get(root)
    processes = client.ask({"op": "status"})["status"]["processes"]
    client.close()
    ports = {each["name"]: each["debug_port"] for each in processes}
    port: int | None = ports.get(name) or ports.get(f"{name}.1")
    if port is None:
        raise SceneshiftError(
            f"{quote(name)} is not debugged in the stack that runs here",
            hint="end it, and start it so: inv dev.stop, then inv dev --debug",
        )
    return port


def _wait_for(name: str, port: int) -> None:
    """Wait until it listens; nothing connects, for debugpy would take no other."""
    end = time.monotonic() + _LIMIT_S
    while is_free(port):
        if time.monotonic() >= end:
            raise SceneshiftError(
                f"the debugger of {quote(name)} does not listen at port {port}",
                hint=f"see why: inv dev.logs {name}",
            )
        time.sleep(_PAUSE_S)


if __name__ == "__main__":
    main(sys.argv[1:])
