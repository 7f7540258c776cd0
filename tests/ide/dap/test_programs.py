from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from breakpoints import ENVIRON
from sceneshift.core.process_entry import ProcessEntry
from sceneshift.core.processes import find_process, is_alive
from sceneshift.ide.dap import programs as dapprograms
from sceneshift.ide.dap.framing import DebugError
from sceneshift.ide.dap.programs import MARK, Programs
from sceneshift.ide.dap.sweep import sweep
from support import wait_until

BARE = (sys.executable, "-I", "-S", "-c")
SLEEP = "import time; time.sleep(99)"
LEFT = f"import os; os.setsid(); {SLEEP}"
LEAVE = f"import subprocess, sys; subprocess.Popen([*{BARE!r}, {LEFT!r}])"

KILLED = f"""
import os, time
from sceneshift.ide.dap.programs import Programs
programs = Programs(os.environ)
print(programs.spawn([*{BARE!r}, {SLEEP!r}]).pid, flush=True)
time.sleep(99)
"""


def test_what_has_left_its_parent_and_session_is_ended() -> None:
    """As debugpy's own adapter does."""
    programs = Programs(ENVIRON)
    programs.spawn([*BARE, LEAVE]).wait()
    (orphan,) = programs.find()
    programs.end()
    assert not is_alive(*orphan.key)


def test_nothing_outlives_a_debugger_that_is_killed() -> None:
    """Neither a signal that cannot be handled nor a lack of memory leaves a program."""
    words = [sys.executable, "-c", KILLED]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=ENVIRON) as debugger:
        assert debugger.stdout is not None
        entry = find_process(int(debugger.stdout.readline()))
        assert entry is not None
        os.kill(debugger.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(*entry.key))


def test_a_sweep_ends_what_bears_the_mark_alone() -> None:
    """Another debugger's programs are none of its business."""
    with Programs({}) as ours, Programs({}) as others:
        ours.spawn([*BARE, SLEEP])
        others.spawn([*BARE, SLEEP])
        mark = f"{MARK}={ours._mark}".encode()
        assert sweep(mark)
        wait_until(lambda: not ours.find())
        assert not sweep(mark)
        assert others.find()


def test_variables_may_be_taken_away() -> None:
    """An adapter says so with null."""
    code = "import os; print(sorted(set(os.environ) & {'ONE', 'TWO', 'THREE'}))"
    with Programs({"ONE": "1", "TWO": "2"}) as programs:
        process = programs.spawn([*BARE, code], env={"ONE": None, "THREE": "3"})
        assert process.stdout is not None
        assert process.stdout.read() == b"['THREE', 'TWO']\n"


def test_what_cannot_be_started_is_told() -> None:
    """The interpreter of an entry may be gone."""
    with (
        Programs({}) as programs,
        pytest.raises(DebugError, match="/no/python: no such file"),
    ):
        programs.spawn(["/no/python"])


def test_what_cannot_be_watched_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would outlive a debugger that is killed; no descriptor is left of that."""
    opened = Path("/proc/self/fd")
    before = sorted(opened.iterdir())
    with Programs({}) as programs, monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/no/python")
        with pytest.raises(DebugError, match="cannot be started: /no/python: no such"):
            programs.spawn([*BARE, SLEEP])
    assert sorted(opened.iterdir()) == before


class Stuck(Programs):
    """Programs of which one cannot be killed: it is not what its entry says."""

    is_stuck = True

    def find(self) -> tuple[ProcessEntry, ...]:
        """Return another process in the place of one that has ended."""
        if not self.is_stuck:
            return super().find()
        mine = {"pgid": os.getpgid(0), "sid": os.getsid(0)}
        return (ProcessEntry(os.getpid(), ppid=1, state="D", started=0, **mine),)


def test_what_cannot_be_ended_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold a port, and whoever reads it can look."""
    monkeypatch.setattr(dapprograms, "_LIMIT_S", 0.05)
    with Stuck({}) as stuck:
        with pytest.raises(DebugError, match=f"cannot be ended: {os.getpid()}$"):
            stuck.end()
        stuck.is_stuck = False
