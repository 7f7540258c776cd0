"""The last output of a process, in memory."""

from __future__ import annotations

from collections import deque

from sceneshift.dev.output.lines import LogLine, split_block

# What a tuple, a float, a bytes object and their place in the deque weigh.
_ENTRY_BYTES = 150


class Ring:
    """Keep the last blocks of a process, at most so many bytes.

    Args:
        limit_bytes: What it holds at most, the weight of its entries included.
    """

    def __init__(self, limit_bytes: int = 256 * 1024) -> None:
        self._limit = limit_bytes
        self._entries: deque[tuple[float, bytes, bool]] = deque()
        self.size = 0

    def add(self, block: bytes, at: float, *, is_note: bool = False) -> None:
        """Add whole lines; forget the oldest that no longer fit."""
        if len(block) + _ENTRY_BYTES > self._limit:
            block = self._last_lines(block)
        self._entries.append((at, block, is_note))
        self.size += len(block) + _ENTRY_BYTES
        while self.size > self._limit:
            self.size -= len(self._entries.popleft()[1]) + _ENTRY_BYTES

    def _last_lines(self, block: bytes) -> bytes:
        """Return the lines at the end of a block that fit."""
        start = max(0, len(block) - self._limit + _ENTRY_BYTES)
        return block[block.find(b"\n", start - 1) + 1 :]

    def tail(self, name: str, count: int) -> list[LogLine]:
        """Return the last lines, oldest first."""
        found: list[LogLine] = []
        for at, block, is_note in reversed(self._entries):
            lines = split_block(name, block, at, is_note=is_note)
            found[:0] = lines
            if len(found) >= count:
                break
        return found[-count:] if count else []
