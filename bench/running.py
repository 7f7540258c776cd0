"""Programs under measurement: started, awaited, ended with all that is theirs."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sceneshift.core.client import Client
from sceneshift.core.processes import descendants, send_signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
DEV = (sys.executable, "-m", "invoke", "dev")
TASKS = "from sceneshift import namespace\n\nns = namespace()\n"
_FOREIGN = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
_START_S = 60.0
_END_S = 20.0


def make_environment(**more: str) -> dict[str, str]:
    """Return the environment of everything that is measured.

    PYTHONUNBUFFERED of whoever measures would make the peers' children others, and with
    PYTHONDONTWRITEBYTECODE each start would compile what is not installed anew.
    """
    env = {key: x for key, x in os.environ.items() if key not in _FOREIGN}
    paths = [str(ROOT / "src"), env.get("PYTHONPATH", "")]
    env["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return env | more


def write_project(
    folder: Path, procfile: Mapping[str, str], ports: Mapping[str, int] | None = None
) -> None:
    """Make a folder a project of ours, and of everybody who reads a Procfile."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{name}: {command}\n" for name, command in procfile.items())
    for name in ("Procfile", "Procfile.dev"):
        (folder / name).write_text(text)
    (folder / "tasks.py").write_text(TASKS)
    listed = ", ".join(f"{name} = {port}" for name, port in (ports or {}).items())
    table = f"[tool.sceneshift.environments.development]\nports = {{ {listed} }}\n"
    (folder / "pyproject.toml").write_text(table)


def find_port() -> int:
    """Return a port that nobody has at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        assert isinstance(port, int)
        return port


def find_log(folder: Path) -> Path:
    """Return where the output of what runs in a folder goes: beside the folder.

    There are reloaders that take every file in their folder for a source.
    """
    return folder.with_name(f"{folder.name}.log")


@contextlib.contextmanager
def running(
    argv: Sequence[str], folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a session of its own; end it and its descendants afterwards.

    Its output goes to `find_log(folder)`.
    """
    with find_log(folder).open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env=make_environment() if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    mine = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_S)
    process.kill()
    process.wait()
    for entry in mine:
        send_signal(entry, signal.SIGKILL)


@contextlib.contextmanager
def running_stack(
    folder: Path, env: Mapping[str, str] | None = None, *flags: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `inv dev` in a folder; it is ready when this is entered."""
    with running((*DEV, *flags), folder, env) as process:
        client = await_value(lambda: _find_client(folder, process), _START_S)
        try:
            client.ask({"op": "ready"}, wait_s=_START_S)
        finally:
            client.close()
        yield process


def _find_client(folder: Path, process: subprocess.Popen[bytes]) -> Client | None:
    if process.poll() is not None:
        words = find_log(folder).read_text(errors="replace")
        raise RuntimeError(f"`inv dev` has ended: {words[-2000:]}")
    return Client.find(folder)


def await_value(look: Callable[[], T | None], time_s: float) -> T:
    """Look every few milliseconds until there is something.

    Raises:
        TimeoutError: There was nothing in that time.
    """
    deadline = time.monotonic() + time_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.003)
    raise TimeoutError(f"nothing within {time_s:g} s")
