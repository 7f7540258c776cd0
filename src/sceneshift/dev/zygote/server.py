"""The zygote: imports ahead, forks on request, reaps and reports."""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
import warnings

from sceneshift.core.channel import Channel
from sceneshift.dev.zygote import hooks, program
from sceneshift.dev.zygote.code import CodeCache, Territory
from sceneshift.dev.zygote.hooks import Birth
from sceneshift.dev.zygote.preload import preload
from sceneshift.dev.zygote.reads import import_copying

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from sceneshift.core.channel import Message
    from sceneshift.dev.zygote.agent import Agent
    from sceneshift.dev.zygote.tracer import Tracer

CONTROL_FD = 3


class Zygote:
    """The state of this process.

    Attributes:
        control: The line to the supervisor.
        settings: The first message: program, root, preload, skip.
        agent: What its children will have.
        held: Listening sockets, of each user by address key.
        children: Tokens by pid.
        users: For whom each of them was made.
    """

    def __init__(self, control: Channel, settings: Message, agent: Agent) -> None:
        self.control = control
        self.settings = settings
        self.agent = agent
        self.held: dict[int, dict[str, int]] = {}
        self.children: dict[int, int] = {}
        self.users: dict[int, int] = {}

    def serve(self) -> Birth:
        """Answer the supervisor; returns in each child, never in the zygote."""
        wakeup, writer = _watch_children()
        selector = selectors.DefaultSelector()
        selector.register(self.control, selectors.EVENT_READ)
        selector.register(wakeup, selectors.EVENT_READ)
        birth = self._handle_all(self.control.take_queued())
        while birth is None:
            for key, _events in selector.select():
                if key.fileobj is wakeup:
                    wakeup.recv(4096)
                    self._reap()
                    continue
                birth = self._handle_messages()
                if birth is not None:
                    break
        selector.close()
        _forget_children(wakeup, writer)
        return birth

    def _handle_messages(self) -> Birth | None:
        messages = self.control.receive_all()
        if messages is None:
            _end(self.children)
        return self._handle_all(messages)

    def _handle_all(self, messages: list[tuple[Message, list[int]]]) -> Birth | None:
        for message, fds in messages:
            birth = self._handle(message, fds)
            if birth is not None:
                return birth
        return None

    def _handle(self, message: Message, fds: list[int]) -> Birth | None:
        operation = message["op"]
        if operation == "fork":
            return self._fork(message, fds)
        if operation == "run":
            self.control.send(
                {"event": "forked", "token": message["token"], "pid": os.getpid()}
            )
            return self._make_birth(message, fds)
        if operation == "hold":
            self._hold(message["user"], message["key"], fds[0])
        elif operation == "release":
            self._release(message["user"], message["key"])
        elif operation == "leave":
            self._leave(message["user"])
        elif operation == "warm":
            self.agent.code.warm(message["files"])
        elif operation == "preload":
            self._preload(message["modules"])
        return None

    def _hold(self, user: int, key: str, fd: int) -> None:
        self._release(user, key)
        self.held.setdefault(user, {})[key] = fd

    def _release(self, user: int, key: str) -> None:
        fd = self.held.get(user, {}).pop(key, None)
        if fd is not None:
            os.close(fd)

    def _leave(self, user: int) -> None:
        """End what was made for a user, and close what it had."""
        for fd in self.held.pop(user, {}).values():
            os.close(fd)
        for pid in [pid for pid, one in self.users.items() if one == user]:
            os.kill(pid, signal.SIGKILL)  # not reaped yet, so no other's
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        self.control.send({"event": "left", "user": user})

    def _preload(self, modules: list[str]) -> None:
        self.control.send({"event": "preloaded", **self.import_ahead(modules)})

    def import_ahead(self, modules: list[str]) -> Message:
        """Import modules; return what is to be known of it."""
        reads = self.agent.reads
        import_copying(modules)
        with reads.watching():
            refused = preload(modules, frozenset(self.settings["skip"]))
        return {"refused": refused, "reads": reads.as_json()}

    def _fork(self, message: Message, fds: list[int]) -> Birth | None:
        self.agent.modules.note()
        gc.collect()
        gc.freeze()
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            # Native pools that survive a fork are counted as threads by 3.12 and later.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            return self._make_birth(message, fds)
        for fd in fds:
            os.close(fd)
        self.children[pid], self.users[pid] = message["token"], message["user"]
        self.control.send({"event": "forked", "token": message["token"], "pid": pid})
        return None

    def _make_birth(self, message: Message, fds: list[int]) -> Birth:
        channel_fd, output_fd = fds
        os.dup2(output_fd, 1)
        os.dup2(output_fd, 2)
        os.close(output_fd)
        held = self.held.pop(message["user"], {})
        for others in self.held.values():
            for fd in others.values():
                os.close(fd)  # a port that is given up is to be free
        self.settings.update(message["program"])
        hot = message["hot"]
        return Birth(
            marker=message["marker"],
            park=message["park"],
            hot=None if hot is None else frozenset(hot),
            channel=Channel(socket.socket(fileno=channel_fd)),
            variables=message["variables"],
            held=held,
            anchor=message.get("anchor"),
        )

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            token = self.children.pop(pid, None)
            self.users.pop(pid, None)
            if token is not None:
                report = {"event": "exited", "token": token, "pid": pid}
                self.control.send({**report, "status": status})


def _make_tracer(agent: Agent) -> Tracer | None:
    """Return an editor's debugger, which is imported for those that want it."""
    from sceneshift.dev.zygote.tracer import make_tracer

    return make_tracer(agent)


def _watch_children() -> tuple[socket.socket, socket.socket]:
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    return reader, writer


def _forget_children(wakeup: socket.socket, writer: socket.socket) -> None:
    # Not the descriptor that the signal module says: from 3.12 on, asyncio has
    # taken it back in a forked child already.
    signal.set_wakeup_fd(-1)
    writer.close()
    wakeup.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(children: dict[int, int]) -> NoReturn:
    """The supervisor is gone: so are all that were born here."""
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)


def main() -> None:
    """Serve until the supervisor goes; in a child, become the program."""
    # Imports make no garbage, and a collection between forks would write to every
    # shared page.
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a child sets it back
    control = Channel(socket.socket(fileno=CONTROL_FD))
    control.sock.set_inheritable(False)
    first = control.receive()
    if first is None:
        os._exit(0)
    settings: dict[str, Any] = first[0]
    program.adopt_path(settings)
    agent = hooks.prepare(Territory(settings["root"]), CodeCache())
    if settings.get("is_traced"):
        agent.tracer = _make_tracer(agent)
    zygote = Zygote(control, settings, agent)
    agent.reads.look_back()
    ahead = zygote.import_ahead(settings["preload"])
    control.send({"event": "serving", **ahead, "pid": os.getpid()})
    birth = zygote.serve()
    control.close()
    hooks.become(agent, birth)
    program.run(agent, settings)
