"""Following the output from elsewhere: another terminal, a readiness probe."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from sceneshift.dev.output.lines import LogLine, split_block

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Collection


class Batch(NamedTuple):
    """What a follower gets at once.

    Attributes:
        skipped: Lines that were dropped before these, because it was slow.
        lines: The lines, oldest first.
    """

    skipped: int
    lines: tuple[LogLine, ...]


class Follower:
    """A sink that keeps lines for someone who fetches them when they can.

    Args:
        on_ready: Called when the first line waits; not again before `take`.
        names: The processes that are followed; empty means all.
        pattern: Only lines in which it is found.
        limit_bytes: What waits at most; beyond it the oldest are dropped.
    """

    def __init__(
        self,
        on_ready: Callable[[], None],
        *,
        names: Collection[str] = (),
        pattern: re.Pattern[str] | None = None,
        limit_bytes: int = 1024 * 1024,
    ) -> None:
        self._on_ready = on_ready
        self._names = frozenset(names)
        self._pattern = pattern
        self._limit = limit_bytes
        self._queue: deque[tuple[str, bytes, float, bool]] = deque()
        self._size = 0
        self._skipped = 0

    def take_block(self, name: str, block: bytes, at: float) -> None:
        """Keep lines that a process wrote."""
        self._put(name, block, at, is_note=False)

    def take_partial(self, name: str, text: bytes, at: float) -> None:
        """Leave out what is no line yet."""

    def take_note(self, name: str, text: str, at: float) -> None:
        """Keep lines of the supervisor about a process."""
        self._put(name, text.encode() + b"\n", at, is_note=True)

    def take(self) -> Batch:
        """Return what waits, and how many lines were dropped before it."""
        lines = tuple(
            line
            for name, block, at, is_note in self._queue
            for line in split_block(name, block, at, is_note=is_note)
            if self._pattern is None or self._pattern.search(line.text)
        )
        skipped, self._skipped, self._size = self._skipped, 0, 0
        self._queue.clear()
        return Batch(skipped=skipped, lines=lines)

    def _put(self, name: str, block: bytes, at: float, *, is_note: bool) -> None:
        if self._names and name not in self._names:
            return
        is_first = not self._queue
        self._queue.append((name, block, at, is_note))
        self._size += len(block)
        while self._size > self._limit and len(self._queue) > 1:
            dropped = self._queue.popleft()[1]
            self._size -= len(dropped)
            self._skipped += dropped.count(b"\n")
        if is_first:
            self._on_ready()


class LineMatch:
    """A sink that calls back once, at the first line in which a pattern is found.

    Args:
        name: The process.
        pattern: What is looked for; `^` and `$` are a line's ends.
        on_match: Called with the line's text.
    """

    def __init__(
        self, name: str, pattern: re.Pattern[str], on_match: Callable[[str], None]
    ) -> None:
        self._name = name
        self._pattern = pattern
        self._on_match: Callable[[str], None] | None = on_match

    def take_block(self, name: str, block: bytes, at: float) -> None:
        """Look through the lines of the process."""
        if name != self._name or self._on_match is None:
            return
        for line in split_block(name, block, at):
            if self._pattern.search(line.text):
                on_match, self._on_match = self._on_match, None
                on_match(line.text)
                return

    def take_partial(self, name: str, text: bytes, at: float) -> None:
        """Look at a prompt as at a line, for a process that waits at one."""
        self.take_block(name, text, at)

    def take_note(self, name: str, text: str, at: float) -> None:
        """Leave out what the process did not say."""
