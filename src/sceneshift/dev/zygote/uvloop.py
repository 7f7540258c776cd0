"""What the agent knows of uvloop, whose connections are not Python's sockets.

They are followed where the loop hands their bytes to a protocol, and that writes to a
transport. uvicorn, which does more with its connections, is left alone.
"""

from __future__ import annotations

import socket

from sceneshift.dev.zygote.addresses import is_ringer
from sceneshift.dev.zygote.framing import Exchange
from sceneshift.dev.zygote.words import HOLD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any

    from sceneshift.dev.zygote.agent import Agent
    from sceneshift.dev.zygote.aside import Laid, Polls

_FLUSH_S = 0.005


def adapt(module: ModuleType, agent: Agent) -> None:
    """Wrap `Loop.create_server` and `Loop.start_tls`."""
    if not HOLD:
        return  # nothing is handed over
    loop_class: Any = module.Loop
    create_server, start_tls = loop_class.create_server, loop_class.start_tls

    async def created(self: Any, factory: Any, *args: Any, **kwargs: Any) -> Any:
        if not kwargs.get("ssl"):  # its keys are here alone

            def make() -> Any:
                return _observe(self, factory, agent)

            return await create_server(self, make, *args, **kwargs)
        return await create_server(self, factory, *args, **kwargs)

    async def started(self: Any, transport: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(transport, _Transport):
            transport = transport.observer.let_go()
        return await start_tls(self, transport, *args, **kwargs)

    loop_class.create_server = created
    loop_class.start_tls = started


def _observe(loop: Any, factory: Callable[[], Any], agent: Agent) -> Any:
    """Return a protocol for a new connection, followed where it can be."""
    import asyncio

    protocol = factory()
    if agent.handover.connections is not None or not agent.binding.held:
        return protocol
    if agent.find_line() is None or isinstance(protocol, asyncio.BufferedProtocol):
        return protocol
    return Observer(loop, protocol, agent, factory)


class _Transport:
    """The loop's transport, with an eye on what is written.

    Attributes:
        observer: Whose it is.
    """

    def __init__(self, transport: Any, observer: Observer) -> None:
        self._transport = transport
        self.observer = observer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: Any) -> None:
        """Write."""
        self._transport.write(data)
        self.observer.note_sent([data])

    def writelines(self, pieces: Iterable[Any]) -> None:
        """Write several."""
        pieces = list(pieces)
        self._transport.writelines(pieces)
        self.observer.note_sent(pieces)

    def get_protocol(self) -> Any:
        """Return the program's own."""
        return self.observer.protocol

    def set_protocol(self, protocol: Any) -> None:
        """Have another one, as a WebSocket has: it is no HTTP any more."""
        self.observer.let_go().set_protocol(protocol)


class Observer:
    """A protocol between the loop's and the program's.

    Attributes:
        protocol: The program's.
        exchange: What went over it.
        laid: What it is exchanged for, while or since that is so.
    """

    def __init__(
        self, loop: Any, protocol: Any, agent: Agent, factory: Callable[[], Any]
    ) -> None:
        self.protocol = protocol
        self.exchange = Exchange()
        self.laid: Laid | None = None
        self._loop = loop
        self._agent = agent
        self._factory = factory
        self._transport: Any = None
        self._is_paused = False

    # -- what the loop says

    def connection_made(self, transport: Any) -> None:
        """A client is there, or the supervisor rings."""
        kept = self._agent.kept
        peer = transport.get_extra_info("peername")
        if is_ringer(peer):
            self._loop.create_task(self._take_over(kept.ask_for_one(peer)))
            self.protocol = None
            transport.abort()
            return
        self._transport = transport
        name = transport.get_extra_info("sockname")
        if isinstance(name, tuple) and name[1] in self._agent.binding.find_ports():
            kept.follow(self, self._loop)
        else:
            self.exchange.give_up()
        self.protocol.connection_made(_Transport(transport, self))

    async def _take_over(self, fd: int | None) -> None:
        if fd is None:
            return
        sock = socket.socket(fileno=fd)
        sock.setblocking(False)
        await self._loop.connect_accepted_socket(
            lambda: _observe(self._loop, self._factory, self._agent), sock
        )

    def data_received(self, data: Any) -> None:
        """Something came in."""
        with self._agent.kept.turn:
            self.exchange.note_received(memoryview(data))
            self._agent.kept.settle(self)
        self.protocol.data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        if self.protocol is None:
            return
        with self._agent.kept.turn:
            self._agent.kept.forget(self)
            if self.laid is not None:
                self.laid.let_go()
        self.protocol.connection_lost(error)

    def eof_received(self) -> Any:
        """The client says no more."""
        return None if self.protocol is None else self.protocol.eof_received()

    def pause_writing(self) -> None:
        """There is much to be sent."""
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """There is less."""
        self.protocol.resume_writing()

    # -- what the program does

    def note_sent(self, pieces: list[Any]) -> None:
        """Know what is being sent."""
        if self.exchange.is_opaque:
            return
        with self._agent.kept.turn:
            for piece in pieces:
                self.exchange.note_sent(memoryview(piece).cast("B"))
            self._agent.kept.settle(self)

    def let_go(self) -> Any:
        """Follow it no more; return the loop's transport."""
        with self._agent.kept.turn:
            self._agent.kept.forget(self)
            self.exchange.give_up()
        return self._transport

    def note_sent_file(self, _count: int) -> None:
        """Know that bytes went out by another way than the transport's."""
        self.let_go()

    # -- what the agent asks

    def fileno(self) -> int:
        """Return its descriptor; -1 where it is closed."""
        sock = self._transport.get_extra_info("socket")
        return -1 if sock is None else int(sock.fileno())

    def is_busy(self) -> bool:
        """Say whether a request is under way, or an answer on its way out."""
        return self.exchange.is_busy or (self._is_paused and self.laid is None)

    def may_be_laid(self) -> bool:
        """Say whether it is between two requests, with nothing to be sent.

        What is, is read no further until it is.
        """
        if not self.exchange.is_idle or self._transport.is_closing():
            return False
        if not self._transport.get_write_buffer_size():
            return True
        self._is_paused = True
        self._transport.pause_reading()
        self._loop.call_soon_threadsafe(self._loop.call_later, _FLUSH_S, self._look)
        return False

    def _look(self) -> None:
        with self._agent.kept.turn:
            self._agent.kept.settle(self)

    def end(self) -> None:
        """Know that the successor has it."""
        self._loop.call_soon_threadsafe(self._transport.abort)

    def go_on(self, polls: Polls) -> None:
        """Be read again."""
        if self.laid is not None:
            self.laid.put_back(polls)
            self.laid = None
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()
