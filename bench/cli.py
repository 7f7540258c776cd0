"""How long commands take beside bare invoke, and how much memory a stack takes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.record import OURS, Record, show_progress
from bench.running import (
    await_value,
    make_environment,
    running,
    running_stack,
    write_project,
)
from sceneshift.core.processes import (
    descendants,
    proportional_bytes,
    resident_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

INV = (sys.executable, "-m", "invoke")
_BARE = "bare invoke, empty tasks.py"
_WALL, _CPU = "command, elapsed", "command, processor time"
_PROCESSES = 10
_LIMIT_MB = 40
_START_S = 30.0
_LOOKS = {"env.list": 400, "env.show": 400, "env.ports": 400, "env.validate": 2000}
_ABOUT = {"env.show": ("staging",), "env.validate": ("staging",)}
_SILENT = """
[tool.sceneshift.environments.staging]
databases = {{ default = "postgresql://app@127.0.0.1:{port}/app" }}
"""
_PYTHON = "import threading\nthreading.Event().wait()\n"


def measure(_root: Path, *, runs: int = 30) -> Record:
    """Measure commands, then memory.

    Args:
        runs: How often each command is timed, in turns.
    """
    record = Record(bench="cli", runs=runs)
    with tempfile.TemporaryDirectory() as folder:
        measure_commands(Path(folder), record, runs=runs)
        measure_memory(Path(folder), record)
    return record


def measure_commands(folder: Path, record: Record, *, runs: int) -> None:
    """Add the times of commands to a record."""
    empty, stack = folder / "empty", folder / "stack"
    empty.mkdir()
    (empty / "tasks.py").touch()
    write_project(stack, _name_all("exec sleep 1000"))
    looks = {
        f"{OURS} {name}": ((*INV, name, *_ABOUT.get(name, ())), stack)
        for name in _LOOKS
    }
    commands = {
        f"{OURS} --list": ((*INV, "--list"), stack),
        f"{OURS} dev.status": ((*INV, "dev.status"), stack),
        _BARE: ((*INV, "--list"), empty),
        **looks,
    }
    walls: dict[str, list[float]] = {name: [] for name in commands}
    times: dict[str, list[float]] = {name: [] for name in commands}
    with running_stack(stack), socket.create_server(("127.0.0.1", 0)) as silent:
        with (stack / "pyproject.toml").open("a") as file:
            file.write(_SILENT.format(port=silent.getsockname()[1]))
        for number in range(-1, runs):
            show_progress(f"commands {number + 1}/{runs}")
            for name, (argv, place) in commands.items():
                wall_ms, cpu_ms = run_once(argv, place)
                # The first of each writes byte code and fills the page cache.
                if number >= 0:
                    walls[name].append(wall_ms)
                    times[name].append(cpu_ms)
    record.add(_WALL, "ms", walls)
    record.add(_CPU, "ms", times)
    for name in (f"{OURS} --list", f"{OURS} dev.status"):
        record.compare(_WALL, name, _BARE, at_most=1.3)
    for look, limit_ms in _LOOKS.items():
        record.aim(_WALL, f"{OURS} {look}", at_most=limit_ms)
    record.notes.append("one environment's database accepts, and never answers")


def run_once(argv: Sequence[str], folder: Path) -> tuple[float, float]:
    """Run a command; return its elapsed and its processor time in ms."""
    start = time.perf_counter()
    child = subprocess.Popen(
        argv,
        cwd=folder,
        env=make_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    elapsed = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    return elapsed * 1000, (usage.ru_utime + usage.ru_stime) * 1000


def measure_memory(folder: Path, record: Record) -> None:
    """Add what a stack of ten takes to a record: sleeps, then Python programs."""
    sleeps, python = folder / "sleeps", folder / "python"
    write_project(sleeps, _name_all("exec sleep 1000"))
    write_project(python, _name_all(f"{sys.executable} idle.py"))
    (python / "idle.py").write_text(_PYTHON)
    show_progress("memory")
    kinds = {"10 sleeps": (sleeps, "sleep"), "10 Python programs": (python, "idle.py")}
    for kind, (place, word) in kinds.items():
        with running_stack(place) as top:
            # Children for the next reload are made after everything is ready.
            time.sleep(1.5)
            _add_ours(record, kind, weigh(top.pid))
        _weigh_honcho(record, kind, place, word)
    for unit in ("RSS", "PSS"):
        record.aim(f"memory, 10 sleeps, {unit}", OURS, at_most=_LIMIT_MB)
    record.notes.append(
        f"{OURS} in the memory cases is the supervisor with its guard; honcho is its"
        " parent and one wrapper a process; the rest are the programs themselves,"
        " with our zygotes and the children that wait for a reload"
    )


def _weigh_honcho(record: Record, kind: str, place: Path, word: str) -> None:
    peer = _find_honcho()
    if peer is None:
        record.left_out["honcho"] = "it is not installed"
        return
    with running((*peer, "start"), place) as top:
        await_value(lambda: _count(top.pid, word) >= _PROCESSES, _START_S)
        time.sleep(0.5)
        _add_peer(record, kind, weigh(top.pid))


def weigh(pid: int) -> dict[str, tuple[float, float]]:
    """Return RSS and PSS in MB of a process and its descendants, by command line."""
    found: dict[str, tuple[float, float]] = {}
    for each in (pid, *(entry.pid for entry in descendants(pid))):
        rss, pss = resident_bytes(each) / 1e6, proportional_bytes(each) / 1e6
        found[f"{each} {_command(each)}"] = (rss, pss)
    return found


def _add_ours(
    record: Record, kind: str, weights: Mapping[str, tuple[float, float]]
) -> None:
    own = {name: x for name, x in weights.items() if _is_own(name)}
    supervisor, *guards = own.values()
    for index, unit in enumerate(("RSS", "PSS")):
        rest = [x[index] for name, x in weights.items() if name not in own]
        record.add(
            f"memory, {kind}, {unit}",
            "MB",
            {
                OURS: [sum(x[index] for x in own.values())],
                f"{OURS}: supervisor": [supervisor[index]],
                f"{OURS}: guard": [sum(x[index] for x in guards)],
                f"{OURS}: all the rest": [sum(rest)],
            },
        )


def _is_own(name: str) -> bool:
    """Whether that is the supervisor or the guard, and no zygote or program."""
    return "guard" in name or "invoke" in name or "sceneshift.dev " in f"{name} "


def _add_peer(
    record: Record, kind: str, weights: Mapping[str, tuple[float, float]]
) -> None:
    wrappers = {name: x for name, x in weights.items() if "honcho" in name}
    for index, unit in enumerate(("RSS", "PSS")):
        values = {
            "honcho": [sum(x[index] for x in wrappers.values())],
            "honcho: all the rest": [
                sum(x[index] for name, x in weights.items() if name not in wrappers)
            ],
        }
        record.add(f"memory, {kind}, {unit}", "MB", values)


def _find_honcho() -> tuple[str, ...] | None:
    beside = Path(sys.executable).with_name("honcho")
    found = str(beside) if beside.exists() else shutil.which("honcho")
    return (found,) if found else None


def _count(pid: int, word: str) -> int:
    return sum(word in name for name in _commands(pid) if "honcho" not in name)


def _commands(pid: int) -> Iterator[str]:
    return (_command(entry.pid) for entry in descendants(pid))


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return words.replace(b"\0", b" ").decode(errors="replace")


def _name_all(command: str) -> dict[str, str]:
    return {f"p{number}": command for number in range(_PROCESSES)}
