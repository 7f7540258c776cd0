"""What is left after `kill -9` of a supervisor, ours and honcho in turn.

Each trial runs processes of every kind that tries to get away, kills the supervisor
alone, and looks for what still runs. All of them carry a number of the trial in their
arguments or environment; what a peer leaves is killed by that number.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.record import OURS, Record, Target, show_progress
from bench.running import DEV, ROOT, TASKS, await_value, make_environment
from sceneshift.core.processes import environment, processes

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROJECT = ROOT / "tests" / "projects" / "orphans"
# Kind of the project's Procfile: how many sleeps it has at least once it runs.
KINDS = {
    "plain": 1,
    "shell": 2,
    "stubborn": 2,
    "setsid": 2,
    "daemon": 2,
    "forking": 2,
    "chain": 1,
}
_COUNTED_S = 1.0
_START_S = 30.0
TOOLS = {
    OURS: DEV,
    "honcho": (sys.executable, "-m", "honcho", "-f", "Procfile.dev", "start"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One trial.

    Attributes:
        tool: Which supervisor.
        before: Processes at the kill, the supervisor not counted.
        left: Those that still ran a second later.
        gone_s: Seconds until none ran; None where that took more than a second.
    """

    tool: str
    before: int
    left: int
    gone_s: float | None


def measure(_root: Path, *, runs: int = 50, peer_runs: int = 5) -> Record:
    """Run all trials, the tools in turn.

    Args:
        runs: Trials of our supervisor.
        peer_runs: Trials of each peer.
    """
    record = Record(bench="orphans", runs=runs)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "project"
        shutil.copytree(_PROJECT, place)
        (place / "tasks.py").write_text(TASKS)
        for number in range(max(runs, peer_runs)):
            for tool in TOOLS:
                if number < (runs if tool == OURS else peer_runs):
                    show_progress(f"trial {number + 1}/{runs}: {tool}")
                    outcomes.append(run_trial(tool, place))
    summarize(outcomes, record)
    return record


def run_trial(tool: str, place: Path) -> Outcome:
    """Start, kill, count, and leave nothing."""
    # Whatever a broken trial leaves ends by itself.
    mark = f"300.{random.randrange(10**8, 10**9)}"  # noqa: S311 - a name
    with supervisor(tool, mark, place) as top:
        await_value(lambda: count_sleeps(mark) >= sum(KINDS.values()), _START_S)
        before = len(find_marked(mark, top.pid))
        top.kill()
        start = time.perf_counter()
        top.wait()
        gone_s = None
        with contextlib.suppress(TimeoutError):
            await_value(lambda: not find_marked(mark, top.pid), _COUNTED_S)
            gone_s = time.perf_counter() - start
        left = len(find_marked(mark, top.pid))
        return Outcome(tool=tool, before=before, left=left, gone_s=gone_s)


@contextlib.contextmanager
def supervisor(tool: str, mark: str, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a supervisor; afterwards end whatever it has left."""
    top = subprocess.Popen(
        TOOLS[tool],
        env=make_environment(LEAVE=mark, PYTHON=sys.executable),
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield top
    finally:
        top.kill()
        top.wait()
        await_value(lambda: not _end(find_marked(mark, top.pid)), _START_S)


def find_marked(mark: str, top: int) -> list[int]:
    """Return the processes of a trial that run, but for the supervisor itself."""
    return [
        entry.pid
        for entry in processes().values()
        if entry.is_running
        and entry.pid != top
        and mark.encode() in _arguments(entry.pid) + environment(entry.pid)
    ]


def count_sleeps(mark: str) -> int:
    """Return how many of a trial's processes have become what they are to be."""
    ending = b"sleep\0" + mark.encode() + b"\0"
    return sum(_arguments(pid).endswith(ending) for pid in processes())


def _arguments(pid: int) -> bytes:
    """Return a process's arguments; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _end(pids: list[int]) -> list[int]:
    """Kill what a trial has left and return it."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return pids


def summarize(outcomes: list[Outcome], record: Record) -> None:
    """Add the trials to a record."""
    for tool in TOOLS:
        mine = [one for one in outcomes if one.tool == tool]
        times = [one.gone_s * 1000 for one in mine if one.gone_s is not None]
        record.add("processes at the kill", "", {tool: [one.before for one in mine]})
        record.add("left after 1 s", "", {tool: [one.left for one in mine]})
        record.add("until all were gone", "ms", {tool: times})
        unclean = sum(one.left > 0 for one in mine)
        record.notes.append(f"{tool}: {unclean} of {len(mine)} trials left something")
        if tool == OURS:
            record.targets.append(
                Target(
                    what="trials that left something",
                    ours=unclean,
                    limit="0, gone within 1 s",
                    is_met=unclean == 0,
                )
            )
