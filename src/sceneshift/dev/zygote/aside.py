"""Exchanging what a descriptor of the program is of, unseen by the program."""

from __future__ import annotations

import os
import select

from sceneshift.dev.zygote.descriptors import EPOLL, find_open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# As long as it is there: gevent takes it out of the module.
_EPOLL: Any = getattr(select, "epoll", None)


class Laid:
    """One descriptor that was exchanged.

    Attributes:
        fd: Its number in the program.
        real: A duplicate of what it was; None once that is another's.
        polls: epoll descriptors it was taken out of, with the events that were wanted.
    """

    __slots__ = ("fd", "polls", "real")

    def __init__(self, fd: int, real: int, polls: tuple[tuple[int, int], ...]) -> None:
        self.fd = fd
        self.real: int | None = real
        self.polls = polls

    def put_back(self) -> None:
        """Have the descriptor be what it was, and be waited for as it was."""
        if self.real is None:
            return
        # What stands in may be waited for by now, as the program saw fit.
        polls = (*self.polls, *_leave(self.fd, find_polls()))
        os.dup2(self.real, self.fd, inheritable=False)
        self.let_go()
        _enter(self.fd, polls)

    def let_go(self) -> None:
        """Close the duplicate."""
        if self.real is not None:
            os.close(self.real)
            self.real = None

    def leave_polls(self) -> None:
        """Take the descriptor out of all epoll sets: it is about to be closed.

        That alone would not do it, for what stands in is open elsewhere.
        """
        _leave(self.fd, find_polls())


def find_polls() -> list[int]:
    """Return the epoll descriptors of this process."""
    return [fd for fd, target in find_open() if target == EPOLL]


def lay_aside(fd: int, polls: list[int], instead: int, *, waits: bool) -> Laid:
    """Exchange what a descriptor is of.

    Args:
        fd: The descriptor.
        polls: All epoll descriptors of the process.
        instead: What is to be there instead.
        waits: Whether the program is to wait for events of that as it did before.
    """
    real = os.dup(fd)
    left = _leave(fd, polls)
    os.dup2(instead, fd, inheritable=False)
    if not waits:
        return Laid(fd, real, left)
    _enter(fd, left)
    return Laid(fd, real, ())


def _leave(fd: int, polls: list[int]) -> tuple[tuple[int, int], ...]:
    """Take a descriptor out of epoll sets; return those with what was wanted."""
    wanted = [(poll, events) for poll in polls for events in _events_of(poll, fd)]
    return tuple((poll, events) for poll, events in wanted if _drop(poll, fd))


def _enter(fd: int, polls: tuple[tuple[int, int], ...]) -> None:
    for poll, events in polls:
        _register(poll, fd, events)


def _events_of(poll: int, fd: int) -> list[int]:
    """Return which events of `fd` an epoll descriptor waits for; none if it does not.

    See proc_pid_fdinfo(5): `tfd: <fd> events: <mask> ...`.
    """
    try:
        with open(f"/proc/self/fdinfo/{poll}") as info:
            rows = [line.split() for line in info]
    except OSError:  # pragma: no cover - a thread has closed it meanwhile
        return []
    return [int(row[3], 16) for row in rows if row[:2] == ["tfd:", str(fd)]]


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
