"""How long 600,000 lines of three processes take through a supervisor.

Three programs print and end; so does whoever runs them. Beside each other, in turns:
the programs alone, each writing to a file; `inv dev` to a file and to a terminal; `cat`
of what `inv dev` wrote to such a terminal, for that is what a terminal takes; honcho
and concurrently to a file. Once with programs that write each line at once, as every
supervisor asks Python to, and once with programs that gather theirs in blocks.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers import install_peers
from bench.record import OURS, Record, show_progress
from bench.running import DEV, make_environment, write_project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.peers import Peers

NAMES = ("backend", "worker", "frontend")
LINES = 200_000
_WRITER = """\
import sys
line = "x" * 80
for _ in range(int(sys.argv[1])):
    print(line)
"""
_LINE = b"x" * 80
_FILES = "the programs alone, to files"
_TO_FILE = f"{OURS} to a file"
_TO_TERMINAL = f"{OURS} to a terminal"
_CAT = "cat of the same to a terminal"
_IDLE = f"{OURS}, 3 lines: start and end alone"
_HONCHO = "honcho to a file"
_CONCURRENTLY = "concurrently to a file"
# Case: the value of PYTHONUNBUFFERED; a Procfile's empty one asks for blocks.
_CASES = {"each line at once": "1", "in blocks": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way of running the three programs.

    Attributes:
        name: What the table calls it.
        argv: Its command line; None runs the programs alone.
        is_terminal: Whether its output is a terminal.
        runs: How often at most; honcho takes many seconds each time.
        is_idle: Whether its programs print nothing worth while: what is left is the
            time that starting and ending takes.
    """

    name: str
    argv: tuple[str, ...] | None
    is_terminal: bool = False
    runs: int = 1_000
    is_idle: bool = False


def measure(
    root: Path, *, runs: int = 15, lines: int = LINES, peer_runs: int = 1
) -> Record:
    """Measure both kinds of programs.

    Args:
        root: The project in whose state folder the peers are installed.
        runs: How often each contender runs.
        lines: Lines of each of the three programs, of 81 bytes.
        peer_runs: How often honcho runs, and a third of how often concurrently
            does; 0 leaves both out.
    """
    record = Record(bench="output", runs=runs)
    installed = install_peers(root) if peer_runs else None
    for case, unbuffered in _CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            write_writers(place / "busy", lines, unbuffered)
            write_writers(place / "idle", 1, unbuffered)
            contenders = list_contenders(lines, installed, unbuffered, peer_runs)
            measure_case(case, contenders, place, record, runs=runs, lines=lines)
    return record


def write_writers(place: Path, lines: int, unbuffered: str) -> None:
    """Write the program and a Procfile that starts it three times."""
    place.mkdir()
    (place / "writer.py").write_text(_WRITER)
    prefix = "" if unbuffered else "PYTHONUNBUFFERED= "
    command = f"{prefix}{sys.executable} writer.py {lines}"
    write_project(place, dict.fromkeys(NAMES, command))


def list_contenders(
    lines: int, installed: Peers | None, unbuffered: str, peer_runs: int
) -> list[Contender]:
    """Return the contenders that this machine has."""
    found = [
        Contender(name=_FILES, argv=None),
        Contender(name=_TO_FILE, argv=DEV),
        Contender(name=_TO_TERMINAL, argv=DEV, is_terminal=True),
        Contender(name=_CAT, argv=("cat", "../busy.shown"), is_terminal=True),
        Contender(name=_IDLE, argv=DEV, is_idle=True),
    ]
    if installed is None:
        return found
    start = (installed.program("honcho"), "start")
    found.append(Contender(name=_HONCHO, argv=start, runs=peer_runs))
    if installed.has("concurrently"):
        words = f"PYTHONUNBUFFERED={unbuffered} {sys.executable} writer.py {lines}"
        argv = (installed.program("concurrently"), "--names", ",".join(NAMES))
        found.append(
            Contender(
                name=_CONCURRENTLY, argv=(*argv, *[words] * 3), runs=3 * peer_runs
            )
        )
    return found


def measure_case(  # noqa: PLR0913 - a case and its measure
    case: str,
    contenders: Sequence[Contender],
    place: Path,
    record: Record,
    *,
    runs: int,
    lines: int,
) -> None:
    """Run the contenders in turns and add their times to a record."""
    samples: dict[str, list[float]] = {each.name: [] for each in contenders}
    for number in range(runs):
        for each in contenders:
            if number < each.runs:
                show_progress(f"{case} {number + 1}/{runs}: {each.name}")
                wanted = 1 if each.is_idle else lines
                folder = place / ("idle" if each.is_idle else "busy")
                elapsed, seen = run_once(each, folder, case=case, lines=wanted)
                samples[each.name].append(elapsed)
                if seen != len(NAMES) * wanted:
                    record.notes.append(f"{case}: {each.name}: {seen:,} lines came")
    name = f"{len(NAMES) * lines:,} lines, {case}"
    record.add(name, "s", samples)
    record.compare(name, _TO_FILE, _FILES, at_most=1.5)
    record.compare(name, _TO_TERMINAL, _CAT, at_most=1.5)
    record.compare(name, _TO_FILE, _HONCHO, faster=20)
    _split(name, record)
    _bound(name, record)


def _split(name: str, record: Record) -> None:
    """Tell what the lines cost without starting and ending."""
    whole, idle = record.find(name, _TO_FILE), record.find(name, _IDLE)
    alone = record.find(name, _FILES)
    if whole and idle and alone:
        carried = whole.median - idle.median
        record.notes.append(
            f"{name}: {carried:.2f} s beyond starting and ending,"
            f" {carried / alone.median:.2f} times the programs alone"
        )


def _bound(name: str, record: Record) -> None:
    """Tell how many times faster than honcho anyone can be."""
    honcho, alone = record.find(name, _HONCHO), record.find(name, _FILES)
    if honcho and alone:
        record.notes.append(
            f"{name}: honcho takes {honcho.median / alone.median:.1f} times as long as"
            " the programs alone"
        )


def run_once(
    each: Contender, place: Path, *, case: str, lines: int
) -> tuple[float, int]:
    """Run one contender; return its seconds and the lines that came."""
    if each.argv is None:
        return run_files(place, case=case, lines=lines)
    if each.is_terminal:
        return run_to_terminal(each.argv, place)
    return run_to_file(each.argv, place)


def run_files(place: Path, *, case: str, lines: int) -> tuple[float, int]:
    """Let the programs write to files of their own, in the environment of ours."""
    env = make_environment(PYTHONUNBUFFERED=_CASES[case])
    argv = (sys.executable, "writer.py", str(lines))
    start = time.perf_counter()
    children = []
    for name in NAMES:
        with (place / name).open("wb") as file:
            child = subprocess.Popen(argv, stdout=file, env=env, cwd=place)
        children.append(child)
    for child in children:
        _check(child)
    elapsed = time.perf_counter() - start
    return elapsed, sum(_count(place / name) for name in NAMES)


def run_to_file(argv: Sequence[str], place: Path) -> tuple[float, int]:
    """Let a supervisor write to a file."""
    path = place.with_name(f"{place.name}.out")
    start = time.perf_counter()
    with path.open("wb") as file:
        child = subprocess.Popen(
            argv, stdout=file, stderr=file, env=make_environment(), cwd=place
        )
    _check(child)
    elapsed = time.perf_counter() - start
    count = _count(path)
    path.unlink()
    return elapsed, count


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(_LINE in line for line in file)


def run_to_terminal(argv: Sequence[str], place: Path) -> tuple[float, int]:
    """Let a program write to a terminal that is read at once.

    What the first one wrote is kept beside the folder.
    """
    ours, theirs = pty.openpty()
    pieces: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(ours, pieces))
    start = time.perf_counter()
    child = subprocess.Popen(
        argv, stdout=theirs, stderr=theirs, env=make_environment(), cwd=place
    )
    os.close(theirs)
    reader.start()
    _check(child)
    reader.join()
    elapsed = time.perf_counter() - start
    os.close(ours)
    shown = b"".join(pieces).replace(b"\r\n", b"\n")
    kept = place.with_name(f"{place.name}.shown")
    if not kept.exists():
        kept.write_bytes(shown)
    return elapsed, sum(_LINE in line for line in shown.splitlines())


def _read_all(fd: int, pieces: list[bytes]) -> None:
    while True:
        try:
            data = os.read(fd, 1 << 20)
        except OSError:  # the last writer has closed it
            return
        if not data:
            return
        pieces.append(data)


def _check(child: subprocess.Popen[bytes]) -> None:
    """Wait for a child; what broke off early must not be taken for fast.

    Raises:
        subprocess.CalledProcessError: It did.
    """
    if child.wait():
        raise subprocess.CalledProcessError(child.returncode, child.args)
