"""Linux: the kernel's own notices, read in the event loop.

The figures are those of `<sys/inotify.h>`; inotify(7) is the source of the traps.
"""

from __future__ import annotations

import _thread
import ctypes
import errno
import os
import struct
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.watch.backend import Backend
from sceneshift.dev.watch.change import Evidence

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from sceneshift.dev.watch.backend import Sink

_MODIFY = 0x2
_CLOSE_WRITE = 0x8
_MOVED_FROM = 0x40
_MOVED_TO = 0x80
_CREATE = 0x100
_DELETE = 0x200
_DELETE_SELF = 0x400
_MOVE_SELF = 0x800
_Q_OVERFLOW = 0x4000
_IGNORED = 0x8000
_ONLYDIR = 0x1000000
_EXCL_UNLINK = 0x4000000
_ISDIR = 0x40000000

_SELF_GONE = _DELETE_SELF | _MOVE_SELF | _IGNORED
_GONE = _MOVED_FROM | _DELETE
_MASK = (
    _MODIFY
    | _CLOSE_WRITE
    | _MOVED_FROM
    | _MOVED_TO
    | _CREATE
    | _DELETE
    | _DELETE_SELF
    | _MOVE_SELF
    | _ONLYDIR
    | _EXCL_UNLINK
)
_HEADER = struct.Struct("iIII")
_READ_BYTES = 1 << 18

_LIMITS = {
    ("watch", errno.ENOSPC): ("max_user_watches", "folders", 524_288),
    ("open", errno.EMFILE): ("max_user_instances", "watchers", 1_024),
}


def describe_failure(step: str, number: int, path: str) -> SceneshiftError:
    """Return what a failed call means for a person.

    Args:
        step: `open` for a new watcher, `watch` for one more folder.
        number: The system's error number.
        path: The folder that was to be watched.
    """
    otherwise = "look at the files at intervals: SCENESHIFT_WATCH=polling"
    limit = _LIMITS.get((step, number))
    if limit is None:
        return SceneshiftError(
            f"cannot watch `{path}`: {os.strerror(number)}", hint=otherwise
        )
    name, what, enough = limit
    return SceneshiftError(
        f"the system's limit of watched {what} is reached at `{path}`: "
        f"fs.inotify.{name}",
        hint=f"sudo sysctl fs.inotify.{name}={enough}, or {otherwise}",
    )


class InotifyBackend(Backend):
    """Watches folders by inotify.

    Args:
        loop: The event loop that reads.
        on_trouble: Told once when the limit is reached after the start: events are
            being read then, and raising would lose them.

    Raises:
        SceneshiftError: The system allows no more watchers.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_trouble: Callable[[SceneshiftError], None],
    ) -> None:
        self._loop = loop
        self._on_trouble = on_trouble
        self._is_troubled = False
        self._is_started = False
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise describe_failure("open", ctypes.get_errno(), os.sep)
        # The kernel gives one number to one folder, whatever paths lead to it: a
        # renamed folder is found at its new place before its old one is known to
        # be gone.
        self._paths: dict[int, list[str]] = {}
        self._numbers: dict[str, int] = {}

    def watch(self, folder: str) -> bool:
        """Watch a folder; False if it is none.

        Raises:
            SceneshiftError: The system's limit is reached before the start.
        """
        number = self._libc.inotify_add_watch(
            self._fd, os.fsencode(folder), ctypes.c_uint32(_MASK)
        )
        if number < 0:
            return self._fail(folder, ctypes.get_errno())
        if self._numbers.get(folder) != number:
            self.unwatch(folder)
            self._numbers[folder] = number
            self._paths.setdefault(number, []).append(folder)
        return True

    def unwatch(self, folder: str) -> None:
        """Watch a folder no longer, if it was."""
        number = self._numbers.pop(folder, None)
        if number is None:
            return
        self._paths[number].remove(folder)
        if not self._paths[number]:
            del self._paths[number]
            # It fails where the folder is gone, and the watch with it.
            self._libc.inotify_rm_watch(self._fd, number)

    def start(self, sink: Sink) -> None:
        """Read from now on."""
        self._is_started = True
        self._loop.add_reader(self._fd, self._read, sink)

    def close(self) -> None:
        """Give the descriptor back, and all watches with it.

        The kernel takes some 10 ms for that, in which others may work.
        """
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            _close_aside(self._fd)
            self._fd = -1

    def _fail(self, folder: str, number: int) -> bool:
        """Judge why a folder cannot be watched; False if it is none any more."""
        self.unwatch(folder)
        if number not in (errno.ENOSPC, errno.ENOMEM):
            return False
        failure = describe_failure("watch", number, folder)
        if not self._is_started:
            raise failure
        if not self._is_troubled:
            self._is_troubled = True
            self._on_trouble(failure)
        return True

    def _read(self, sink: Sink) -> None:
        """Pass on what the kernel has ready."""
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:  # pragma: no cover - a spurious wake-up
            return
        for number, mask, name in _parse(data):
            self._pass_on(sink, number, mask, name)

    def _pass_on(self, sink: Sink, number: int, mask: int, name: str) -> None:
        """Tell of one event, by every path that leads to its folder."""
        if mask & _Q_OVERFLOW:
            sink.on_lost()
        for folder in tuple(self._paths.get(number, ())):
            path = os.path.join(folder, name)
            if mask & _SELF_GONE:
                sink.on_folder_gone(folder)
            elif mask & _ISDIR and mask & _GONE:
                sink.on_folder_gone(path)
            else:
                is_folder = bool(mask & _ISDIR)
                sink.on_entry(path, _evidence(mask), is_folder=is_folder)


def _close_aside(fd: int) -> None:
    """Close a descriptor in a thread, where there may be one more.

    Nobody waits for it, not even for its beginning, as `threading` does.
    """
    try:
        _thread.start_new_thread(os.close, (fd,))
    except RuntimeError:  # pragma: no cover - a limit of processes, that root has not
        os.close(fd)


def _evidence(mask: int) -> Evidence:
    """Return what an event of an entry says."""
    if mask & (_CLOSE_WRITE | _MOVED_TO):
        return Evidence.WRITTEN
    if mask & _GONE:
        return Evidence.GONE
    return Evidence.APPEARED if mask & _CREATE else Evidence.WRITING


def _parse(data: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield number, mask and name of each event in what was read."""
    at = 0
    while at < len(data):
        number, mask, _cookie, length = _HEADER.unpack_from(data, at)
        at += _HEADER.size + length
        yield number, mask, os.fsdecode(data[at - length : at].rstrip(b"\0"))
