"""The supervisor's side of a zygote."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.run.generation import make_marker
from sceneshift.dev.run.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sceneshift.core.channel import Channel, Message
    from sceneshift.dev.guard.child import Child
    from sceneshift.dev.guard.spawner import Spawner
    from sceneshift.dev.program import PythonProgram

_PACKAGE = Path(__file__).parents[1] / "zygote"


class ZygoteLink:
    """One zygote: forks on request, and reports.

    Attributes:
        process: Whose it is.
        child: The zygote's process.
        children: Numbers of the generations that it has.
        alike: Those of them that were made after the last import.
        preloaded: Names of the modules that it was told to import.
        refused: Packages that made it unusable, with the reason.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        channel: Channel,
        child: Child,
        *,
        process: str,
        on_message: Callable[[ZygoteLink, Message], None],
    ) -> None:
        self.process = process
        self._loop = loop
        self._channel = channel
        self._on_message = on_message
        self.child = child
        self.preloaded: set[str] = set()
        self.refused: dict[str, str] = {}
        self.children: set[int] = set()
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
        on_message: Callable[[ZygoteLink, Message], None],
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
            on_message: Called with each of its messages.
        """
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            child = await spawner.spawn(
                [program.interpreter, *program.options, str(_PACKAGE), label],
                env=program.env,
                cwd=program.cwd,
                fds={1: output_fd, 2: output_fd, 3: theirs.fileno()},
            )
            undo.pop_all()
        link = cls(
            loop, Line(ours, loop), child, process=process, on_message=on_message
        )
        link.preloaded.update(preload)
        link.send(
            {
                "options": program.options,
                "kind": program.kind,
                "target": program.target,
                "typed": program.typed or program.target,
                "argv": program.argv,
                "root": str(root),
                "preload": list(preload),
                "skip": list(skip),
            }
        )
        return link

    def send(self, message: Message, fds: tuple[int, ...] = ()) -> None:
        """Tell it something; one that is gone is not told."""
        self._channel.send(message, fds)

    def fork(
        self,
        number: int,
        *,
        park: bool,
        output_fd: int,
        hot: Sequence[str] | None = None,
        is_itself: bool = False,
    ) -> Channel:
        """Ask for a child; return the line to it.

        Args:
            number: The generation's.
            park: Let it wait before the project.
            hot: Let it wait not before it comes to one of these files.
            output_fd: Its standard output and error.
            is_itself: No fork: the zygote becomes the program.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            operation = "run" if is_itself else "fork"
            message = {"op": operation, "token": number, "park": park}
            message["hot"] = None if hot is None else list(hot)
            message["marker"] = make_marker(self.process, number)
            self.send(message, (theirs.fileno(), output_fd))
        self.children.add(number)
        self.alike.add(number)
        return Line(ours, self._loop)

    def hold(self, key: str, fd: int) -> None:
        """Give it a socket that its next children have."""
        self.send({"op": "hold", "key": key}, (fd,))

    def release(self, key: str) -> None:
        """Take a socket away from its next children."""
        self.send({"op": "release", "key": key})

    def warm(self, files: Sequence[str]) -> None:
        """Have it compile the project's files that changed."""
        self.send({"op": "warm", "files": list(files)})

    def preload(self, modules: Sequence[str]) -> None:
        """Have it import more modules."""
        self.preloaded.update(modules)
        self.alike.clear()
        self.send({"op": "preload", "modules": list(modules)})

    def close(self) -> None:
        """Let it go: it ends, and its children with it."""
        self._leave()
        self._channel.close()

    def _receive(self) -> None:
        received = self._channel.receive_all()
        if received is None:
            self._leave()
            self._on_message(self, {"event": "gone"})
            return
        for message, fds in received:
            for fd in fds:
                os.close(fd)  # it never sends any
            self._handle(message)

    def _handle(self, message: dict[str, Any]) -> None:
        if message["event"] in ("serving", "preloaded"):
            self.refused.update(message["refused"])
            if not self.serving.done():
                self.serving.set_result(None)
        elif message["event"] == "exited":
            self.children.discard(message["token"])
            self.alike.discard(message["token"])
        self._on_message(self, message)

    def _leave(self) -> None:
        if self.is_gone:
            return
        self.is_gone = True
        self._loop.remove_reader(self._channel.fileno())
        if not self.serving.done():
            self.serving.set_exception(
                SceneshiftError(
                    "the interpreter ended before it served",
                    hint="see what it wrote: inv dev.logs",
                )
            )
            self.serving.exception()  # nobody need be interested
