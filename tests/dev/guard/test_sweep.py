from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sceneshift.core.processes import find_process
from sceneshift.dev.guard import sweep
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.core.processes import ProcessEntry


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process in a session of its own that bears a mark."""
    env = {"PATH": os.environ["PATH"], "SCENESHIFT_STACK": f"sweep-{os.getpid()}"}
    process = subprocess.Popen(["sleep", "300"], env=env, start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_marked_processes_are_found_by_their_environment(
    sleeper: subprocess.Popen[bytes],
) -> None:
    """Wherever they are in the tree; another run's are not."""
    found = sweep.marked(f"SCENESHIFT_STACK=sweep-{os.getpid()}".encode())
    assert [entry.pid for entry in found] == [sleeper.pid]
    assert sweep.marked(b"SCENESHIFT_STACK=sweep-") == []


def test_a_process_that_is_just_executing_a_program_is_found(tmp_path: Path) -> None:
    """It shows no environment for an instant of each `exec`."""
    script = tmp_path / "again.sh"
    script.write_text('exec sh "$0"\n')
    mark = f"SCENESHIFT_STACK=exec-{os.getpid()}"
    env = {"PATH": os.environ["PATH"]} | dict([mark.split("=")])
    with subprocess.Popen(["sh", script], env=env) as process:
        try:
            looks = [sweep.marked(mark.encode()) for _ in range(30)]
        finally:
            process.kill()
    assert [[entry.pid for entry in found] for found in looks] == [[process.pid]] * 30


def test_members_of_sessions_are_found(sleeper: subprocess.Popen[bytes]) -> None:
    """By the session's number."""
    found = sweep.in_sessions({sleeper.pid})
    assert [entry.pid for entry in found] == [sleeper.pid]


def test_freezing_stops_newcomers_too(sleeper: subprocess.Popen[bytes]) -> None:
    """It looks again until nothing new is found, and kills nothing."""
    first = find_process(sleeper.pid)
    assert first is not None
    assert sweep.freeze(lambda: [first]) == [first]
    wait_until(lambda: (now := find_process(sleeper.pid)) and now.state == "T")
    sweep.kill([first])
    assert sleeper.wait() == -9


def test_freezing_gives_up_on_what_never_stands_still() -> None:
    """A chain that renews itself faster than it is seen does not hold it up."""
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    entry = find_process(ended.pid)
    assert entry is not None
    ended.wait()
    starts = iter(range(10**6))

    def find() -> list[ProcessEntry]:
        entry.started = next(starts)
        return [entry]

    assert len(sweep.freeze(find)) == 20
