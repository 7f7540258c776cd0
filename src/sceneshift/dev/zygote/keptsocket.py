"""A connection that a client keeps, as Python's own socket."""

from __future__ import annotations

import os
import select
import socket
import time

from sceneshift.dev.zygote.aside import Polls
from sceneshift.dev.zygote.draining import Socket
from sceneshift.dev.zygote.framing import Exchange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any, TypeVar

    from sceneshift.dev.zygote.aside import Laid
    from sceneshift.dev.zygote.kept import Kept

    T = TypeVar("T")


class KeptSocket(Socket):
    """An accepted connection that is followed.

    Attributes:
        exchange: What went over it.
        laid: What it is exchanged for, while or since that is so.
    """

    __slots__ = ("_kept", "exchange", "laid")

    def __init__(self, kept: Kept, listener: Any, fd: int) -> None:
        shape = (listener.family, listener.type, listener.proto)
        super().__init__(*shape, fileno=fd)
        self.exchange = Exchange()
        self.laid: Laid | None = None
        self._kept = kept
        # As `socket.accept` itself has it.
        if socket.getdefaulttimeout() is None and listener.gettimeout():
            self.setblocking(True)

    # -- what the client sends

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Read; see `socket.recv`."""
        read = super().recv
        if not self._is_followed(flags):
            return read(bufsize, flags)
        return self._receive(lambda: read(bufsize, socket.MSG_DONTWAIT), memoryview)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Read; see `socket.recv_into`."""
        read = super().recv_into
        if not self._is_followed(flags):
            return read(buffer, nbytes, flags)
        return self._receive(
            lambda: read(buffer, nbytes, socket.MSG_DONTWAIT),
            lambda count: memoryview(buffer).cast("B")[:count],
        )

    def _receive(self, read: Callable[[], T], see: Callable[[T], memoryview]) -> T:
        """Read what there is; wait for it where the program wants to wait.

        Nothing is read outside of a turn, and no turn waits: else a request might be
        read here that came after the word to hold.
        """
        limit_s = self.gettimeout()
        waits = limit_s != 0
        end = time.monotonic() + limit_s if limit_s else None
        while True:
            if waits:
                self._kept.await_data(self.fileno(), end)
            with self._kept.turn:
                if waits and not _is_readable(self.fileno()):
                    continue  # was laid aside meanwhile
                got = read()
                self.exchange.note_received(see(got))
                self._kept.settle(self)
                return got

    # -- what the program sends

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send; see `socket.send`."""
        sent = super().send(data, flags)
        self._note_sent([data], sent)
        return sent

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send; see `socket.sendall`."""
        super().sendall(data, flags)
        self._note_sent([data], memoryview(data).nbytes)

    def sendmsg(self, buffers: Iterable[Any], *others: Any) -> int:
        """Send; see `socket.sendmsg`."""
        pieces = list(buffers)
        sent = super().sendmsg(pieces, *others)
        self._note_sent(pieces, sent)
        return sent

    def _note_sent(self, pieces: list[Any], sent: int) -> None:
        if self.exchange.is_opaque:
            return
        with self._kept.turn:
            for piece in pieces:
                data = memoryview(piece).cast("B")[:sent]
                self.exchange.note_sent(data)
                sent -= len(data)
            self._kept.settle(self)

    def note_sent_file(self, count: int) -> None:
        """Know that so many bytes of a file were sent."""
        with self._kept.turn:
            self.exchange.note_sent_file(count)
            self._kept.settle(self)

    # -- while it is laid aside

    def is_busy(self) -> bool:
        """Say whether a request is under way."""
        return self.exchange.is_busy

    def may_be_laid(self) -> bool:
        """Say whether it is between two requests, and may carry another."""
        return self.exchange.is_idle

    def go_on(self, polls: Polls) -> None:
        """Be what it was."""
        if self.laid is not None:
            self.laid.put_back(polls)
            self.laid = None
            # The program may have wanted it otherwise meanwhile.
            os.set_blocking(self.fileno(), self.gettimeout() is None)

    def end(self) -> None:
        """Know that the successor has it: the program reads its end by itself."""

    def getpeername(self) -> Any:
        """Return the client's address."""
        if self.laid is None or self.laid.real is None:
            return super().getpeername()
        with Socket(fileno=os.dup(self.laid.real)) as real:
            return real.getpeername()

    def shutdown(self, how: int, /) -> None:
        """Shut it down; what stands in for it does so for others as well."""
        if self.laid is None:
            super().shutdown(how)

    # -- where it is used in ways that are not followed

    def detach(self) -> int:
        """Give the descriptor away, to TLS for one."""
        self.let_go()
        return super().detach()

    def dup(self) -> Any:
        """Return another for the connection: who reads from that is not seen."""
        self.let_go()
        fd = os.dup(self.fileno())
        twin = Socket(self.family, self.type, self.proto, fileno=fd)
        twin.settimeout(self.gettimeout())
        return twin

    def recvfrom(self, *args: Any) -> Any:
        """Read; see `socket.recvfrom`."""
        self.let_go()
        return super().recvfrom(*args)

    def recvfrom_into(self, *args: Any) -> Any:
        """Read; see `socket.recvfrom_into`."""
        self.let_go()
        return super().recvfrom_into(*args)

    def recvmsg(self, *args: Any) -> Any:
        """Read; see `socket.recvmsg`."""
        self.let_go()
        return super().recvmsg(*args)

    def recvmsg_into(self, *args: Any) -> Any:
        """Read; see `socket.recvmsg_into`."""
        self.let_go()
        return super().recvmsg_into(*args)

    def let_go(self) -> None:
        """Follow it no more: have it be what it was, to its end."""
        with self._kept.turn:
            self._kept.forget(self)
            self.exchange.give_up()
            if self.laid is not None:
                self.go_on(Polls())

    def _real_close(self, *closer: Any) -> None:
        with self._kept.turn:
            self._kept.forget(self)
            if self.laid is not None:
                # Closing alone would not do it: what stands in is open elsewhere.
                Polls().leave(self.fileno())
                self._give_up(self.laid)
        super()._real_close(*closer)  # type: ignore[misc]

    def _give_up(self, laid: Laid) -> None:
        """Close the connection, unless its client has asked in the meantime.

        The program, which has waited long enough, would have heard that.
        """
        if laid.real is not None and _is_readable(laid.real):
            self._kept.keep(laid)
        else:
            laid.let_go()

    def _is_followed(self, flags: int) -> bool:
        if flags and not self.exchange.is_opaque:
            self.exchange.give_up()  # it may have been a look only
        return not self.exchange.is_opaque


def adapt_pickling(module: ModuleType) -> None:
    """Have these sent to other processes as `multiprocessing` sends all sockets."""
    reduce = module._reduce_socket  # noqa: SLF001 - by exact classes, it has it

    def let_go(sock: KeptSocket) -> Any:
        sock.let_go()
        return reduce(sock)

    module.register(KeptSocket, let_go)


def adapt_trio(module: ModuleType) -> None:
    """Have trio take these: it wants sockets of no class but Python's own.

    It calls the methods of that class, so that nothing of them would be seen.
    """
    wrap = module._SocketType.__init__  # noqa: SLF001 - there is no other way in

    def wrap_plain(self: Any, sock: Any) -> None:
        is_ours = isinstance(sock, KeptSocket)
        wrap(self, Socket(fileno=sock.detach()) if is_ours else sock)

    module._SocketType.__init__ = wrap_plain  # noqa: SLF001


def _is_readable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))
