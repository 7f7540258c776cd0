"""What the agent knows of uvicorn, beyond what it knows of any server.

Its start-up hook tells readiness, and its kept connections are handed to the successor
between two requests, so that a client which reuses one is neither cut off nor answered
by old code. A stream of events, which would never end, is ended properly.
"""

from __future__ import annotations

import os
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from sceneshift.dev.zygote.agent import Agent

_SCANS = 6  # iterations of the loop from `accept` to `connection_made`, and some
_FLUSH_S = 0.005
_CUT = 0.7  # of the time that the old process has


def adapt(module: ModuleType, agent: Agent) -> None:
    """Wrap `Server.startup` and `Server.shutdown`."""
    server_class: Any = module.Server
    startup, shutdown = server_class.startup, server_class.shutdown

    async def started(self: Any, sockets: Any = None) -> None:
        agent.binding.is_listen_ready = False  # not before it can take connections over
        await startup(self, sockets=sockets)
        if self.started and agent.channel is not None:
            agent.handover.connections = Connections(self, agent)
            agent.become_ready("uvicorn")

    async def stopping(self: Any, sockets: Any = None) -> None:
        if agent.handover.connections is not None:
            agent.handover.connections.prepare_end()
        await shutdown(self, sockets=sockets)

    server_class.startup = started
    server_class.shutdown = stopping


class Connections:
    """The open connections of a uvicorn server.

    While it is holding, one that is between two requests is read no further. When the
    successor is ready those go to it, and every other as soon as its answer is sent.
    """

    def __init__(self, server: Any, agent: Agent) -> None:
        import asyncio

        assert agent.channel is not None
        self._server = server
        self._agent = agent
        self._loop = asyncio.get_running_loop()
        self._channel = agent.channel
        self._loop.add_reader(self._channel.fileno(), self._receive)
        # A worker may have been told before it had begun.
        self._is_holding = agent.handover.is_holding
        self._is_retired = agent.handover.is_retired
        self._paused: set[Any] = set()
        self._busy: set[Any] = set()
        self._unread: list[int] = []  # connections that came while it was holding
        _note_ends(server.config.http_protocol_class, self._settle)
        agent.send({"event": "adopts"})
        self._take_messages(self._channel.take_queued())

    # -- the words, from a signal's handler

    def hold(self) -> None:
        """Read no further request."""
        self._loop.call_soon_threadsafe(self._hold)

    def resume(self) -> None:
        """Go on with all connections."""
        self._loop.call_soon_threadsafe(self._resume)

    def hand_over(self) -> None:
        """Give the connections to the successor, by way of the supervisor."""
        self._loop.call_soon_threadsafe(self._hand_over)

    def _hold(self) -> None:
        self._is_holding = True
        self._settle_down(_SCANS)

    def _resume(self) -> None:
        self._is_holding = False
        for protocol in self._paused:
            protocol.transport.resume_reading()
            _arm(protocol, self._loop)
        self._paused.clear()
        self._busy.clear()
        while self._unread:
            self._loop.create_task(self._adopt(self._unread.pop()))

    def _hand_over(self) -> None:
        self._give_all()
        self._agent.send({"event": "handed"})

    def _give_all(self) -> None:
        self._is_holding = self._is_retired = True
        self._scan()
        for protocol in list(self._paused):
            self._give(protocol)
        while self._unread:
            self._pass_on(self._unread.pop())

    def prepare_end(self) -> None:
        """Keep uvicorn from closing connections that are still to be handed over."""
        if self._is_holding:
            self._give_all()
            # Among the paused are those whose answer is still on its way out.
            for protocol in self._busy | self._paused:
                protocol.shutdown = lambda: None

    # -- connections

    def _settle_down(self, again: int) -> None:
        """Look at all connections; those that are just being made come soon after."""
        if not self._is_holding:
            return
        self._scan()
        if again:
            self._loop.call_soon(self._settle_down, again - 1)
        else:
            self._agent.handover.say_held()

    def _scan(self) -> None:
        if not self._is_holding:
            return
        for protocol in list(self._server.server_state.connections):
            known = protocol in self._paused or protocol in self._busy
            if not known and _is_understood(protocol):
                self._take(protocol)

    def _take(self, protocol: Any) -> None:
        if _is_idle(protocol):
            self._pause(protocol)
            return
        self._busy.add(protocol)
        answered = self._follow(protocol, protocol.on_response_complete)
        protocol.on_response_complete = answered
        for cycle in _cycles(protocol):
            cycle.on_response = answered

    def _follow(self, protocol: Any, done: Callable[[], None]) -> Callable[[], None]:
        def answered() -> None:
            done()
            self._settle(protocol)

        return answered

    def _settle(self, protocol: Any) -> None:
        """See whether a connection is idle, now that a request has come in wholly.

        Its answer may have been sent before.
        """
        if not self._is_holding or protocol not in self._busy:
            return
        is_open = not protocol.transport.is_closing()
        if is_open and _is_idle(protocol):
            self._busy.discard(protocol)
            self._pause(protocol)

    def _pause(self, protocol: Any) -> None:
        protocol.transport.pause_reading()
        _disarm(protocol)
        self._paused.add(protocol)
        if self._is_retired:
            self._give(protocol)

    def _give(self, protocol: Any) -> None:
        transport = protocol.transport
        if transport.is_closing():
            self._paused.discard(protocol)
            return
        if not _is_idle(protocol):  # was read from in the very moment of the pause
            self._paused.discard(protocol)
            transport.resume_reading()
            self._take(protocol)
            return
        if transport.get_write_buffer_size():
            self._loop.call_later(_FLUSH_S, self._give, protocol)
            return
        self._paused.discard(protocol)
        if transport.get_extra_info("sslcontext"):
            transport.close()  # its keys are here alone
            return
        fd = transport.get_extra_info("socket").fileno()
        self._channel.send({"event": "connection"}, (fd,))
        # The descriptor is closed here without a FIN: the successor has another.
        transport.abort()

    def _pass_on(self, fd: int) -> None:
        self._channel.send({"event": "connection"}, (fd,))
        os.close(fd)

    def _cut(self, *, only_events: bool) -> None:
        """End answers that go on and on, as if they had been finished."""
        for protocol in list(self._server.server_state.connections):
            cycle = getattr(protocol, "cycle", None)
            if cycle is None or cycle.response_complete or not cycle.response_started:
                continue
            if not only_events or _wants_events(cycle):
                _finish(protocol, cycle)

    # -- what the supervisor says

    def _receive(self) -> None:
        received = self._channel.receive_all()
        if received is None:
            self._loop.remove_reader(self._channel.fileno())
            return
        self._take_messages(received)

    def _take_messages(self, received: list[tuple[Any, list[int]]]) -> None:
        for message, fds in received:
            if message["op"] == "connection":
                self._loop.create_task(self._adopt(fds[0]))
            elif message["op"] == "ending":
                self._cut(only_events=True)
                wait_s = message["time_s"] * _CUT
                self._loop.call_later(wait_s, lambda: self._cut(only_events=False))

    async def _adopt(self, fd: int) -> None:
        """Serve a predecessor's connection; leave it unread to a successor."""
        if self._is_retired:
            self._pass_on(fd)
            return
        if self._is_holding:
            self._unread.append(fd)
            return
        server = self._server
        sock = socket.socket(fileno=fd)
        sock.setblocking(False)

        def make_protocol() -> Any:
            return server.config.http_protocol_class(
                config=server.config,
                server_state=server.server_state,
                app_state=server.lifespan.state,
                _loop=self._loop,
            )

        await self._loop.connect_accepted_socket(make_protocol, sock)
        self._scan()


def _is_understood(protocol: Any) -> bool:
    """Say whether it is HTTP by h11 or httptools, and no WebSocket."""
    if not hasattr(protocol, "cycle"):
        return False
    return hasattr(protocol, "parser") or hasattr(protocol.conn, "trailing_data")


def _is_idle(protocol: Any) -> bool:
    """Say whether a connection is between two requests, with nothing half read."""
    cycle = protocol.cycle
    if cycle is not None and (not cycle.response_complete or cycle.more_body):
        return False
    if hasattr(protocol, "conn"):
        return not protocol.conn.trailing_data[0]
    # A message that has begun has a scope of its own before it has a cycle.
    begun = protocol.scope is not None and (
        cycle is None or cycle.scope is not protocol.scope
    )
    return not begun and not protocol.pipeline


def _note_ends(protocol_class: Any, then: Callable[[Any], None]) -> None:
    """Have it known of a request that its end has come in after its answer was sent.

    uvicorn itself needs to know that only of one that is still to be answered.
    """
    name = "on_message_complete"  # of httptools, from within the parser
    if not hasattr(protocol_class, name):
        name = "handle_events"
    original = getattr(protocol_class, name, None)
    if original is None:
        return

    def noted(self: Any, *args: Any) -> None:
        original(self, *args)
        cycle = self.cycle
        if cycle is not None and cycle.response_complete and _has_come(self):
            cycle.more_body = False
            self.loop.call_soon(then, self)  # there may be more for the parser

    setattr(protocol_class, name, noted)


def _has_come(protocol: Any) -> bool:
    """Say whether the last request is there to its end."""
    if not hasattr(protocol, "conn"):
        return True  # that is what was called for
    return str(getattr(protocol.conn, "their_state", None)) == "IDLE"


def _cycles(protocol: Any) -> list[Any]:
    waiting = [cycle for cycle, _app in getattr(protocol, "pipeline", ())]
    return [each for each in (protocol.cycle, *waiting) if each is not None]


def _disarm(protocol: Any) -> None:
    """Stop the clock that closes idle connections."""
    task = getattr(protocol, "timeout_keep_alive_task", None)
    if task is not None:
        task.cancel()
        protocol.timeout_keep_alive_task = None


def _arm(protocol: Any, loop: Any) -> None:
    protocol.timeout_keep_alive_task = loop.call_later(
        protocol.timeout_keep_alive, protocol.timeout_keep_alive_handler
    )


def _wants_events(cycle: Any) -> bool:
    accepted = dict(cycle.scope["headers"]).get(b"accept", b"")
    return b"text/event-stream" in accepted


def _finish(protocol: Any, cycle: Any) -> None:
    cycle.disconnected = True  # what the application sends from now on is dropped
    cycle.message_event.set()
    if getattr(cycle, "chunked_encoding", False):
        protocol.transport.write(b"0\r\n\r\n")
    elif hasattr(protocol, "conn"):
        _finish_h11(protocol)
    protocol.transport.close()


def _finish_h11(protocol: Any) -> None:
    import h11

    try:
        protocol.transport.write(protocol.conn.send(h11.EndOfMessage()))
    except h11.LocalProtocolError:
        return  # a length was promised
