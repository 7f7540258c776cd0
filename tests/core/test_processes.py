from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sceneshift.core import processes as table
from sceneshift.core.processes_darwin import environment_of
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.core.processes import ProcessEntry


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that sleeps."""
    env = {"PATH": os.environ["PATH"], "MARK": "here"}
    with subprocess.Popen(["sleep", "300"], env=env, start_new_session=True) as process:
        yield process
        process.kill()


def get(pid: int) -> ProcessEntry:
    """Return the entry of a process that must be there."""
    entry = table.find_process(pid)
    assert entry is not None
    return entry


def test_the_table_agrees_with_psutil(sleeper: subprocess.Popen[bytes]) -> None:
    """Parents are the same, and everything that lives on is in both."""
    ours = table.processes()
    theirs = {process.pid: process for process in psutil.process_iter(["ppid"])}
    assert {os.getpid(), sleeper.pid} <= ours.keys() & theirs.keys()
    assert ours[sleeper.pid].ppid == theirs[sleeper.pid].ppid() == os.getpid()


def test_an_entry_says_where_a_process_belongs(
    sleeper: subprocess.Popen[bytes],
) -> None:
    """Group and session too, and it can be read in an error message."""
    entry = get(sleeper.pid)
    assert (entry.pgid, entry.sid) == (sleeper.pid, sleeper.pid)
    assert entry.is_running
    assert f"pid={sleeper.pid}" in repr(entry)


@given(name=st.binary(min_size=1, max_size=15).filter(lambda name: b"\n" not in name))
def test_any_name_of_a_program_is_parsed(name: bytes) -> None:
    """Spaces and parentheses in it shift nothing."""
    numbers = b" ".join(b"%d" % number for number in range(4, 53))
    entry = table.parse_stat(b"42 (" + name + b") S " + numbers + b"\n")
    assert entry.key == (42, 22)
    assert (entry.ppid, entry.pgid, entry.sid, entry.state) == (4, 5, 6, "S")


def test_a_program_named_like_a_stat_line_is_found(tmp_path: Path) -> None:
    """The real thing: a name that ends a parenthesis and goes on."""
    program = tmp_path / "a) S 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "300"]) as process:
        assert get(process.pid).ppid == os.getpid()
        process.kill()


def test_descendants_come_after_their_parents() -> None:
    """Children of children are among them, others are not."""
    script = "sh -c 'sleep 300 & wait' & sleep 300"
    with subprocess.Popen(["sh", "-c", script], start_new_session=True) as process:
        wait_until(lambda: len(table.descendants(process.pid)) == 3)
        seen = {process.pid}
        for entry in table.descendants(process.pid):
            assert entry.ppid in seen
            seen.add(entry.pid)
        assert {entry.sid for entry in map(get, seen)} == {process.pid}
        os.killpg(process.pid, signal.SIGKILL)


def test_children_are_the_direct_ones(sleeper: subprocess.Popen[bytes]) -> None:
    """A process that has ended and is not reaped is one of them."""
    assert sleeper.pid in [entry.pid for entry in table.children(os.getpid())]
    assert table.children(sleeper.pid) == ()
    sleeper.kill()
    wait_until(lambda: not get(sleeper.pid).is_running)
    assert sleeper.pid in [entry.pid for entry in table.children(os.getpid())]


def test_children_are_found_without_the_kernel_s_list() -> None:
    """A pid that is no thread group has no such list: the table is walked."""
    assert table.children(2**22 + 1) == ()


def test_a_zombie_is_not_alive(sleeper: subprocess.Popen[bytes]) -> None:
    """It cannot be signalled, waited for or hold anything."""
    entry = get(sleeper.pid)
    assert table.is_alive(*entry.key)
    sleeper.kill()
    wait_until(lambda: not table.is_alive(*entry.key))
    assert table.find_process(sleeper.pid) is not None
    assert not table.send_signal(entry, signal.SIGTERM)


def test_a_pid_in_use_again_is_never_signalled(
    sleeper: subprocess.Popen[bytes],
) -> None:
    """The start time tells the namesake."""
    entry = get(sleeper.pid)
    entry.started += 1
    assert not table.is_alive(*entry.key)
    assert not table.send_signal(entry, signal.SIGKILL)
    assert not table._send_unpinned(entry, signal.SIGKILL)
    assert sleeper.poll() is None


def test_a_signal_reaches_the_process_that_is_meant(
    sleeper: subprocess.Popen[bytes],
) -> None:
    """With and without a handle; who is gone gets none."""
    entry = get(sleeper.pid)
    assert table._send_unpinned(entry, signal.SIGCONT)
    assert table.send_signal(entry, signal.SIGTERM)
    assert sleeper.wait() == -signal.SIGTERM
    assert not table.send_signal(entry, signal.SIGTERM)
    assert not table._send_unpinned(entry, signal.SIGTERM)


def test_an_invalid_signal_is_not_sent(sleeper: subprocess.Popen[bytes]) -> None:
    """What the kernel refuses counts as not sent."""
    entry = get(sleeper.pid)
    assert not table.send_signal(entry, 999)
    assert not table._send_unpinned(entry, 999)


def test_variables_are_found_whole(sleeper: subprocess.Popen[bytes]) -> None:
    """Neither a part of a name nor a part of a value matches."""
    wait_until(lambda: b"MARK" in table.environment(sleeper.pid))
    assert table.has_variable(sleeper.pid, b"MARK=here")
    assert not table.has_variable(sleeper.pid, b"MARK=her")
    assert not table.has_variable(sleeper.pid, b"ARK=here")
    assert not table.has_variable(2**22 + 1, b"MARK=here")


def test_a_file_that_cannot_be_read_is_empty() -> None:
    """As that of a process which ends between opening and reading."""
    assert table._read("/proc/self/mem", 1) == b""


def test_the_environment_is_cut_out_of_what_macos_tells() -> None:
    """It comes after the count, the program, padding and the arguments."""
    told = b"\2\0\0\0/bin/sh\0\0\0\0sh\0-c\0A=1\0B=2\0"
    assert environment_of(told) == b"A=1\0B=2\0"


def test_memory_is_counted_in_bytes() -> None:
    """Shared pages count in part: the proportional size is the smaller one."""
    resident = table.resident_bytes(os.getpid())
    assert 0 < table.proportional_bytes(os.getpid()) <= resident
    assert resident % 1024 == 0
    assert table.resident_bytes(2**22 + 1) == 0


def test_this_process_can_adopt_orphans() -> None:
    """Asked in a process of its own, since it cannot be taken back."""
    script = (
        "from sceneshift.core.processes import become_subreaper;"
        "raise SystemExit(not become_subreaper())"
    )
    assert subprocess.call([sys.executable, "-c", script]) == 0
