"""The supervisor's side of a zygote."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.run.generation import make_marker
from sceneshift.dev.run.line import Line
from sceneshift.dev.run.sharing import find_changes, is_alike, may_change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.core.channel import Channel, Message
    from sceneshift.core.program import PythonProgram
    from sceneshift.dev.guard.child import Child
    from sceneshift.dev.guard.spawner import Spawner
    from sceneshift.dev.output import PipeReader

_PACKAGE = Path(__file__).parents[1] / "zygote"
_LEAVE_S = 5.0  # an import may never end, and is not to hold up the end of the rest


class User(Protocol):
    """Who has children made by a zygote."""

    def handle(self, zygote: ZygoteLink, message: Message) -> None:
        """Hear what it says of itself, or of a child of this user."""
        ...


class ZygoteLink:
    """One zygote: forks on request, and reports.

    Attributes:
        program: What it was made for.
        process: Whose it is.
        child: The zygote's process.
        children: Numbers of the generations that it has, with who had them made.
        alike: Those of them that were made after the last import.
        preloaded: Names of the modules that it was told to import.
        refused: Packages that made it unusable, with the reason.
        reads: The variables that its imports have read; None means all, and so it is
            while it imports.
        reader: Reads what its imports print.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        channel: Channel,
        child: Child,
        *,
        program: PythonProgram,
        process: str,
    ) -> None:
        self.program = program
        self.process = process
        self._loop = loop
        self._channel = channel
        self._users: dict[User, int] = {}
        self._numbers = itertools.count()
        self._leaving: dict[int, asyncio.Future[None]] = {}
        self._imports = 1  # under way: those that it begins with
        self.reads: frozenset[str] | None = None
        self.child = child
        self.reader: PipeReader | None = None
        self.preloaded: set[str] = set()
        self.refused: dict[str, str] = {}
        self.children: dict[int, User] = {}
        self.alike: set[int] = set()
        self.serving: asyncio.Future[None] = loop.create_future()
        self.is_gone = False
        loop.add_reader(channel.fileno(), self._receive)

    @classmethod
    async def start(  # noqa: PLR0913 - each is a different thing it is made of
        cls,
        program: PythonProgram,
        *,
        label: str,
        process: str,
        root: Path,
        preload: Sequence[str],
        skip: Sequence[str],
        output_fd: int,
        spawner: Spawner,
    ) -> ZygoteLink:
        """Start a zygote; its imports go on after this has returned.

        Args:
            program: What its children will run.
            label: Shown in the process list.
            process: The process's name.
            root: The project's folder.
            preload: Modules that it imports at once.
            skip: Packages that it must not import.
            output_fd: What its imports print goes there.
            spawner: Starts it.
        """
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            child = await spawner.spawn(
                [program.interpreter, *program.options, str(_PACKAGE), label],
                env=program.debugged_env,
                cwd=program.cwd,
                fds={1: output_fd, 2: output_fd, 3: theirs.fileno()},
            )
            undo.pop_all()
        link = cls(loop, Line(ours, loop), child, program=program, process=process)
        link.preloaded.update(preload)
        link.send(
            {
                "options": program.options,
                "kind": program.kind,
                "target": program.target,
                "root": str(root),
                "preload": list(preload),
                "skip": list(skip),
                "is_traced": program.debug_port is not None,
            }
        )
        return link

    def send(self, message: Message, fds: tuple[int, ...] = ()) -> None:
        """Tell it something; one that is gone is not told."""
        self._channel.send(message, fds)

    def join(self, user: User) -> None:
        """Have a user more; one that was here before has its children still."""
        if user not in self._users:
            self._users[user] = next(self._numbers)

    def leave(self, user: User) -> asyncio.Future[None]:
        """Have a user less, whose children end; without any, it ends itself.

        Returns:
            Done when nothing of the user is in it any more, its sockets neither; and
            when it has not come to that in good time.
        """
        left = self._loop.create_future()
        number = self._users.pop(user, None)
        self.children = {n: one for n, one in self.children.items() if one is not user}
        if self._users and number is not None and not self.is_gone:
            self._leaving[number] = left
            self.send({"op": "leave", "user": number})
            self._loop.call_later(_LEAVE_S, _resolve, left)
            return left
        if not self._users:
            self._close()
        left.set_result(None)
        return left

    @property
    def is_importing(self) -> bool:
        """Whether it was told to import what it has not yet told the outcome of."""
        return self._imports > 0

    def suits(self, program: PythonProgram) -> bool:
        """Tell whether its children may run a program, in that one's environment."""
        return is_alike(self.program, program) and may_change(
            find_changes(self.program.env, program.env), self.reads
        )

    def fork(  # noqa: PLR0913 - each is a different thing that a child needs
        self,
        user: User,
        program: PythonProgram,
        number: int,
        *,
        park: bool,
        output_fd: int,
        anchor: Message | None = None,
        hot: Sequence[str] | None = None,
        is_itself: bool = False,
    ) -> Channel:
        """Ask for a child; return the line to it.

        Args:
            user: Who hears of it.
            program: What it is to run; one that this zygote suits.
            number: The generation's.
            park: Let it wait before the project.
            hot: Let it wait not before it comes to one of these files.
            output_fd: Its standard output and error.
            anchor: What an editor attaches to.
            is_itself: No fork: the zygote becomes the program.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            operation = "run" if is_itself else "fork"
            message = {"op": operation, "token": number, "park": park}
            message["hot"] = None if hot is None else list(hot)
            message["anchor"] = anchor
            message["marker"] = make_marker(self.process, number)
            message["user"] = self._users[user]
            message["variables"] = find_changes(self.program.env, program.env)
            typed = program.typed or program.target
            message["program"] = {"typed": typed, "argv": program.argv}
            self.send(message, (theirs.fileno(), output_fd))
        self.children[number] = user
        self.alike.add(number)
        return Line(ours, self._loop)

    def hold(self, user: User, key: str, fd: int) -> None:
        """Give it a socket that a user's next children have."""
        if user in self._users:
            self.send({"op": "hold", "user": self._users[user], "key": key}, (fd,))

    def release(self, user: User, key: str) -> None:
        """Take a socket away from a user's next children."""
        if user in self._users:
            self.send({"op": "release", "user": self._users[user], "key": key})

    def warm(self, files: Sequence[str]) -> None:
        """Have it compile the project's files that changed."""
        self.send({"op": "warm", "files": list(files)})

    def preload(self, modules: Sequence[str]) -> None:
        """Have it import more modules."""
        self.preloaded.update(modules)
        self.alike.clear()
        self._imports += 1
        self.reads = None
        self.send({"op": "preload", "modules": list(modules)})

    def _close(self) -> None:
        self._end()
        self._channel.close()
        if self.reader is not None:
            self.reader.drain()  # its last words
            self.reader.close()

    def _receive(self) -> None:
        received = self._channel.receive_all()
        if received is None:
            self._end()
            self._tell({"event": "gone"})
            return
        for message, fds in received:
            for fd in fds:
                os.close(fd)  # it never sends any
            self._handle(message)

    def _handle(self, message: dict[str, Any]) -> None:
        if message["event"] in ("serving", "preloaded"):
            self.refused.update(message["refused"])
            self._imports -= 1
            reads = None if self.is_importing else message["reads"]
            self.reads = None if reads is None else frozenset(reads)
            if not self.serving.done():
                self.serving.set_result(None)
            self._tell(message)
            return
        if message["event"] == "left":
            _resolve(self._leaving.pop(message["user"]))
            return
        user = self.children.get(message["token"])
        if message["event"] == "exited":
            self.children.pop(message["token"], None)
            self.alike.discard(message["token"])
        if user is not None:
            user.handle(self, message)

    def _tell(self, message: Message) -> None:
        for user in tuple(self._users):
            user.handle(self, message)

    def _end(self) -> None:
        if self.is_gone:
            return
        self.is_gone = True
        self._loop.remove_reader(self._channel.fileno())
        for left in self._leaving.values():
            _resolve(left)
        if not self.serving.done():
            self.serving.set_exception(
                SceneshiftError(
                    "the interpreter ended before it served",
                    hint="see what it wrote: inv dev.logs",
                )
            )
            self.serving.exception()  # nobody need be interested


def _resolve(left: asyncio.Future[None]) -> None:
    if not left.done():
        left.set_result(None)
