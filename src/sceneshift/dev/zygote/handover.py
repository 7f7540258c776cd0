"""Leaving the accept queue to a successor, and taking it back.

On the word *hold* a process stops accepting at once, whatever server it runs: each of
its descriptors of a held socket is taken out of the epoll sets and exchanged for a
socket to which nobody connects. It finishes what it has; what comes in meanwhile waits
in the queue of the real socket, which the successor has too. On *resume* all is put
back. The words are signals, so that forked workers of a server hear them as well.
"""

from __future__ import annotations

import os
import select
import signal
import socket

from sceneshift.dev.zygote.descriptors import EPOLL, find_open
from sceneshift.dev.zygote.draining import Socket, count_busy
from sceneshift.dev.zygote.words import HOLD, REPORT, RESUME, RETIRE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sceneshift.dev.zygote.agent import Agent
    from sceneshift.dev.zygote.uvicorn import Connections


# As long as it is there: gevent takes it out of the module.
_EPOLL: Any = getattr(select, "epoll", None)


class _Laid:
    """One descriptor that was exchanged.

    Attributes:
        fd: Its number in the program.
        real: A duplicate of what it was.
        polls: epoll descriptors it was in, with the events that were wanted.
    """

    __slots__ = ("fd", "polls", "real")

    def __init__(self, fd: int, real: int, polls: tuple[tuple[int, int], ...]) -> None:
        self.fd = fd
        self.real = real
        self.polls = polls


class Handover:
    """Holds and resumes the accepting of one process.

    Attributes:
        is_holding: Whether it has been told to hold.
        is_retired: Whether it has been told that its successor is ready.
        connections: What a server that keeps connections open does with those.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._laid: list[_Laid] = []
        self.is_holding = self.is_retired = False
        self._is_reported = False
        self.connections: Connections | None = None

    def hold(self) -> None:
        """Stop accepting."""
        if self.is_holding:
            return
        self.is_holding = True
        binding = self._agent.binding
        kept = set(binding.held.values())
        held = {f"socket:[{inode}]" for inode in binding.find_inodes()}
        opened = find_open()
        polls = [fd for fd, target in opened if target == EPOLL]
        for fd, target in opened:
            if target in held and fd not in kept:
                self._laid.append(_lay_aside(fd, polls))
        if self.connections is None:
            self.say_held()
        else:
            self.connections.hold()  # which says it

    def say_held(self) -> None:
        """Tell that no request is taken any more: the successor may answer."""
        self._agent.send({"event": "held", "pid": os.getpid()})

    def resume(self) -> None:
        """Accept again."""
        for laid in self._laid:
            _wake(laid.fd)
            os.dup2(laid.real, laid.fd, inheritable=False)
            os.close(laid.real)
            for poll, events in laid.polls:
                _register(poll, laid.fd, events)
        self._laid.clear()
        self.is_holding = False
        if self.connections is not None:
            self.connections.resume()

    def retire(self) -> None:
        """Hand over what can be, for the successor is ready."""
        self.is_retired = True
        if self.connections is not None:
            self.connections.hand_over()
        self._report_once()
        ports = {int(key.rpartition("/")[2]) for key in self._agent.binding.held}
        busy = count_busy(ports)
        self._agent.send({"event": "retired", "pid": os.getpid(), "busy": busy})

    def _report_once(self) -> None:
        if not self._is_reported:
            self._is_reported = True
            self._agent.report_modules()


def install(agent: Agent) -> None:
    """Listen to the words in this process and its forks."""
    handover = agent.handover
    if not HOLD:
        return
    signal.signal(HOLD, lambda _number, _frame: handover.hold())
    signal.signal(RESUME, lambda _number, _frame: handover.resume())
    signal.signal(RETIRE, lambda _number, _frame: handover.retire())
    signal.signal(REPORT, lambda _number, _frame: agent.report_modules())


def _lay_aside(fd: int, polls: list[int]) -> _Laid:
    wanted = [(poll, events) for poll in polls for events in _events_of(poll, fd)]
    left = tuple((poll, events) for poll, events in wanted if _drop(poll, fd))
    real = os.dup(fd)
    is_blocking = os.get_blocking(fd)
    with _make_deaf(real) as deaf:
        deaf.setblocking(is_blocking)
        os.dup2(deaf.fileno(), fd, inheritable=False)
    return _Laid(fd, real, left)


def _make_deaf(real: int) -> socket.socket:
    """Return a socket on which `accept` waits or says EAGAIN, for ever.

    It is of the real one's family, for servers that look at its name.
    """
    import _socket

    with Socket(fileno=os.dup(real)) as model:
        family = model.family
    deaf = Socket(family, socket.SOCK_STREAM)
    loopback = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    _socket.socket.bind(deaf, (loopback, 0))
    _socket.socket.listen(deaf, 1)
    return deaf


def _wake(fd: int) -> None:
    """Let a thread that waits in `accept` of the deaf socket come back from it."""
    with Socket(fileno=os.dup(fd)) as deaf:
        if not os.get_blocking(fd):
            return
        with Socket(deaf.family, socket.SOCK_STREAM) as nobody:
            nobody.setblocking(False)
            nobody.connect_ex(deaf.getsockname())


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
