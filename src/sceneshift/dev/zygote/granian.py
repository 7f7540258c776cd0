"""What the agent knows of granian, beyond what it knows of any server.

It opens its sockets in Rust, one in each worker, where no hook sees it. But it takes an
open one as well, as it does on macOS for its own part.
"""

from __future__ import annotations

import importlib
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def adapt(module: ModuleType) -> None:
    """Replace how the server opens its socket, and leave its reloader out."""
    server: Any = module.AbstractServer
    init_shared_socket = server._init_shared_socket  # noqa: SLF001

    def wrapped(self: Any) -> None:
        if self.bind_uds:
            init_shared_socket(self)
            return
        self._sfd = _open(self.bind_addr, self.bind_port)
        self._shd = _hold(self._sfd, self.backlog)
        self._ssp = None

    server._init_shared_socket = wrapped  # noqa: SLF001
    server._serve_with_reloader = lambda self, *args: self._serve(*args)  # noqa: SLF001


def _hold(fd: int, backlog: int) -> Any:
    """Return granian's own object for a socket that it listens on itself."""
    holder: Any = importlib.import_module("granian.net").SocketHolder
    is_unix = False
    return holder(fd, is_unix, backlog)


def _open(host: str, port: int) -> int:
    """Return the descriptor of a socket that is bound, by the supervisor."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.setblocking(False)
    return sock.detach()
