from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.core.processes import environment, find_process, processes
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[1] / "projects" / "orphans"
# Name in the Procfile: how many sleep at least once all of it runs. What forks in a
# chain is seen by luck only; it is under way when the one that began it sleeps.
KINDS = {
    "plain": 1,
    "shell": 2,
    "stubborn": 2,
    "setsid": 2,
    "daemon": 2,
    "forking": 3,
    "chain": 1,
}


class Trial:
    """A supervisor whose processes are found by a number that all of them carry."""

    def __init__(self, *names: str) -> None:
        # Whatever a failed test leaves ends by itself.
        self.seconds = f"300.{random.randrange(10**8, 10**9)}"  # noqa: S311
        self._supervisor = subprocess.Popen(
            [sys.executable, PROJECT / "supervise.py", *names],
            env={**os.environ, "LEAVE": self.seconds, "PYTHON": sys.executable},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.started = self.read()

    def read(self) -> dict[str, Any]:
        """Return what the supervisor says next."""
        assert self._supervisor.stdout is not None
        line = json.loads(self._supervisor.stdout.readline())
        assert isinstance(line, dict)
        return line

    def left(self) -> list[int]:
        """Return the processes that run, but for the supervisor and its guard."""
        own = {self.started["supervisor"], self.started["guard"]}
        return [
            entry.pid
            for entry in processes().values()
            if entry.is_running and entry.pid not in own and self._is_marked(entry.pid)
        ]

    def count_sleeping(self) -> int:
        """Return how many have become the program that they stay."""
        sleeping = f"sleep\0{self.seconds}\0".encode()
        return [command_line(pid) for pid in processes()].count(sleeping)

    def _is_marked(self, pid: int) -> bool:
        return self.seconds.encode() in command_line(pid) + environment(pid)

    def kill(self, *who: str) -> None:
        """Kill the supervisor, the guard or both."""
        for name in who:
            os.kill(self.started[name], signal.SIGKILL)

    def close(self) -> None:
        """Leave nothing, whatever the test has found."""
        self._supervisor.kill()
        self._supervisor.communicate()
        for pid in self.left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def command_line(pid: int) -> bytes:
    """Return the arguments of a process, ended by NUL each; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture(params=sorted(KINDS))
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    """Return a supervisor that runs one kind, all of whose processes are there."""
    made = Trial(request.param)
    try:
        wait_until(lambda: made.count_sleeping() >= KINDS[request.param])
        yield made
    finally:
        made.close()


@pytest.fixture
def everything() -> Iterator[Trial]:
    """Return a supervisor that runs all kinds at once."""
    made = Trial(*KINDS)
    try:
        wait_until(lambda: made.count_sleeping() >= sum(KINDS.values()))
        yield made
    finally:
        made.close()


def is_gone(pid: int) -> bool:
    """Whether nothing but perhaps a zombie has that number."""
    entry = find_process(pid)
    return entry is None or not entry.is_running


def test_nothing_outlives_a_killed_supervisor(trial: Trial) -> None:
    """Whatever a process does to get away, SIGKILL of the supervisor ends it."""
    trial.kill("supervisor")
    wait_until(lambda: not trial.left())
    wait_until(lambda: is_gone(trial.started["guard"]))


def test_nothing_outlives_a_killed_guard(trial: Trial) -> None:
    """The supervisor ends what a killed guard has left, and then says so."""
    trial.kill("guard")
    assert trial.read() == {"event": "guard lost"}
    assert not trial.left()


def test_all_kinds_at_once_go_with_the_supervisor(everything: Trial) -> None:
    """A growing tree of many kinds is ended as a whole."""
    everything.kill("supervisor")
    wait_until(lambda: not everything.left())


def test_all_kinds_at_once_go_with_the_guard(everything: Trial) -> None:
    """The supervisor manages the same."""
    everything.kill("guard")
    assert everything.read() == {"event": "guard lost"}
    assert not everything.left()


def test_started_processes_go_when_both_are_killed_at_once() -> None:
    """Where nobody is left to do it, the kernel ends what the guard started itself."""
    trial = Trial("plain")
    try:
        wait_until(trial.left)
        trial.kill("guard", "supervisor")
        wait_until(lambda: not trial.left())
    finally:
        trial.close()


@pytest.mark.parametrize("number", ["INT", "TERM", "HUP", "QUIT", "TSTP", "USR1"])
def test_the_guard_takes_no_orders_by_signal(number: str) -> None:
    """Only the end of its supervisor ends the guard, not what a terminal sends."""
    trial = Trial("plain")
    try:
        wait_until(trial.left)
        os.kill(trial.started["guard"], getattr(signal, f"SIG{number}"))
        entry = find_process(trial.started["guard"])
        assert entry is not None
        assert entry.state in "SR"
        assert trial.left()
    finally:
        trial.close()


def test_a_fork_that_holds_the_link_does_not_keep_the_guard() -> None:
    """The guard watches the supervisor itself, not only the socket.

    The test takes copies of the supervisor's sockets, as a fork of it would have.
    """
    trial = Trial("plain")
    try:
        wait_until(trial.left)
        copies = _copies_of_sockets(trial.started["supervisor"])
        assert copies
        trial.kill("supervisor")
        wait_until(lambda: is_gone(trial.started["guard"]))
        assert not trial.left()
        for copy in copies:
            os.close(copy)
    finally:
        trial.close()


def _copies_of_sockets(pid: int) -> list[int]:
    """Return duplicates of another process's sockets; see pidfd_getfd(2)."""
    import ctypes  # noqa: PLC0415 - for this one call

    call = ctypes.CDLL(None).syscall
    handle = os.pidfd_open(pid)
    folder = Path(f"/proc/{pid}/fd")
    numbers = [
        int(path.name)
        for path in folder.iterdir()
        if str(path.readlink()).startswith("socket:")
    ]
    copies = [call(438, handle, number, 0) for number in numbers]
    os.close(handle)
    return [copy for copy in copies if copy >= 0]
