"""How long 600,000 lines of three processes take through a supervisor.

Side by side, interleaved in one run, medians of several:

- `files`: the three children alone, each writing to a file of its own;
- `ours`: the output engine in a process of its own, to a file, a pipe and a terminal;
- `dev`: `inv dev` on a Procfile, where the command is given with `--dev`;
- `honcho` and, where npx has it, `concurrently`, to a file.

Run `python bench/output.py --rounds 5 --json result.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sceneshift.dev.output import Terminal

NAMES = ("backend", "worker", "frontend")
LINES = 200_000
CHILD = """\
import sys
line = "x" * 80
for _ in range(int(sys.argv[1])):
    print(line)
"""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way of running the three children.

    Attributes:
        name: What the table calls it.
        command: Its command line; None runs the children alone.
        viewer: Where its output goes: `file`, `pipe` or `terminal`.
        rounds: How often at most; honcho takes over a minute each time.
    """

    name: str
    command: tuple[str, ...] | None
    viewer: str = "file"
    rounds: int = 1_000


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one contender needed.

    Attributes:
        name: The contender.
        median_s: Median of its runs, from its start to its end.
        runs_s: All of them.
        ratio: The median over that of the children alone.
        lines: Lines that reached the viewer in the last run; None without one.
        peak_mb: The largest process of the last run in MB; the bench itself is about
            20, and a process that is smaller than its parent counts like it.
    """

    name: str
    median_s: float
    runs_s: tuple[float, ...]
    ratio: float
    lines: int | None
    peak_mb: float


def measure(
    rounds: int = 5,
    *,
    lines: int = LINES,
    unbuffered: bool = False,
    dev: tuple[str, ...] | None = None,
    peers: bool = True,
) -> list[Result]:
    """Run every contender so many times, in turns, and return what they needed.

    Args:
        rounds: How often each one runs.
        lines: Lines of each of the three children, of 81 bytes.
        unbuffered: Whether the children write each line at once.
        dev: A command that runs the Procfile in its working folder, as `inv dev`.
        peers: Whether honcho and concurrently run too.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_project(place, lines)
        contenders = list_contenders(place, dev=dev, peers=peers)
        runs: dict[str, list[float]] = {each.name: [] for each in contenders}
        seen: dict[str, int | None] = {}
        peaks: dict[str, float] = {}
        for number in range(rounds):
            for each in contenders:
                if number < each.rounds:
                    run = run_once(each, place, unbuffered=unbuffered, lines=lines)
                    runs[each.name].append(run.elapsed_s)
                    seen[each.name] = run.lines
                    peaks[each.name] = run.peak_mb
    base = statistics.median(runs["files"])
    return [
        Result(
            name=name,
            median_s=statistics.median(times),
            runs_s=tuple(times),
            ratio=statistics.median(times) / base,
            lines=seen[name],
            peak_mb=peaks[name],
        )
        for name, times in runs.items()
    ]


def write_project(place: Path, lines: int) -> None:
    """Write the child and a Procfile that starts it three times."""
    child = place / "child.py"
    child.write_text(CHILD)
    command = f"exec {sys.executable} {child} {lines}"
    procfile = "".join(f"{name}: {command}\n" for name in NAMES)
    (place / "Procfile").write_text(procfile)
    (place / "Procfile.dev").write_text(procfile)


def list_contenders(
    place: Path, *, dev: tuple[str, ...] | None, peers: bool
) -> list[Contender]:
    """Return the contenders that this machine has."""
    ours = (sys.executable, __file__, "--engine", str(place))
    found = [Contender(name="files", command=None)]
    found += [
        Contender(name=f"ours to a {viewer}", command=ours, viewer=viewer)
        for viewer in ("file", "pipe", "terminal")
    ]
    if dev:
        found.append(Contender(name="inv dev to a file", command=dev))
    honcho = Path(sys.executable).with_name("honcho")
    if peers and honcho.exists():
        start_honcho = (str(honcho), "-f", str(place / "Procfile"), "start")
        found.append(Contender(name="honcho to a file", command=start_honcho, rounds=1))
    if peers and (concurrently := find_concurrently(place)):
        line = (place / "Procfile").read_text().splitlines()[0].partition(": ")[2]
        command = (concurrently, "--names", ",".join(NAMES), *[line] * 3)
        found.append(Contender(name="concurrently to a file", command=command))
    return found


def find_concurrently(place: Path) -> str | None:
    """Install concurrently into a folder of the run, where npm can."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    install = (npm, "install", "--silent", "--prefix", str(place), "concurrently")
    subprocess.run(install, check=False, capture_output=True)
    program = place / "node_modules" / ".bin" / "concurrently"
    return str(program) if program.exists() else None


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: its time, the lines that its viewer got, the largest process."""

    elapsed_s: float
    lines: int | None
    peak_mb: float


def run_once(each: Contender, place: Path, *, unbuffered: bool, lines: int) -> Run:
    """Run one contender once."""
    env = {key: x for key, x in os.environ.items() if key != "PYTHONUNBUFFERED"}
    if unbuffered:
        env["PYTHONUNBUFFERED"] = "1"
    if each.command is None:
        return run_files(place, env, lines)
    if each.viewer == "file":
        return run_to_file(each.command, place, env)
    return run_to_reader(each.command, place, env, is_terminal=each.viewer != "pipe")


def run_files(place: Path, env: dict[str, str], lines: int) -> Run:
    """Let the children write to files of their own."""
    start = time.perf_counter()
    command = (sys.executable, str(place / "child.py"), str(lines))
    children = []
    for name in NAMES:
        with (place / name).open("wb") as file:
            children.append(subprocess.Popen(command, stdout=file, env=env))
    peak = max(wait_for(child) for child in children)
    return Run(elapsed_s=time.perf_counter() - start, lines=None, peak_mb=peak)


def run_to_file(command: tuple[str, ...], place: Path, env: dict[str, str]) -> Run:
    """Let a supervisor write to a file."""
    path = place / "output"
    start = time.perf_counter()
    with path.open("wb") as file:
        child = subprocess.Popen(command, stdout=file, env=env, cwd=place)
    peak = wait_for(child)
    elapsed = time.perf_counter() - start
    with path.open("rb") as file:
        lines = sum(line.endswith(b"x\n") for line in file)
    return Run(elapsed_s=elapsed, lines=lines, peak_mb=peak)


def run_to_reader(
    command: tuple[str, ...], place: Path, env: dict[str, str], *, is_terminal: bool
) -> Run:
    """Let a supervisor write to a pipe or a terminal that is read at once."""
    ours, theirs = pty.openpty() if is_terminal else os.pipe()
    seen = [0]

    def read() -> None:
        ending = b"x\r\n" if is_terminal else b"x\n"
        rest = b""
        while True:
            try:
                data = os.read(ours, 1 << 20)
            except OSError:
                return
            if not data:
                return
            data = rest + data
            cut = data.rfind(b"\n") + 1
            seen[0] += data.count(ending, 0, cut)
            rest = data[cut:]

    reader = threading.Thread(target=read)
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=theirs, env=env, cwd=place)
    os.close(theirs)
    reader.start()
    peak = wait_for(child)
    reader.join()
    elapsed = time.perf_counter() - start
    os.close(ours)
    return Run(elapsed_s=elapsed, lines=seen[0], peak_mb=peak)


def wait_for(child: subprocess.Popen[bytes]) -> float:
    """Wait for a child; return the largest size of it and its own in MB."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        # What broke off early must not be taken for fast.
        raise subprocess.CalledProcessError(child.returncode, child.args)
    divisor = 1e6 if sys.platform == "darwin" else 1e3
    return usage.ru_maxrss / divisor


def run_engine(place: Path) -> None:
    """Run the Procfile's commands with our output engine and nothing else."""
    import asyncio  # noqa: PLC0415 - the other ways to call this file need none

    before = peak_kb()
    elapsed = asyncio.run(run_stack(place))
    figures = {"before_kb": before, "peak_kb": peak_kb(), "children_s": elapsed}
    sys.stderr.write(json.dumps(figures) + "\n")


async def run_stack(place: Path) -> float:
    """Start the processes, carry their output, return the seconds that it took."""
    import asyncio  # noqa: PLC0415

    from sceneshift.dev.output import Style, Terminal  # noqa: PLC0415

    lines = (place / "Procfile").read_text().splitlines()
    commands = dict(line.split(": ", 1) for line in lines)
    is_terminal = os.isatty(1)
    terminal = Terminal(
        1,
        loop=asyncio.get_running_loop(),
        labels={name: f"{name}.1" for name in commands},
        style=Style(is_terminal=is_terminal, colour=is_terminal),
    )
    start = time.perf_counter()
    await asyncio.gather(
        *(carry(place, name, command, terminal) for name, command in commands.items())
    )
    terminal.close()
    return time.perf_counter() - start


async def carry(place: Path, name: str, command: str, terminal: Terminal) -> None:
    """Run one process and carry its output to its end."""
    import asyncio  # noqa: PLC0415

    from sceneshift.dev.output import (  # noqa: PLC0415
        PipeReader,
        ProcessStream,
        Ring,
        RotatingLog,
    )

    ended = asyncio.Event()
    log = RotatingLog(place / f"{name}.log")
    stream = ProcessStream(name, log=log, ring=Ring(), sinks=(terminal,))
    reading, writing = os.pipe()
    PipeReader(
        reading,
        stream.source(),
        loop=asyncio.get_running_loop(),
        gate=terminal.gate,
        on_end=ended.set,
    )
    child = subprocess.Popen(("sh", "-c", command), stdout=writing)  # noqa: ASYNC220
    os.close(writing)
    await ended.wait()
    child.wait()


def peak_kb() -> int:
    """Return the most memory that this process has had, in KB.

    `getrusage` counts what the parent had before the program was started.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return int(status.read_text().partition("VmHWM:")[2].split()[0])


def format_table(results: list[Result]) -> str:
    """Return the results as a table."""
    rows = [f"{'':24} {'median s':>9} {'ratio':>7} {'lines':>8} {'peak MB':>8}"]
    rows += [
        f"{x.name:24} {x.median_s:9.3f} {x.ratio:7.2f}"
        f" {x.lines or '':>8} {x.peak_mb:8.1f}"
        for x in results
    ]
    return "\n".join(rows)


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--unbuffered", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--dev", nargs="+", help="a command that runs Procfile.dev")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--engine", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.engine:
        run_engine(options.engine)
        return
    results = measure(
        options.rounds,
        lines=options.lines,
        unbuffered=options.unbuffered,
        dev=tuple(options.dev) if options.dev else None,
        peers=not options.no_peers,
    )
    print(format_table(results))
    if options.json:
        options.json.write_text(json.dumps([asdict(x) for x in results], indent=2))


if __name__ == "__main__":
    main()
