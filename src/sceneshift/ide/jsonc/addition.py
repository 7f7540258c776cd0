"""New values in a container, written as those beside them are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from sceneshift.ide.jsonc.writing import (
    find_indent,
    find_lines,
    line_start,
    write_key,
    write_line,
    write_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sceneshift.ide.jsonc.spans import Child, Container, Source
    from sceneshift.ide.jsonc.writing import Style

_BLANKS = re.compile(r"[ \t]*+")
_NEWLINE = re.compile(r"[\r\n]")


class Splice(NamedTuple):
    """A text that takes the place of what is between two places."""

    start: int
    end: int
    text: str


class New(NamedTuple):
    """A value that was not there.

    Attributes:
        key: In an object; None in an array.
        value: What is written.
    """

    key: str | None
    value: Any


class Addition:
    """What is written between the values that a container has.

    Attributes:
        source: The file.
        style: How it writes.
        container: What gets values.
    """

    def __init__(self, source: Source, style: Style, container: Container) -> None:
        self.source = source
        self.style = style
        self.container = container

    def add(self, anchor: int, new: Sequence[New], *, is_followed: bool) -> Splice:
        """Return what adds values.

        Args:
            anchor: The child that they follow; -1 for the beginning.
            new: At least one.
            is_followed: Whether a comma comes after the last.
        """
        end = "," if is_followed else ""
        if not self.container.children:
            return self._fill(new, end)
        if self._is_split_before(max(anchor, 0)):
            position = self._find_tail(self._after(anchor), "\r\n]}")
            indent = self._find_indent(max(anchor, 0))
            return Splice(position, position, self._write_split(new, indent) + end)
        return self._add_beside(anchor, new, end)

    def _fill(self, new: Sequence[New], end: str) -> Splice:
        """Write the first values, below what comments are there."""
        source, (start, close, *_) = self.source, self.container
        position = source.last_comment(start, close) or start + 1
        if self.style.is_flat:
            return Splice(position, close, f",{self.style.gap}".join(self._write(new)))
        indent = find_indent(source.text, start)
        text = self._write_split(new, indent + self.style.unit) + end
        if _NEWLINE.search(source.text, position, close):
            return Splice(position, position, text)
        newline = find_lines(source, position, indent, is_loose=False).newline
        return Splice(position, close, text + newline + indent)

    def _add_beside(self, anchor: int, new: Sequence[New], end: str) -> Splice:
        """Write values on the line that the others are on."""
        gap = self.style.gap
        text = f",{gap}".join(self._write(new)) + end
        if anchor < 0:
            position = self.container.children[0].start
            return Splice(position, position, text + gap if end else text)
        # Not behind the comment that a line ends with: it would be in it.
        position = self._find_tail(self._after(anchor), "]}")
        return Splice(position, position, gap + text)

    def _write_split(self, new: Sequence[New], indent: str) -> str:
        source, start = self.source, self.container.start
        lines = find_lines(source, start, indent, is_loose=self.container.is_loose)
        begin = lines.newline + indent
        texts = (
            write_key(each.key, self.style) + write_lines(each.value, self.style, lines)
            for each in new
        )
        return begin + f",{begin}".join(texts)

    def _write(self, new: Sequence[New]) -> Iterator[str]:
        """Yield values for one line, or for the line that others end on."""
        source, (start, close, *_) = self.source, self.container
        indent = find_indent(source.text, start)
        lines = find_lines(source, start, indent, is_loose=self.container.is_loose)
        is_split = source.is_split(start, close)
        for key, value in new:
            begin = write_key(key, self.style)
            if is_split:
                yield begin + write_lines(value, self.style, lines)
            else:
                yield begin + write_line(value, self.style)

    def _is_split_before(self, index: int) -> bool:
        child = self._child(index)
        before = self._child(index - 1).end if index else self.container.start
        return self.source.is_split(before, child.start)

    def _find_indent(self, index: int) -> str:
        text, start = self.source.text, self._child(index).start
        before = text[line_start(text, start) : start]
        if before.strip(" \t"):
            return find_indent(text, self.container.start) + self.style.unit
        return before

    def _after(self, anchor: int) -> int:
        """Return where a child ends with its comma, or where the bracket does."""
        if anchor < 0:
            return self.container.start + 1
        child = self._child(anchor)
        return child.end if child.comma is None else child.comma + 1

    def _find_tail(self, position: int, ends: str) -> int:
        """Return where the comments end that are about what is before a place.

        Args:
            position: The place.
            ends: What follows comments that are not about the next value.
        """
        source, end = self.source, position
        while True:
            start = _end(_BLANKS.match(source.text, end))
            comment = source.comment_at(start)
            if comment is None:
                break
            end = comment
        return end if source.text[start] in ends else position

    def _child(self, index: int) -> Child:
        return self.container.children[index]


def _end(found: re.Match[str] | None) -> int:
    assert found is not None
    return found.end()
