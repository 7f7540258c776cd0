"""Leaving the accept queue to a successor, and taking it back.

On the word *hold* a process stops accepting at once, whatever server it runs: each of
its descriptors of a held socket is taken out of the epoll sets and exchanged for a
socket to which nobody connects. It finishes what it has; what comes in meanwhile waits
in the queue of the real socket, which the successor has too. On *resume* all is put
back. The words are signals, so that forked workers of a server hear them as well.
"""

from __future__ import annotations

import os
import signal
import socket

from sceneshift.dev.zygote.addresses import listen_aside
from sceneshift.dev.zygote.aside import Laid, Polls, lay_aside
from sceneshift.dev.zygote.descriptors import find_open
from sceneshift.dev.zygote.draining import Socket, count_busy
from sceneshift.dev.zygote.words import HOLD, REPORT, RESUME, RETIRE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sceneshift.dev.zygote.agent import Agent
    from sceneshift.dev.zygote.uvicorn import Connections


class Handover:
    """Holds and resumes the accepting of one process.

    Attributes:
        is_holding: Whether it has been told to hold.
        is_retired: Whether it has been told that its successor is ready.
        connections: What a server that keeps connections open does with those.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._laid: list[Laid] = []
        self.is_holding = self.is_retired = False
        self._is_reported = False
        self.connections: Connections | None = None

    def begin(self, *, is_holding: bool) -> None:
        """Hold or not, in a fork that was made by who held or did not.

        Args:
            is_holding: What all of the generation was told.
        """
        if self.is_holding and not is_holding:
            self.resume()
        elif self.is_holding:
            self._agent.kept.hold()
        elif is_holding:
            self.hold()

    def hold(self) -> None:
        """Stop accepting."""
        if self.is_holding:
            return
        self.is_holding = True
        self._stop_accepting()
        # Who has connections says that it holds, when it has looked at them all.
        (self.connections or self._agent.kept).hold()

    def _stop_accepting(self) -> None:
        binding = self._agent.binding
        kept = set(binding.held.values())
        held = {f"socket:[{inode}]" for inode in binding.find_inodes()}
        try:
            polls = Polls()
            for fd, target in find_open():
                if target in held and fd not in kept:
                    self._laid.append(_lay_aside(fd, polls))
        except OSError:
            return  # no descriptors are left: it goes on, for it must not end of this

    def say_held(self) -> None:
        """Tell that no request is taken any more: the successor may answer."""
        self._agent.send({"event": "held", "pid": os.getpid()})

    def resume(self) -> None:
        """Accept again."""
        polls = Polls()
        for laid in self._laid:
            _wake(laid.fd)
            laid.put_back(polls)
        self._laid.clear()
        self.is_holding = False
        (self.connections or self._agent.kept).resume()
        self._agent.send({"event": "resumed", "pid": os.getpid()})

    def retire(self) -> None:
        """Hand over what can be, for the successor is ready."""
        self.is_retired = True
        if self.connections is not None:
            self.connections.hand_over()
        self._agent.kept.hand_over(self._say_retired)

    def _say_retired(self) -> None:
        """Tell how many requests are under way, and once which modules are loaded."""
        self._report_once()
        ports = self._agent.binding.find_ports()
        kept = self._agent.kept
        busy = count_busy(ports, but=kept.find_known()) + kept.count_busy()
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


def _lay_aside(fd: int, polls: Polls) -> Laid:
    is_blocking = os.get_blocking(fd)
    with _make_deaf(fd) as deaf:
        deaf.setblocking(is_blocking)
        return lay_aside(fd, polls, deaf.fileno(), waits=False)


def _make_deaf(real: int) -> socket.socket:
    """Return a socket on which `accept` waits or says EAGAIN, for ever.

    It is of the real one's family, for servers that look at its name.
    """
    with Socket(fileno=os.dup(real)) as model:
        family, port = model.family, model.getsockname()[1]
    deaf = Socket(family, socket.SOCK_STREAM)
    listen_aside(deaf, port)
    return deaf


def _wake(fd: int) -> None:
    """Let a thread that waits in `accept` of the deaf socket come back from it."""
    with Socket(fileno=os.dup(fd)) as deaf:
        if not os.get_blocking(fd):
            return
        with Socket(deaf.family, socket.SOCK_STREAM) as nobody:
            nobody.setblocking(False)
            nobody.connect_ex(deaf.getsockname())
