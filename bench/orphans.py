"""What is left after `kill -9` of a supervisor, ours and honcho in turn.

Each trial starts one kind of process that tries to get away, kills the supervisor
alone, and looks for what still runs. Every process of a trial carries a number of its
own in its arguments or environment; what a peer leaves is killed by that number.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sceneshift.core.processes import environment, processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PROJECT = Path(__file__).parents[1] / "tests" / "projects" / "orphans"
# Kind: how many processes there are at least once it runs.
KINDS = {
    "plain": 1,
    "shell": 2,
    "stubborn": 3,
    "setsid": 2,
    "daemon": 2,
    "forking": 4,
    "chain": 2,
}
_COUNTED_S = 1.0
_START_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One trial.

    Attributes:
        tool: Which supervisor.
        kind: What it ran.
        left: Processes that still ran a second after the kill.
        gone_s: Seconds until none ran; None where that took more than a second.
    """

    tool: str
    kind: str
    left: int
    gone_s: float | None


def run_ours(kind: str, folder: Path) -> list[str]:
    """Return our command line; `inv dev` of one process will take its place."""
    return [sys.executable, str(folder / "supervise.py"), kind]


def run_honcho(kind: str, folder: Path) -> list[str]:
    """Return honcho's command line."""
    procfile = str(folder / "Procfile.dev")
    return [sys.executable, "-m", "honcho", "-f", procfile, "start", kind]


TOOLS: dict[str, Callable[[str, Path], list[str]]] = {
    "sceneshift": run_ours,
    "honcho": run_honcho,
}


def measure(
    *, trials: int, peer_trials: int, kinds: Sequence[str] = tuple(KINDS)
) -> list[Outcome]:
    """Run all trials, the tools in turn.

    Args:
        trials: How often each kind runs under our supervisor.
        peer_trials: The same for each peer, whose trials take a second at least.
        kinds: Names from `KINDS`.
    """
    outcomes = []
    for turn in range(max(trials, peer_trials)):
        for kind in kinds:
            for tool in TOOLS:
                if turn < (trials if tool == "sceneshift" else peer_trials):
                    outcomes.append(run_trial(tool, kind))
                    show_progress(len(outcomes))
    return outcomes


def run_trial(tool: str, kind: str) -> Outcome:
    """Start, kill, count, and leave nothing."""
    mark = f"300.{random.randrange(10**8, 10**9)}"  # noqa: S311 - a name
    with (
        tempfile.TemporaryFile() as output,
        supervisor(tool, kind, mark, output) as top,
    ):
        if not wait_for(lambda: len(marked(mark, top)) >= expected(kind), _START_S):
            output.seek(0)
            raise RuntimeError(f"{tool} does not run {kind}: {output.read()!r}")
        top.kill()
        start = time.perf_counter()
        top.wait()
        gone = wait_for(lambda: not marked(mark, top), _COUNTED_S)
        gone_s = time.perf_counter() - start if gone else None
        return Outcome(tool=tool, kind=kind, left=len(marked(mark, top)), gone_s=gone_s)


def expected(kind: str) -> int:
    """Return how many processes a trial waits for: guard or wrapper count too."""
    return KINDS[kind] + 1


@contextlib.contextmanager
def supervisor(
    tool: str, kind: str, mark: str, output: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a supervisor; afterwards end whatever it has left."""
    top = subprocess.Popen(
        TOOLS[tool](kind, PROJECT),
        env={**os.environ, "LEAVE": mark, "PYTHON": sys.executable},
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        yield top
    finally:
        top.kill()
        top.wait()
        wait_for(lambda: not end(marked(mark, top)), _START_S)


def marked(mark: str, top: subprocess.Popen[bytes]) -> list[int]:
    """Return the processes of a trial that run, but for the supervisor itself."""
    return [
        entry.pid
        for entry in processes().values()
        if entry.is_running
        and entry.pid != top.pid
        and mark.encode() in arguments(entry.pid) + environment(entry.pid)
    ]


def arguments(pid: int) -> bytes:
    """Return a process's arguments; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def end(pids: list[int]) -> list[int]:
    """Kill what a trial has left and return it."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return pids


def wait_for(predicate: Callable[[], bool], time_s: float) -> bool:
    """Look every few milliseconds; return whether it came true in time."""
    deadline = time.monotonic() + time_s
    while not predicate():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.003)
    return True


def summarize(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """Return a row for each tool and kind."""
    rows: list[dict[str, object]] = []
    for tool in TOOLS:
        for kind in KINDS:
            mine = [one for one in outcomes if (one.tool, one.kind) == (tool, kind)]
            times = [one.gone_s for one in mine if one.gone_s is not None]
            if mine:
                rows.append(
                    {
                        "tool": tool,
                        "kind": kind,
                        "trials": len(mine),
                        "unclean": sum(one.left > 0 for one in mine),
                        "left": sum(one.left for one in mine),
                        "median_s": statistics.median(times) if times else None,
                        "max_s": max(times, default=None),
                    }
                )
    return rows


def format_table(rows: Sequence[dict[str, object]]) -> str:
    """Return the rows for people, times in milliseconds."""
    lines = ["tool        kind      trials  unclean  left  median ms  max ms"]
    for row in rows:
        median, longest = (
            "-" if row[name] is None else f"{float(str(row[name])) * 1000:.0f}"
            for name in ("median_s", "max_s")
        )
        lines.append(
            f"{row['tool']:<11} {row['kind']:<9} {row['trials']:>6}"
            f" {row['unclean']:>8} {row['left']:>5} {median:>10} {longest:>7}"
        )
    return "\n".join(lines)


def show_progress(count: int) -> None:
    """Count the trials on a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{count} trials")
        sys.stderr.flush()


def main() -> None:
    """Measure and print a table, or JSON with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--peer-trials", type=int, default=4)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    outcomes = measure(
        trials=options.trials, peer_trials=options.peer_trials, kinds=options.kinds
    )
    rows = summarize(outcomes)
    print(format_table(rows), file=sys.stderr)
    if options.json:
        print(json.dumps({"rows": rows, "trials": [asdict(one) for one in outcomes]}))


if __name__ == "__main__":
    main()
