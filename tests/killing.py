"""Killing a command at every step of it.

The command runs in a fork, which looks at the world at each line of the modules that
change something: files, and programs that were started. Where it is another than at the
line before, `kill -9` at this line is a case of its own; the lines between leave the
same. So is each statement that a server was told and that is no question. Each change
is one case, however many lines it takes, and none is left out.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import struct
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import sceneshift
from sceneshift.core.errors import SceneshiftError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, NoReturn

T = TypeVar("T")

_SOURCES = Path(sceneshift.__file__).parent
# What changes something outside of the process.
_CHANGING = frozenset(
    str(_SOURCES / name)
    for name in (
        "core/paths.py",
        "data/sqlite/aside.py",
        "data/postgresql/dumps.py",
        "data/snapshots/pruning.py",
        "data/snapshots/store.py",
        "data/seeding/application.py",
        "data/sqlite/system.py",
        "data/sqlite/files.py",
        "data/undo.py",
        "data/upgrade.py",
        "ide/writing.py",
    )
)
# Where a server is told a statement, and the line that comes after that.
_TELLING = {
    (str(_SOURCES / "data/mysql/driverline.py"), "execute"): 4,
    (str(_SOURCES / "data/postgresql/driverline.py"), "execute"): 3,
    (str(_SOURCES / "data/engineline.py"), "execute"): 5,
}
_QUESTIONS = ("SELECT", "SET", "SHOW")
_STRUCK = 3  # the exit code of who has lived on
# See inotify(7).
_EVENT = struct.Struct("iIII")
_CREATED, _IS_FOLDER = 0x100, 0x4000_0000
_WRITES = 0x2 | 0x40 | 0x80 | _CREATED | 0x200  # modified, moved from and to, deleted
_WRITTEN_BY_US = frozenset({"migrations", "seeds", "pyproject.toml", "alembic.ini"})


def kill() -> None:
    """End this process as nothing can be kept from."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at_each(
    act: Callable[[], object],
    after: Callable[[], T],
    root: Path,
    strike: Callable[[], object] = kill,
) -> list[T]:
    """Kill a command after its first change, then after its second, to the last.

    Args:
        act: Runs the command, in a fork of this process.
        after: Is called after each kill, and when the command has run to its end. It
            sees to it that the command has the same to do once more.
        root: The project's folder, with all files that the command changes.
        strike: What is done instead of the kill, in the fork; the command goes on, and
            may fail as commands do.

    Returns:
        What `after` has returned, each time; the last one is of a whole command.
    """
    found: list[T] = []
    for number in itertools.count(1):
        is_whole = _run(act, _World(root, number, strike))
        found.append(after())
        if is_whole:
            return found
    raise AssertionError


def _run(act: Callable[[], object], world: _World) -> bool:
    """Run a command in its world; tell whether it came to its end unharmed."""
    pid = _fork()
    if not pid:
        _become(act, world)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in {0, _STRUCK, -signal.SIGKILL}
    return code == 0


def fork(act: Callable[[], object]) -> int:
    """Run a command in a fork of this process; return its number."""
    pid = _fork()
    if pid:
        return pid
    code = 1
    try:
        act()
        code = 0
    finally:
        os._exit(code)


def _fork() -> int:
    with warnings.catch_warnings():
        # The threads of pytest-xdist have nothing that is used in the fork.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _become(act: Callable[[], object], world: _World) -> NoReturn:
    """Run the command up to its nth change; end with 0 if there are less."""

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        code = frame.f_code
        if code.co_filename in _CHANGING:
            if event == "line":
                world.look()
            return trace
        after = _TELLING.get((code.co_filename, code.co_name))
        return None if after is None else _Statement(frame, world, after).trace

    code = 1
    try:
        world.open()
        sys.settrace(trace)
        act()
        code = 0 if world.left > 0 else _STRUCK
    except SceneshiftError:
        code = 1 if world.left > 0 else _STRUCK
        raise
    finally:
        sys.settrace(None)
        if code == 1:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
        os._exit(code)


class _Statement:
    """The call that tells a server a statement."""

    def __init__(self, frame: FrameType, world: _World, after: int) -> None:
        self._is_question = frame.f_locals["query"].lstrip().startswith(_QUESTIONS)
        self._world = world
        self._after = after
        self._lines = 0

    def trace(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        """See a change in the line after the one that tells it."""
        self._lines += event == "line"
        if event == "line" and self._lines == self._after and not self._is_question:
            self._world.count()
        return self.trace


class _World:
    """What a command may change, and how many changes it has left to live.

    Attributes:
        left: That many.
    """

    def __init__(self, root: Path, left: int, strike: Callable[[], object]) -> None:
        self.left = left
        self._root = root
        self._strike = strike
        self._folders: dict[int, Path] = {}

    def open(self) -> None:
        """Begin to look, in the process whose world it is."""
        self._libc = ctypes.CDLL(None)
        self._events = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._events >= 0
        self._watch(self._root)
        for each in self._root.iterdir():
            if each.is_dir() and each.name not in _WRITTEN_BY_US:
                for folder in (each, *(one for one in each.rglob("*") if one.is_dir())):
                    self._watch(folder)
        self._children = self._list_children()

    def _watch(self, folder: Path) -> None:
        path = os.fsencode(folder)
        number = self._libc.inotify_add_watch(self._events, path, _WRITES)
        self._folders[number] = folder

    def look(self) -> None:
        """Strike if something was changed for the nth time."""
        children = self._list_children()
        if self._has_written() or children != self._children:
            self.count()
        self._children = children

    def count(self) -> None:
        """See a change; the last one is struck at."""
        self.left -= 1
        if not self.left:
            self._strike()

    def _has_written(self) -> bool:
        try:
            events = os.read(self._events, 1 << 16)
        except BlockingIOError:
            return False
        while events:
            number, mask, _, length = _EVENT.unpack_from(events)
            name = events[_EVENT.size : _EVENT.size + length].rstrip(b"\0")
            if mask & _IS_FOLDER and mask & _CREATED:
                self._watch(self._folders[number] / os.fsdecode(name))
            events = events[_EVENT.size + length :]
        return True

    @staticmethod
    def _list_children() -> bytes:
        handle = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY)
        try:
            return os.read(handle, 1 << 12)
        finally:
            os.close(handle)
