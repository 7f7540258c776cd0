"""`python -m sceneshift.ide.reach PROCESS PORT`: have an entry attach where it should.

An editor runs it before an entry that attaches at this port. Where the debugger of the
process is elsewhere in this checkout, the port leads there while a session lasts. The
environment is that of SCENESHIFT_ENV, where it is set.
"""

from __future__ import annotations

import argparse
import fcntl
import os
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
    from collections.abc import Callable, Sequence
    from typing import IO

_FOLDER = "doors"
_PAUSE_S = 0.1
_SIZE = 64
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
    own = _find_debugger(root, name, os.environ.get("SCENESHIFT_ENV"))
    _wait_for(name, own)
    if own != port and lead(root, port, own):
        StreamConsole().note(
            f"{quote(name)} is debugged at port {own} here: {port}, which the entry "
            "names, leads there"
        )


def lead(root: Path, port: int, target: int) -> bool:
    """Have a port lead to another one; tell whether it did not yet.

    Raises:
        SceneshiftError: Another program has it, or the state folder cannot be written.
    """
    with _open_lock(root, port) as lock:
        if is_led(lock, target):
            return False
        from sceneshift.ide.door import Door  # noqa: PLC0415 - in few checkouts

        door = Door(port, target, root=root)
        door.serve_aside(Claim(lock, target, expect=door.expect).holds)
    return True


def _open_lock(root: Path, port: int) -> IO[bytes]:
    """Open what is locked as long as a port leads elsewhere in this checkout.

    Its text is where to: whoever writes another number there ends that.
    """
    state = StateFolder(root)
    with state.being_written():
        file = state.make(_FOLDER) / str(port)
        file.touch()
        return file.open("r+b", buffering=0)


def is_led(lock: IO[bytes], target: int, *, limit_s: float = _LEFT_S) -> bool:
    """Tell whether a port leads to a target already; else it is locked from now on.

    Args:
        lock: What is locked.
        target: The port that it is to lead to.
        limit_s: Seconds that one which leads elsewhere, or whose session has just been
            left, is waited for.
    """
    end = time.monotonic() + limit_s
    _write(lock, target)  # whoever leads there goes on for that
    while time.monotonic() < end:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _read(lock)[:1] != [target]:
                _write(lock, target)
            time.sleep(_PAUSE_S)
        else:
            _write(lock, target)
            return False
    return True


def _write(lock: IO[bytes], target: int) -> None:
    # At one stroke, and another text each time: who leads there sees that it is asked.
    os.pwrite(lock.fileno(), f"{target:5} {time.monotonic_ns():20}".encode(), 0)


def _read(lock: IO[bytes]) -> list[int]:
    return [int(word) for word in os.pread(lock.fileno(), _SIZE, 0).split()]


class Claim:
    """Whether a door is still to lead where it does.

    Args:
        lock: What it has locked.
        target: Where that is.
        expect: Is called when somebody else asks for the same.
    """

    def __init__(
        self, lock: IO[bytes], target: int, *, expect: Callable[[], None]
    ) -> None:
        self._lock = lock
        self._target = target
        self._expect = expect
        self._text = _read(lock)

    def holds(self) -> bool:
        """Look at it."""
        text, before = _read(self._lock), self._text
        self._text = text
        if text != before:
            self._expect()
        return text[0] == self._target


def _find_debugger(root: Path, name: str, environment: str | None) -> int:
    """Return where the debugger of a process listens, or of its first instance."""
    client = Client.get(root)
    status = client.ask({"op": "status"})["status"]
    client.close()
    if environment and environment != status["environment"]:
        raise SceneshiftError(
            f"the stack that runs here is of {quote(status['environment'])}, and the "
            f"entry of {quote(environment)}",
            hint=f"switch it: inv env.switch {environment}",
        )
    ports = {each["name"]: each["debug_port"] for each in status["processes"]}
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
