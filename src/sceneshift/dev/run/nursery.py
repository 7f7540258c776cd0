"""Where a program's generations come from: its zygotes."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Protocol

from sceneshift.core.errors import SceneshiftError
from sceneshift.dev.output import PipeReader
from sceneshift.dev.run.zygote import ZygoteLink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.core.channel import Channel, Message
    from sceneshift.core.program import PythonProgram
    from sceneshift.dev.output import ProcessStream
    from sceneshift.dev.run.base import Ground
    from sceneshift.dev.run.recall import Recall

_UNABLE = "its interpreter does not run what forks; is it older than Python 3.10?"
_TRIES = 5  # zygotes in a row that imports made unusable


class Parent(Protocol):
    """Who is told of births and deaths."""

    def handle_born(self, number: int, pid: int) -> None:
        """A generation has a process."""
        ...

    def handle_died(self, number: int, status: int) -> None:
        """A generation's leader has ended, with this raw wait status."""
        ...

    def handle_refused(self) -> None:
        """It was learned which packages must not be in a zygote."""
        ...

    def handle_spoiled(self) -> None:
        """The zygote must not be used again: parked children of it are worthless."""
        ...


class Nursery:
    """The zygotes of one program: one that is in use, older ones with children.

    Attributes:
        cold_reason: Why there is no forking; None where there is.
        is_plain: Whether the interpreter cannot even run a zygote.
    """

    def __init__(  # noqa: PLR0913 - each is a different thing it is made of
        self,
        program: PythonProgram,
        *,
        label: str,
        process: str,
        stream: ProcessStream,
        ground: Ground,
        recall: Recall,
        parent: Parent,
    ) -> None:
        self._program = program
        self._label = label
        self._process = process
        self._stream = stream
        self._ground = ground
        self._recall = recall
        self._parent = parent
        self._former: Nursery | None = None
        self._current: ZygoteLink | None = None
        self._old: list[ZygoteLink] = []
        self._starting = asyncio.Lock()
        self._tries = 0
        self.is_plain = False
        self.cold_reason = None if hasattr(os, "pidfd_open") else _not_here()

    async def get(self) -> ZygoteLink:
        """Return a zygote that is ready to be forked; make one where there is none.

        Raises:
            SceneshiftError: The interpreter does not start.
        """
        while True:
            zygote = await self._find()
            if self.cold_reason is not None:
                return zygote
            try:
                await zygote.serving
            except SceneshiftError:
                if zygote is not self._current:
                    continue  # retired meanwhile, for there is something new
                self.cold_reason = _UNABLE
                self.is_plain = True
                raise
            if zygote is not self._current:
                continue  # retired all the same, though others use it
            if zygote.refused:
                self._learn_refusal(zygote)
            elif zygote.suits(self._program):
                return zygote

    async def _find(self) -> ZygoteLink:
        """Return the zygote that is in use; those who ask at once get the same."""
        async with self._starting:
            if self._current is not None and not self._current.suits(self._program):
                self._retire()  # it was another's, and has imported more meanwhile
            if self._current is None or self._current.is_gone:
                self._current = self._borrow() or await self._start_newest()
            return self._current

    def follow(self, former: Nursery | None) -> None:
        """Use another's zygote where it suits: its imports have been made already."""
        self._former = former

    def _borrow(self) -> ZygoteLink | None:
        if self._former is None or self.cold_reason is not None:
            return None
        zygote = self._former.spare()
        if zygote is None or zygote.refused or not zygote.suits(self._program):
            return None
        if zygote in self._old:
            self._old.remove(zygote)  # what is another now has been so before
        self._join(zygote)
        return zygote

    async def _start_newest(self) -> ZygoteLink:
        while True:
            program = self._program
            zygote = await self._start(program)
            if program is self._program:
                return zygote
            self._forget(zygote)  # configured anew meanwhile

    def spare(self) -> ZygoteLink | None:
        """Return the zygote that is in use, for a child that is to be parked."""
        zygote = self._current
        if zygote is None or zygote.is_gone or self.cold_reason is not None:
            return None
        return zygote if zygote.suits(self._program) else None

    def fork(  # noqa: PLR0913 - each is a different thing that a child needs
        self,
        zygote: ZygoteLink,
        number: int,
        *,
        park: bool,
        output_fd: int,
        anchor: Message | None = None,
        hot: Sequence[str] | None = None,
    ) -> Channel:
        """Make a generation; return the line to it."""
        is_itself = self.cold_reason is not None
        channel = zygote.fork(
            self,
            self._program,
            number,
            park=park,
            output_fd=output_fd,
            anchor=anchor,
            hot=hot,
            is_itself=is_itself,
        )
        if not is_itself:
            return channel
        self._current = None
        self._old.append(zygote)
        zygote.child.exited.add_done_callback(
            lambda done: self._parent.handle_died(number, done.result())
        )
        return channel

    def move(self, ground: Ground) -> None:
        """Stand on another ground."""
        self._ground = ground

    def hold(self, key: str, fd: int) -> None:
        """Give children to come a socket."""
        if self._current is not None:
            self._current.hold(self, key, fd)

    def release(self, key: str) -> None:
        """Take a socket away from children to come."""
        if self._current is not None:
            self._current.release(self, key)

    def renew(self, program: PythonProgram) -> None:
        """Run a program from now on: another one, or the same with other packages.

        The zygote stays where only variables are others that its imports have not read.
        """
        has_changed = program != self._program
        self._program = program
        self._tries = 0
        zygote = self.spare()
        if zygote is None or zygote.refused or not has_changed:
            self._retire()

    def close(self) -> list[asyncio.Future[None]]:
        """End all zygotes that are no other's, and all children from here.

        Returns:
            Done when nobody has the sockets any more that were for those.
        """
        zygotes = (*self._old, *([self._current] if self._current else []))
        self._current, self._old = None, []
        return [zygote.leave(self) for zygote in zygotes]

    async def _start(self, program: PythonProgram) -> ZygoteLink:
        reading, writing = os.pipe()
        reader = PipeReader(
            reading,
            self._stream.source(),
            loop=self._ground.loop,
            gate=self._ground.gate,
        )
        try:
            zygote = await ZygoteLink.start(
                program,
                label=self._label,
                process=self._process,
                root=self._ground.root,
                preload=() if self.cold_reason else tuple(self._recall.foreign),
                skip=tuple(self._recall.skip),
                output_fd=writing,
                spawner=self._ground.spawner,
            )
        except BaseException:
            reader.close()
            raise
        finally:
            os.close(writing)
        zygote.reader = reader
        self._join(zygote)
        return zygote

    def _join(self, zygote: ZygoteLink) -> None:
        zygote.join(self)
        for held in self._ground.held.to_inherit(self._process):
            zygote.hold(self, held.key, held.sock.fileno())

    def handle(self, zygote: ZygoteLink, message: Message) -> None:
        """Hear what a zygote says of itself, or of a child that it has from here."""
        event = message["event"]
        if event == "forked":
            self._parent.handle_born(message["token"], message["pid"])
        elif event == "exited":
            self._parent.handle_died(message["token"], message["status"])
            self._close_childless()
        elif event == "preloaded" and zygote is self._current:
            self._look_again(zygote)
        elif event == "gone":
            self._lose(zygote)

    def _look_again(self, zygote: ZygoteLink) -> None:
        """Let go of a zygote that has imported more, where it must not be used."""
        if zygote.refused:
            self._learn_refusal(zygote)
        elif zygote.is_importing or zygote.suits(self._program):
            return
        else:
            self._retire()
        self._parent.handle_spoiled()

    def _lose(self, zygote: ZygoteLink) -> None:
        """A zygote died: the kernel has killed its children with it."""
        for number in self._find_children(zygote):
            del zygote.children[number]
            if self.cold_reason is None:
                self._parent.handle_died(number, 9)
        self._forget(zygote)

    def _learn_refusal(self, zygote: ZygoteLink) -> None:
        """Make the next zygote without what spoiled this one."""
        self._recall.skip.update(zygote.refused)
        self._parent.handle_refused()
        self._tries += 1
        if self._tries >= _TRIES:
            names = ", ".join(sorted(self._recall.skip))
            self.cold_reason = f"a fork is not safe after importing {names}"
        self._retire()

    def _retire(self) -> None:
        if self._current is not None:
            self._old.append(self._current)
            self._current = None
        self._close_childless()

    def _close_childless(self) -> None:
        for zygote in [one for one in self._old if not self._find_children(one)]:
            self._forget(zygote)

    def _find_children(self, zygote: ZygoteLink) -> list[int]:
        return [number for number, user in zygote.children.items() if user is self]

    def _forget(self, zygote: ZygoteLink) -> None:
        """Let go of a zygote."""
        if zygote in self._old:
            self._old.remove(zygote)
        zygote.leave(self)


def _not_here() -> str:
    return "a fork is shown to be safe on Linux only"
