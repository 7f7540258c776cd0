"""Laying the agent's hooks in the zygote, and waking them in a child."""

from __future__ import annotations

import _thread
import ctypes  # here, for in a child it would be a part of each reload
import os
import signal
import socket
import sys
from importlib.machinery import SourceFileLoader

from sceneshift.dev.zygote import (
    debugger,
    granian,
    gunicorn,
    handover,
    keptsocket,
    mark,
    parts,
    pausing,
    reloaders,
    traces,
    uvicorn,
    uvloop,
    workers,
)
from sceneshift.dev.zygote.agent import Agent
from sceneshift.dev.zygote.code import CodeCache
from sceneshift.dev.zygote.imports import adapt_on_import
from sceneshift.dev.zygote.reads import renew_copies
from sceneshift.dev.zygote.words import HOLD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType
    from typing import Any

    from sceneshift.core.channel import Channel, Message
    from sceneshift.dev.zygote.code import Territory

# Who may wait while nobody accepts, as uvicorn and gunicorn have it. A queue of 5, as
# `http.server` has it, overflows over a reload: the kernel falls back on SYN cookies,
# and resets a client whose request comes in pieces before there is room.
_QUEUE = 2048


class Birth:
    """What a new child needs to know.

    Attributes:
        park: Wait before going too far, until told to go.
        hot: Before which files; None means all of the project.
        channel: Its own line to the supervisor.
        marker: What its children's environment tells whose they are by.
        variables: What is another in its environment than in the zygote's; None takes
            one away.
        held: Listening sockets by address key.
        anchor: What an editor attaches to; None without one.
    """

    __slots__ = ("anchor", "channel", "held", "hot", "marker", "park", "variables")

    def __init__(  # noqa: PLR0913 - each is a different thing that a child needs
        self,
        *,
        marker: str,
        park: bool,
        hot: frozenset[str] | None,
        channel: Channel,
        variables: dict[str, str | None],
        held: dict[str, int],
        anchor: Message | None = None,
    ) -> None:
        self.marker = marker
        self.park = park
        self.hot = hot
        self.channel = channel
        self.variables = variables
        self.held = held
        self.anchor = anchor


def prepare(territory: Territory, code: CodeCache) -> Agent:
    """Lay the hooks, once, in the zygote; return whom they call."""
    agent = Agent(territory, code)

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        return agent.get_code(self, fullname)

    def exec_module(self: SourceFileLoader, module: ModuleType) -> None:
        agent.exec_module(self, module)

    ways = (get_code, exec_module, Agent.get_code, Agent.exec_module, Agent.compile)
    traces.hide(*ways, CodeCache.compile, parts.compile_rest)
    SourceFileLoader.get_code = get_code  # type: ignore[method-assign,assignment]
    SourceFileLoader.exec_module = exec_module  # type: ignore[method-assign,assignment]
    _adapt_sockets(socket.socket, agent)
    if HOLD:  # where there are no words, connections are not handed over
        _adapt_accepting(agent)
    if sys.version_info < (3, 12):
        _tell_of_threads()
    pausing.adapt()
    sys.addaudithook(agent.audit)
    adapt_on_import(
        {
            **reloaders.ADAPTERS,
            **workers.ADAPTERS,
            "gevent._socket3": lambda module: _adapt_sockets(module.socket, agent),
            "granian.server.common": granian.adapt,
            "gunicorn.arbiter": lambda module: gunicorn.adapt_arbiter(module, agent),
            "gunicorn.workers.base": lambda it: gunicorn.adapt_worker(it, agent),
            "multiprocessing.reduction": keptsocket.adapt_pickling,
            "trio._socket": keptsocket.adapt_trio,
            "uvicorn.server": lambda module: uvicorn.adapt(module, agent),
            "uvloop": lambda module: uvloop.adapt(module, agent),
        }
    )
    os.register_at_fork(after_in_child=agent.branch)
    return agent


def _tell_of_threads() -> None:
    """Have the audit event of a thread's start, which came with Python 3.12."""
    original = _thread.start_new_thread

    def start_new_thread(function: Any, args: Any, *kwargs: Any) -> int:
        sys.audit("_thread.start_new_thread", function, args, *kwargs)
        return original(function, args, *kwargs)

    _thread.start_new_thread = start_new_thread
    if "threading" in sys.modules:  # it has taken the other one already
        sys.modules["threading"].__dict__["_start_new_thread"] = start_new_thread


def _adapt_sockets(sockets: Any, agent: Agent) -> None:
    """Wrap `bind` and `listen` of a class of sockets."""
    original_bind, original_listen = sockets.bind, sockets.listen

    def bind(self: Any, address: Any, /) -> None:
        agent.binding.bind(self, address, original_bind)

    def listen(self: Any, backlog: int = 0, /) -> None:
        original_listen(self, max(backlog, _QUEUE))
        agent.binding.listen(self)

    sockets.bind, sockets.listen = bind, listen


def _adapt_accepting(agent: Agent) -> None:
    """Wrap `accept`, and what sends without a socket's own methods."""
    accept, sendfile = socket.socket.accept, os.sendfile

    def accepted(self: socket.socket) -> tuple[Any, Any]:
        return agent.kept.accept(self, accept)

    def sent(out_fd: int, *others: Any, **named: Any) -> int:
        count = sendfile(out_fd, *others, **named)
        sock = agent.kept.find(out_fd)
        if sock is not None and count:
            sock.note_sent_file(count)
        return count

    socket.socket.accept = accepted  # type: ignore[method-assign]
    os.sendfile = sent


def become(agent: Agent, birth: Birth) -> None:
    """Turn a fresh child into the program's process."""
    if os.getsid(0) != os.getpid():
        os.setsid()
    _die_with_parent()
    agent.channel, agent.pid = birth.channel, os.getpid()
    agent.binding.held = birth.held
    agent.is_armed = birth.park
    agent.hot = birth.hot
    _change_environment(birth.variables)
    os.environ["SCENESHIFT_PROCESS"] = birth.marker
    mark.show(birth.marker)
    agent.forget_folders()
    agent.collector.hold_back()
    handover.install(agent)
    debugger.install(agent)
    _reseed()
    agent.trace(birth.anchor)


def _change_environment(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if variables:
        renew_copies()


def _die_with_parent() -> None:
    """Be killed when the zygote is (Linux): a belt beside the guard."""
    set_parent_death_signal = 1
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(set_parent_death_signal, signal.SIGKILL)


def _reseed() -> None:
    """Give this child a random state of its own.

    `random` does so after a fork by itself; numpy's legacy generator does not.
    """
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
