"""One run of a process's code: from its fork or start to the end of its session."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from msgspec import Struct, field

from sceneshift.dev.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sceneshift.core.program import PythonProgram
    from sceneshift.dev.guard.child import Child
    from sceneshift.dev.output import PipeReader, Source
    from sceneshift.dev.routing import Digest
    from sceneshift.dev.run.agent import AgentLink

_TAIL_BYTES = 64 * 1024
# A fork writes it over the zygote's, which is a stack's id and a number.
_LONGEST_MARKER = 22


def make_marker(process: str, number: int) -> str:
    """Return what the environment of a generation's children bears.

    The zygote has one of its own, by which its generations must not be stopped.
    """
    return f"{number}.{process}"[:_LONGEST_MARKER]


class Tail:
    """Passes output on and keeps the end of it, to say why something failed."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._kept = bytearray()

    @property
    def has_partial(self) -> bool:
        """Whether a line has begun and not ended."""
        return self._source.has_partial

    def feed(self, chunk: bytes, at: float) -> None:
        """Take what was read, at a time in seconds since 1970."""
        self._kept += chunk[-_TAIL_BYTES:]
        if len(self._kept) > 2 * _TAIL_BYTES:
            del self._kept[:-_TAIL_BYTES]
        self._source.feed(chunk, at)

    def flush_partial(self, at: float) -> None:
        """Show the line as far as it is there."""
        self._source.flush_partial(at)

    def close(self, at: float) -> None:
        """End the line that was left open."""
        self._source.close(at)

    @property
    def text(self) -> str:
        """The last 64 KiB at most."""
        return self._kept[-_TAIL_BYTES:].decode(errors="replace")


class Stop(Struct, frozen=True):
    """Where a process stands.

    Attributes:
        place: The same, as `file:line`.
        is_editors: Whether an editor shows it; else a prompt has its terminal.
    """

    place: str
    is_editors: bool


class Generation(Struct, eq=False, kw_only=True):
    """One run.

    Attributes:
        number: Unique in the stack; what a zygote calls its token.
        process: Name of the process.
        tail: The end of its output.
        token: The machine's number; None while it is parked for a later reload.
        child: Leader of its session; None until it is known.
        output: Where its output is read, until there is a reader.
        reader: Reads its output.
        link: The line to the agent in it; None for a command of the shell.
        branches: Lines to the agents in its forks.
        adopters: The lines by which it takes open connections over.
        adopted: How many connections it was given.
        keeps: Whether it hands over connections that it has accepted itself.
        to_hand: How many of its processes have connections to hand over still.
        handed: Set when none has.
        busy: How many requests are under way, by pid, as each process said last.
        readying: Waits for its readiness.
        looking: Looks whether it accepts connections.
        doubting: Waits whether it will, as those before it did.
        releasing: Waits until its addresses have gone unused for long.
        keys: Addresses that it has bound.
        files: What it reported to use, with digests.
        modules: Files of the project's modules that it has loaded, by name.
        is_unborn: Whether its readiness is looked for when it has a process.
        is_parked: Whether it waits before the project, or before a hot file.
        parked_at: That file, with length and digest of the part of it that has run.
        is_listening: Whether it accepts connections.
        is_holding: Whether it was told to leave them to its successor.
        heard: The pids of those of its processes that have heard so, or to go on.
        is_ready: Whether it does what it is for.
        is_discarded: Whether nobody wants to hear of its end.
        stop_signal: What it was asked to end with.
        successor: Who gets its open connections.
        terminals: The supervisor's ends of its debuggers' terminals, by line.
        standing: Who stands at a breakpoint and where, in order.
        clock: Stands with them.
        steps: Who makes a step from there, with what ends the wait for it.
        began_at: When it was told to go, seconds since 1970.
    """

    number: int
    process: str
    tail: Tail
    token: int | None = None
    child: Child | None = None
    reader: PipeReader | None = None
    link: AgentLink | None = None
    branches: list[AgentLink] = []
    adopters: list[AgentLink] = []
    adopted: int = 0
    keeps: bool = False
    to_hand: int = 0
    handed: asyncio.Event = field(default_factory=asyncio.Event)
    busy: dict[int, int] = {}
    readying: asyncio.Task[None] | None = None
    looking: asyncio.Task[None] | None = None
    doubting: asyncio.Task[None] | None = None
    releasing: asyncio.Task[None] | None = None
    keys: set[str] = set()
    files: dict[str, Digest] = {}
    modules: dict[str, str] = {}
    is_unborn: bool = False
    is_parked: bool = False
    parked_at: tuple[str, int, Digest] = ("", 0, None)
    output: int | None = None
    is_listening: bool = False
    is_holding: bool = False
    heard: set[int] = set()
    is_ready: bool = False
    is_discarded: bool = False
    stop_signal: int | None = None
    successor: Generation | None = None
    terminals: dict[object, int] = {}
    standing: dict[object, Stop] = {}
    clock: Clock = field(default_factory=Clock)
    steps: dict[object, asyncio.TimerHandle] = {}
    began_at: float = field(default_factory=time.time)

    @property
    def pid(self) -> int | None:
        """Its leader's pid."""
        return None if self.child is None else self.child.pid

    @property
    def links(self) -> list[AgentLink]:
        """The lines to all its agents."""
        return [*([self.link] if self.link else []), *self.branches]

    @property
    def terminal(self) -> int | None:
        """The terminal of who stands at a prompt, if that is the first who stands."""
        link, stop = next(iter(self.standing.items()), (None, None))
        if link is None or stop is None or stop.is_editors:
            return None
        return self.terminals.get(link)

    @property
    def place(self) -> str | None:
        """Where the first of them stands, `file:line`."""
        return next((stop.place for stop in self.standing.values()), None)

    @property
    def is_drained(self) -> bool:
        """Whether no request is under way."""
        return self._awaited > 0 and self.has_answered and not any(self.busy.values())

    @property
    def has_answered(self) -> bool:
        """Whether all of it has said how many requests are under way."""
        return len(self.busy) >= self._awaited

    @property
    def has_heard(self) -> bool:
        """Whether all of it has heard that it is to hold, or to go on."""
        return len(self.heard) >= self._awaited

    @property
    def _awaited(self) -> int:
        return sum(link.is_open for link in self.links)

    @property
    def is_late(self) -> bool:
        """Whether it may still answer on connections that it hands over.

        Who has taken none cannot, and may compute for long: a pool of processes.
        """
        hands_over = self.keeps or bool(self.adopters)
        return self.is_holding and hands_over and any(map(self._is_late, self.links))

    def _is_late(self, link: AgentLink) -> bool:
        pid = self.pid if link.pid is None else link.pid
        return link.is_open and link.serves and pid not in self.heard

    def cancel_waits(self) -> None:
        """Wait no more for its readiness, and for its use."""
        for task in (self.readying, self.looking, self.doubting, self.releasing):
            if task is not None:
                task.cancel()


def name_modules(
    program: PythonProgram, running: Iterable[Generation]
) -> tuple[str | None, list[str]]:
    """Return the main program's file, and the modules that it has loaded."""
    seen: dict[str, str] = {}
    for each in running:
        seen.update(each.modules)
    if program.kind == "script":
        return program.target, list(seen)
    # What `python -m` runs is loaded under its name, but not imported.
    main = seen.pop(f"{program.target}.__main__", None) or seen.pop(
        program.target, None
    )
    return main, list(seen)
