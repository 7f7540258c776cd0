"""What the agent knows of uvicorn, beyond what it knows of any server.

Its start-up hook tells readiness, and its idle keep-alive connections are handed to
the successor, so that a client which reuses one is neither cut off nor answered by old
code.
"""

from __future__ import annotations

import socket
import sys
from importlib.abc import Loader, MetaPathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from sceneshift.dev.zygote.agent import Agent

_MODULE = "uvicorn.server"


def install(agent: Agent) -> None:
    """Have `uvicorn.server` adapted when it is imported."""
    sys.meta_path.insert(0, _Finder(agent))


class _Finder(MetaPathFinder):
    """Finds one module, and only to wrap its loader."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != _MODULE:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Wrapped(spec.loader, self._agent)
                return spec
        return None


class _Wrapped(Loader):
    """A loader that adapts the module after it ran."""

    def __init__(self, loader: Loader, agent: Agent) -> None:
        self._loader = loader
        self._agent = agent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        adapt(module.Server, self._agent)


def adapt(server_class: Any, agent: Agent) -> None:
    """Wrap `Server.startup`."""
    startup = server_class.startup

    async def wrapped(self: Any, sockets: Any = None) -> None:
        await startup(self, sockets=sockets)
        if self.started and agent.handover is not None:
            agent.handover.connections = Connections(self, agent)
            agent.become_ready("uvicorn")

    server_class.startup = wrapped


class Connections:
    """The open connections of a uvicorn server."""

    def __init__(self, server: Any, agent: Agent) -> None:
        import asyncio

        self._server = server
        self._agent = agent
        self._loop = asyncio.get_running_loop()
        self._paused: list[Any] = []
        assert agent.channel is not None
        self._channel = agent.channel
        self._loop.add_reader(self._channel.fileno(), self._receive)

    def hold(self) -> None:
        """Read no further request from connections that are idle."""
        self._loop.call_soon_threadsafe(self._hold)

    def _hold(self) -> None:
        for protocol in list(self._server.server_state.connections):
            if not hasattr(protocol, "cycle"):
                continue  # a WebSocket
            if _is_idle(protocol):
                protocol.transport.pause_reading()
                self._paused.append(protocol)
            elif protocol.cycle is not None:
                # Its answer says `Connection: close`.
                protocol.cycle.keep_alive = False

    def resume(self) -> None:
        """Go on with all of them."""
        self._loop.call_soon_threadsafe(self._resume)

    def _resume(self) -> None:
        for protocol in self._paused:
            protocol.transport.resume_reading()
        self._paused.clear()

    def hand_over(self) -> None:
        """Give the paused ones to the successor, by way of the supervisor."""
        self._loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        for protocol in self._paused:
            self._give(protocol)
        self._paused.clear()
        self._agent.send({"event": "handed"})

    def _give(self, protocol: Any) -> None:
        sock = protocol.transport.get_extra_info("socket")
        if sock is None or protocol.transport.get_extra_info("sslcontext"):
            protocol.transport.close()
            return
        self._channel.send({"event": "connection"}, (sock.fileno(),))
        # The descriptor is closed here without a FIN: the successor has another.
        protocol.transport.abort()

    def _receive(self) -> None:
        received = self._channel.receive_all()
        if received is None:
            self._loop.remove_reader(self._channel.fileno())
            return
        for message, fds in received:
            if message["op"] == "connection":
                self._loop.create_task(self._adopt(fds[0]))

    async def _adopt(self, fd: int) -> None:
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


def _is_idle(protocol: Any) -> bool:
    return protocol.cycle is None or protocol.cycle.response_complete
