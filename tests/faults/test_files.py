"""What a disk, and who has the file open, can do to a command meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from killing import fork, kill_at_each
from postgresql import running_postgresql
from resetting import ServerShop, Shop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.target import load_targets
from support import wait_until
from trials import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.usefixtures("chores_warm")

_KB, _MB = 1024, 1024**2
# Has a transaction that reads, until its input ends.
READING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
look = "SELECT id FROM a ORDER BY id"
before = connection.execute(look).fetchall()
print("reads", flush=True)
sys.stdin.read()
assert connection.execute(look).fetchall() == before
"""
HOLDING = """
import signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("holds", flush=True)
signal.pause()
"""


@pytest.fixture
def mount() -> Iterator[Callable[[int], Path]]:
    """Return what makes a small disk, of so many bytes."""
    made: list[Path] = []

    def mount(size: int) -> Path:
        # Not pytest's folder: a server's user, who may not be root, must get there.
        folder = Path(tempfile.mkdtemp(prefix="disk-"))
        words = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none"]
        subprocess.run([*words, str(folder)], check=True)
        made.append(folder)
        return folder

    yield mount
    for each in made:
        subprocess.run(["umount", "--lazy", str(each)], check=True)
        each.rmdir()


class Filler:
    """A file that takes the room of a disk."""

    def __init__(self, disk: Path) -> None:
        self._disk = disk
        self._path = disk / "filler"

    def leave(self, size: int) -> None:
        """Leave so many bytes of room; others may be writing."""
        wait_until(lambda: self._take(size))

    def _take(self, but: int) -> bool:
        status = os.statvfs(self._disk)
        size = status.f_bavail * status.f_bsize - but
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError:
            return False
        return True

    def end(self) -> None:
        """Leave all of it."""
        self._path.unlink()


def attempt(trial: Trial) -> bool:
    """Run a command; tell whether it went well."""
    try:
        trial.run()
    except SceneshiftError as error:
        return not error.message
    return True


@pytest.mark.needs("mount")
@pytest.mark.parametrize(
    "act", ["reset", "build", "restore", "undo", "drop", "migrate", "seed"]
)
def test_a_full_disk_leaves_the_old_or_the_new(
    mount: Callable[[int], Path], act: str
) -> None:
    """However much room there was; with more, the command goes well."""
    disk = mount(2 * _MB)
    trial = Trial(Shop(disk / "shop"), act)
    filler = Filler(disk)
    done = []
    for room in range(0, 160 * _KB, 4 * _KB):
        filler.leave(room)
        went_well = attempt(trial)
        filler.end()
        done.append(trial.check())
        assert done[-1] or not went_well
        if went_well:
            break
    assert went_well
    assert len(done) > 5
    drafts = disk.glob("shop/.sceneshift/data/*/drafts/*")
    assert [each for each in drafts if act != "seed"] == []


@pytest.mark.needs("mount", "postgresql")
def test_a_server_whose_disk_is_full_leaves_the_old_or_the_new(
    mount: Callable[[int], Path], tmp_path: Path
) -> None:
    """Though it may end for that."""
    disk = mount(512 * _MB)
    with running_postgresql(disk) as running:
        trial = Trial(ServerShop(tmp_path, server=running.server), "reset")
        filler = Filler(disk)
        done = []
        for room in (0, 2, 5, 9, 14, 40):
            filler.leave(room * _MB)
            done.append(attempt(trial))
            filler.end()
            running.start()
            trial.check()
        assert {*done} == {False, True}


def test_a_file_that_another_program_has_for_itself_is_waited_for(
    memory_path: Path,
) -> None:
    """It is as it was until then; and if the wait is cut off, it stays so."""
    shop = Shop(memory_path)
    trial = Trial(shop, "reset")
    for is_killed in (True, False):
        words = [sys.executable, "-c", HOLDING, str(shop.file)]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"holds\n"
            pid = fork(trial.run)
            wait_until(lambda pid=pid: has_lock(pid))  # type: ignore[misc]
            if is_killed:
                os.kill(pid, signal.SIGKILL)
            other.kill()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code == (-signal.SIGKILL if is_killed else 0)
        assert trial.check() == (not is_killed)


def test_a_command_waits_for_another_one(memory_path: Path) -> None:
    """Or is killed while it does, and nothing has happened."""
    shop = Shop(memory_path)
    trial = Trial(shop, "reset")
    (target,) = load_targets(shop.root, shop.environ)
    for is_killed in (True, False):
        # By a signal and not by a pipe: the fork has that one open, too.
        words = ["flock", "--no-fork", str(target.name_lock()), "sleep", "300"]
        with subprocess.Popen(words) as other:
            wait_until(lambda other=other: has_lock(other.pid))  # type: ignore[misc]
            pid = fork(trial.run)
            wait_until(lambda pid=pid: has_lock(pid, "->"))  # type: ignore[misc]
            assert trial.read() == {"a": [1, 2]}
            if is_killed:
                os.kill(pid, signal.SIGKILL)
            other.kill()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code == (-signal.SIGKILL if is_killed else 0)
        assert trial.check() == (not is_killed)


def has_lock(pid: int, state: str = "") -> bool:
    """Tell whether a program has a lock by flock(2), or waits (`->`) for one."""
    lines = Path("/proc/locks").read_text().splitlines()
    words = [line.split()[1:] for line in lines]
    found = [each for each in words if "FLOCK" in each and str(pid) in each]
    return any((each[0] == "->") == (state == "->") for each in found)


@pytest.mark.parametrize("act", ["reset", "drop", "undo"])
def test_who_reads_a_log_goes_on_reading_the_same(memory_path: Path, act: str) -> None:
    """Whatever is killed meanwhile; and does not keep the rest from the new."""
    shop = Shop(memory_path)
    trial = Trial(shop, act)
    shop.run("PRAGMA journal_mode = WAL")
    words = [sys.executable, "-c", READING, str(shop.file)]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"reads\n"
        seen = kill_at_each(trial.run, trial.check, memory_path)
        assert shop.run("PRAGMA journal_mode") == [("wal",)]
    assert reader.returncode == 0
    assert {*seen} == {True, False}
    assert len(seen) >= 10


def test_twenty_at_once_follow_each_other(memory_path: Path) -> None:
    """One builds, and the others find that."""
    shop = Shop(memory_path, "a")
    pids = [fork(shop.reset) for _ in range(20)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert codes == [0] * 20
    assert shop.ran() == ["a"]
    assert shop.tables() == ["a"]
    assert len(shop.status()["undo"]) == 3
    assert list(memory_path.glob(".sceneshift/data/*/drafts/*")) == []
