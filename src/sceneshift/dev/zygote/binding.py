"""Exchanging the sockets that a program binds for ones that outlive it."""

from __future__ import annotations

import _thread
import os
import socket

from sceneshift.dev.zygote.addresses import key_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sceneshift.dev.zygote.agent import Agent


class Binding:
    """What stands in for `bind` and `listen` of a program's sockets.

    Attributes:
        held: Sockets that outlive the program, by address key.
        is_listen_ready: Whether one that listens accepts, too.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.held: dict[str, int] = {}
        self.is_listen_ready = True
        self._undecided: set[int] = set()  # bound, and it may block or not
        self._turn = _thread.allocate_lock()
        self._is_first = True

    def bind(self, sock: Any, address: Any, bind: Callable[..., Any]) -> None:
        """Stand in for `socket.bind`: take the socket that outlives the program.

        Args:
            sock: A `socket.socket`, or what has the same methods.
            address: Where to.
            bind: The method that this one stands in for.
        """
        key = key_of(sock, address)
        agent = self._agent
        if agent.find_line() is None or key is None or agent.pid != os.getpid():
            bind(sock, address)
            return
        agent.touch("socket.bind")
        with self._turn:  # or another thread would serve before the first may
            self._take_over(sock, key)
            self._await_turn(key)

    def _take_over(self, sock: Any, key: str) -> None:
        if key not in self.held:
            self.held[key] = self._ask_for(key, sock)
        is_blocking = os.get_blocking(sock.fileno())
        os.dup2(self.held[key], sock.fileno(), inheritable=False)
        # The flag lies in what is shared. Most servers that do not want to block say so
        # after they have bound, and a predecessor would block meanwhile, for ever.
        if is_blocking:
            self._undecided.add(sock.fileno())
        else:
            os.set_blocking(sock.fileno(), False)

    def _ask_for(self, key: str, sock: socket.socket) -> int:
        """Have the supervisor bind; raises OSError as `bind` itself would."""
        v6only = 0
        if sock.family == socket.AF_INET6:
            v6only = sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        received = self._agent.ask({"event": "bind", "key": key, "v6only": v6only})
        if received is None:
            os._exit(0)
        message, fds = received
        if message["op"] == "refused":
            raise OSError(message["errno"], os.strerror(message["errno"]))
        return fds[0]

    def _await_turn(self, key: str) -> None:
        """Say that it is bound, and wait until its predecessors have heard to hold.

        At the first address only: later on, others may read the line.
        """
        waits, self._is_first = self._is_first, False
        self._agent.send({"event": "bound", "key": key, "waits": waits})
        while waits and self._agent.channel is not None:
            received = self._agent.channel.receive()
            if received is None:
                os._exit(0)
            if received[0]["op"] == "serve":
                return

    def listen(self, sock: Any) -> None:
        """Say that connections are taken from now on: `listen` was called."""
        if not self._agent.find_line() or not self.held:
            return
        if os.fstat(sock.fileno()).st_ino not in self.find_inodes():
            return
        if sock.fileno() in self._undecided:
            self._undecided.discard(sock.fileno())
            os.set_blocking(sock.fileno(), sock.gettimeout() is None)
        if self.is_listen_ready:
            self._agent.become_ready("listen")

    def find_ports(self) -> set[int]:
        """Return the ports of the held sockets."""
        return {int(key.rpartition("/")[2]) for key in self.held}

    def find_inodes(self) -> set[int]:
        """Return what the kernel knows the held sockets by."""
        return {os.fstat(fd).st_ino for fd in self.held.values()}
