"""Exchanging what a descriptor of the program is of, unseen by the program."""

from __future__ import annotations

import errno
import os
import select

from sceneshift.dev.zygote.descriptors import EPOLL, find_open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# As long as it is there: gevent takes it out of the module.
_EPOLL: Any = getattr(select, "epoll", None)
_RESERVE = 32  # descriptors that the program may want before all is put back


class Laid:
    """One descriptor that was exchanged.

    Attributes:
        fd: Its number in the program.
        real: A duplicate of what it was; None once that is another's.
        wanted: epoll descriptors it was taken out of, with the events that were wanted.
    """

    __slots__ = ("fd", "real", "wanted")

    def __init__(self, fd: int, real: int, wanted: tuple[tuple[int, int], ...]) -> None:
        self.fd = fd
        self.real: int | None = real
        self.wanted = wanted

    def put_back(self, polls: Polls) -> None:
        """Have the descriptor be what it was, and be waited for as it was.

        Args:
            polls: The epoll sets of the process.
        """
        if self.real is None:
            return
        # What stands in may be waited for by now, as the program saw fit.
        wanted = (*self.wanted, *polls.leave(self.fd))
        os.dup2(self.real, self.fd, inheritable=False)
        self.let_go()
        _enter(self.fd, wanted)

    def let_go(self) -> None:
        """Close the duplicate."""
        if self.real is not None:
            os.close(self.real)
            self.real = None


class Polls:
    """What the epoll sets of this process wait for, all read at once.

    To read it for each of many connections takes seconds.
    """

    def __init__(self) -> None:
        self._wanted: dict[int, list[tuple[int, int]]] = {}
        try:
            polls = [fd for fd, target in find_open() if target == EPOLL]
        except OSError:
            return  # no descriptor is left to look: then none is laid aside, either
        for poll in polls:
            for fd, events in _read_events(poll):
                self._wanted.setdefault(fd, []).append((poll, events))

    def leave(self, fd: int) -> tuple[tuple[int, int], ...]:
        """Take a descriptor out of all; return those with what was wanted."""
        wanted = self._wanted.pop(fd, [])
        return tuple((poll, events) for poll, events in wanted if _drop(poll, fd))


def lay_aside(fd: int, polls: Polls, instead: int, *, waits: bool) -> Laid:
    """Exchange what a descriptor is of.

    Args:
        fd: The descriptor.
        polls: The epoll sets of the process.
        instead: What is to be there instead.
        waits: Whether the program is to wait for events of that as it did before.

    Raises:
        OSError: It is none, or there would be too few left for the program.
    """
    real = os.dup(fd)
    if real >= os.sysconf("SC_OPEN_MAX") - _RESERVE:
        os.close(real)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    left = polls.leave(fd)
    os.dup2(instead, fd, inheritable=False)
    if not waits:
        return Laid(fd, real, left)
    _enter(fd, left)
    return Laid(fd, real, ())


def _enter(fd: int, wanted: tuple[tuple[int, int], ...]) -> None:
    for poll, events in wanted:
        _register(poll, fd, events)


def _read_events(poll: int) -> list[tuple[int, int]]:
    """Return the descriptors that an epoll descriptor waits for, with the events.

    See proc_pid_fdinfo(5): `tfd: <fd> events: <mask> ...`.
    """
    try:
        with open(f"/proc/self/fdinfo/{poll}") as info:
            rows = [line.split() for line in info]
    except OSError:  # pragma: no cover - a thread has closed it meanwhile
        return []
    return [(int(row[1]), int(row[3], 16)) for row in rows if row[0] == "tfd:"]


def _drop(poll: int, fd: int) -> bool:
    try:
        _on(poll, "unregister", fd)
    except OSError:
        return False
    return True


def _register(poll: int, fd: int, events: int) -> None:
    try:
        _on(poll, "register", fd, events)
    except OSError:
        return  # the server has closed its loop meanwhile


def _on(poll: int, method: str, *args: int) -> None:
    """Call a method of an epoll object for a descriptor that stays open."""
    borrowed = _EPOLL.fromfd(os.dup(poll))
    try:
        getattr(borrowed, method)(*args)
    finally:
        borrowed.close()
