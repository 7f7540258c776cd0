"""Who has a file, and who has it locked."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from typing import TYPE_CHECKING

import pytest

from sceneshift.core import opened
from sceneshift.core.opened import Lock, find_locks, find_users

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="Linux shows who has a file"
)


@contextlib.contextmanager
def having(path: Path, *, is_locked: bool, length: int = 7) -> Iterator[int]:
    """Yield the pid of a process that has a file open until the block ends."""
    reading, writing = os.pipe()
    said, saying = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writing)
        with path.open("r+b") as file:
            if is_locked:
                fcntl.lockf(file, fcntl.LOCK_EX, length, 3)
            os.write(saying, b"x")
            os.read(reading, 1)
        os._exit(0)
    try:
        os.read(said, 1)
        yield pid
    finally:
        for each in (reading, writing, said, saying):
            os.close(each)
        os.waitpid(pid, 0)


def test_who_has_a_file_is_found_but_for_this_process(tmp_path: Path) -> None:
    """By the file, whatever its name is there; a missing one has nobody."""
    path, other = tmp_path / "a", tmp_path / "b"
    path.touch()
    other.symlink_to(path)
    with path.open("rb"), having(other, is_locked=False) as pid:
        assert find_users(path) == [pid]
    assert find_users(path) == []
    assert find_users(tmp_path / "missing") == []


def test_who_has_it_locked_is_found_with_what_is_locked(tmp_path: Path) -> None:
    """Who has it open alone has nothing locked."""
    path = tmp_path / "a"
    path.touch()
    with having(path, is_locked=False), having(path, is_locked=True) as pid:
        (lock,) = find_locks(path) or []
        assert lock == Lock(pid=pid, is_exclusive=True, start=3, end=9)
    assert [byte for byte in range(12) if lock.covers(byte)] == [*range(3, 10)]
    assert find_locks(path) == []
    assert find_locks(tmp_path / "missing") == []


def test_a_lock_may_have_no_end(tmp_path: Path) -> None:
    """That of a whole file, however it grows."""
    lock = Lock(pid=1, is_exclusive=False, start=0, end=None)
    assert lock.covers(1 << 40)
    path = tmp_path / "a"
    path.touch()
    with having(path, is_locked=True, length=0):
        (found,) = find_locks(path) or []
        assert found.end is None


def test_where_locks_are_not_told_none_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in macOS."""
    monkeypatch.setattr(opened, "_LOCKS", tmp_path / "missing")
    assert find_locks(tmp_path) is None
