"""Connections that clients keep, of any server that accepts in Python.

The requests and answers on each are followed, so that it is known which are between two
requests. While the process holds, those are exchanged for a socket on which nothing
comes in; when the successor is ready it gets them, and the program sees their end. So a
client that asks again on a connection is neither cut off nor answered by old code.

The successor has no way to be given a connection but to accept one. The supervisor
rings for each: it connects from an address that nobody else has, and who accepts that
asks for the connection that is meant.
"""

from __future__ import annotations

import os
import select
import time
import weakref

from sceneshift.dev.zygote.addresses import is_ringer, listen_aside
from sceneshift.dev.zygote.aside import Polls, lay_aside
from sceneshift.dev.zygote.draining import Socket
from sceneshift.dev.zygote.keptsocket import KeptSocket
from sceneshift.dev.zygote.turn import Turn

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from sceneshift.dev.zygote.agent import Agent
    from sceneshift.dev.zygote.aside import Laid
    from sceneshift.dev.zygote.uvloop import Observer

    Followed: TypeAlias = "KeptSocket | Observer"


class Kept:
    """The connections that a process has accepted.

    Attributes:
        turn: Who has it may read from them, or lay them aside.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.begin_anew()

    def begin_anew(self) -> None:
        """Have none, as a fork: they are another's."""
        self.turn = Turn()
        self._open: weakref.WeakSet[Followed] = weakref.WeakSet()
        self._is_told = self._is_holding = self._is_retired = False
        self._bells: tuple[int, int] | None = None
        self._silent: tuple[socket.socket, socket.socket] | None = None
        self._loop: Any = None
        self._asked: list[Laid] = []  # those that the program has closed meanwhile

    # -- connections

    def accept(
        self, listener: Any, accept: Callable[[Any], tuple[Any, Any]]
    ) -> tuple[Any, Any]:
        """Stand in for `socket.accept`.

        Args:
            listener: Whose method was called.
            accept: That method.
        """
        if not self._is_for_us(listener):
            return accept(listener)
        while True:
            fd, address = listener._accept()  # noqa: SLF001 - as `accept` does
            if is_ringer(address):
                os.close(fd)
                given = self.ask_for_one(address)
                if given is None:
                    continue
                os.set_blocking(given, True)  # as one that was just accepted
                fd, address = given, find_peer(given)
                if address is None:
                    continue
            sock = KeptSocket(self, listener, fd)
            self.follow(sock)
            return sock, address

    def _is_for_us(self, listener: Any) -> bool:
        agent = self._agent
        if not agent.binding.held or agent.handover.connections is not None:
            return False
        if agent.find_line() is None:
            return False
        return os.fstat(listener.fileno()).st_ino in agent.binding.find_inodes()

    def ask_for_one(self, ringer: Any) -> int | None:
        """Return the connection that was rung for.

        Args:
            ringer: The address that rang.
        """
        answer = self._agent.ask({"event": "adopt", "ring": ringer[1]})
        return answer[1][0] if answer and answer[1] else None

    def follow(self, sock: Followed, loop: Any = None) -> None:
        """Know of a new connection.

        Args:
            sock: The connection.
            loop: The event loop that reads from it, where that is not Python's.
        """
        with self.turn:
            self._open.add(sock)
            self._loop = self._loop or loop
            if not self._is_told:
                self._is_told = True
                self._agent.send({"event": "keeps"})
            self.settle(sock)

    def forget(self, sock: Followed) -> None:
        """Follow one no more."""
        self._open.discard(sock)

    def keep(self, laid: Laid) -> None:
        """Have a connection that the program has closed for the successor; in a turn.

        Its client has asked for something that nobody has read.
        """
        self._asked.append(laid)

    def find(self, fd: int) -> Followed | None:
        """Return the connection of a descriptor."""
        with self.turn:  # others come meanwhile, in other threads
            return next((each for each in self._open if each.fileno() == fd), None)

    def settle(self, sock: Followed, polls: Polls | None = None) -> None:
        """Lay one aside, and give it away, where it is time; in a turn.

        Args:
            sock: The connection.
            polls: The epoll sets of the process, where they have been read.
        """
        if not self._is_holding or sock not in self._open or not sock.may_be_laid():
            return
        if sock.laid is None and not self._lay_aside(sock, polls):
            return
        assert sock.laid is not None
        if self._is_retired and sock.laid.real is not None:
            self._give(sock.laid)
            sock.end()

    def _give(self, laid: Laid) -> None:
        assert laid.real is not None
        self._agent.send({"event": "connection"}, (laid.real,))
        laid.let_go()

    def _lay_aside(self, sock: Followed, polls: Polls | None) -> bool:
        """Say whether that could be done: if not, the old code goes on with it."""
        try:
            instead, polls = self._find_silent(), polls or Polls()
            sock.laid = lay_aside(sock.fileno(), polls, instead, waits=True)
        except OSError:  # no descriptors are left, or the program has closed it unseen
            sock.exchange.give_up()
            return False
        return True

    def _settle_all(self) -> None:
        polls = Polls()
        for sock in list(self._open):
            self.settle(sock, polls)

    def count_busy(self) -> int:
        """Return on how many a request is under way."""
        return sum(each.is_busy() for each in self._find_clear())

    def find_known(self) -> set[int]:
        """Return the descriptors of those that are counted so."""
        return {each.fileno() for each in self._find_clear()}

    def _find_clear(self) -> list[Followed]:
        return [each for each in self._open if not each.exchange.is_opaque]

    # -- the words, from a signal's handler

    def hold(self) -> None:
        """Read no further request, and then say so."""
        self._run(self._hold)

    def resume(self) -> None:
        """Go on with all connections."""
        self._run(self._resume)

    def hand_over(self, then: Callable[[], None]) -> None:
        """Give the connections to the successor, by way of the supervisor."""

        def give() -> None:
            self._hand_over()
            then()

        self._run(give)

    def _run(self, work: Callable[[], None]) -> None:
        """Do something in a turn, and not between a loop's reading and its telling."""
        if self._loop is None or self._loop.is_closed():
            self.turn.run(work)
        else:
            self._loop.call_soon_threadsafe(self.turn.run, work)

    def _hold(self) -> None:
        self._turn_to(is_holding=True)
        self._settle_all()
        self._agent.handover.say_held()

    def _resume(self) -> None:
        polls = Polls()
        for sock in list(self._open):
            sock.go_on(polls)
        while self._asked:
            self._asked.pop().let_go()
        self._turn_to(is_holding=False)
        if self._is_retired and self._silent is not None:
            self._silent[0].close()
            self._silent = None
        self._is_retired = False

    def _hand_over(self) -> None:
        self._is_retired = True
        self._turn_to(is_holding=True)
        self._settle_all()
        while self._asked:
            self._give(self._asked.pop())
        if self._silent is not None:
            self._silent[1].close()  # whoever has one of these reads its end

    def _find_silent(self) -> int:
        """Return the descriptor of a connection on which nothing comes in.

        It is one by TCP: servers set its options. When the successor is ready its other
        end is closed.
        """
        if self._silent is None:
            with Socket() as listener:
                listen_aside(listener)
                other = Socket()
                other.connect(listener.getsockname())
                fd, _address = listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001
            silent = Socket(fileno=fd)
            silent.setblocking(False)
            self._silent = silent, other
            if self._is_retired:
                other.close()
        return self._silent[0].fileno()

    # -- threads that wait

    def await_data(self, fd: int, end: float | None) -> None:
        """Return when there may be something to read, or something else to wait for.

        Args:
            fd: The connection.
            end: Until when, by `time.monotonic`.

        Raises:
            TimeoutError: Nothing came until then.
        """
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.register(self._find_bells()[self._is_holding], select.POLLIN)
        left_ms = None if end is None else max(0.0, end - time.monotonic()) * 1000
        if not poll.poll(left_ms):
            raise TimeoutError("timed out")

    def _find_bells(self) -> tuple[int, int]:
        """Return what can be read while the process holds, and while it does not."""
        if self._bells is None:
            with self.turn:
                self._bells = self._bells or _make_bells(is_holding=self._is_holding)
        return self._bells

    def _turn_to(self, *, is_holding: bool) -> None:
        """Hold or not, and wake the threads that wait for something else by now."""
        if self._bells is not None and is_holding != self._is_holding:
            os.eventfd_write(self._bells[not is_holding], 1)
            os.eventfd_read(self._bells[is_holding])
        self._is_holding = is_holding


def find_peer(fd: int) -> Any:
    """Return whose a connection is; close it where its client has gone: None."""
    sock = Socket(fileno=fd)
    try:
        address = sock.getpeername()
    except OSError:
        sock.close()
        return None
    sock.detach()
    return address


def _make_bells(*, is_holding: bool) -> tuple[int, int]:
    flags = os.EFD_CLOEXEC | os.EFD_NONBLOCK
    return os.eventfd(is_holding, flags), os.eventfd(not is_holding, flags)
