"""Where values begin and end, found in the containers that are to be changed."""

from __future__ import annotations

import re
from bisect import bisect_left
from json import JSONDecoder
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from sceneshift.ide.jsonc.blanking import Blanked

KeyPath: TypeAlias = tuple[str | int, ...]

_scan = JSONDecoder().raw_decode
_skip = re.compile(r"[ \t\r\n]*+").match
_NEWLINE = re.compile(r"\r\n|\r|\n")


class Child(NamedTuple):
    """A value in a container.

    Attributes:
        key: Of an object's, or its place in an array.
        start: Where its key begins, or itself.
        value: Where it begins.
        end: Where it ends.
        comma: Where the comma after it is.
    """

    key: str | int
    start: int
    value: int
    end: int
    comma: int | None


class Container(NamedTuple):
    """An object or an array.

    Attributes:
        start: Where its bracket is.
        close: Where the other one is.
        children: In the file's order.
        is_object: Whether its children have keys.
        is_loose: Whether a comma follows the last one; where there is none, whether
            one does anywhere in the file.
    """

    start: int
    close: int
    children: list[Child]
    is_object: bool
    is_loose: bool


class Source:
    """The text of a file that parses.

    Attributes:
        text: As it is written.
        plain: The same without comments and trailing commas, each at its place.
    """

    def __init__(self, text: str, blanked: Blanked) -> None:
        self.text = text
        self.plain = blanked.text
        self.comments = blanked.comments
        self.commas = blanked.commas
        self._containers: dict[int, Container] = {}

    @property
    def start(self) -> int:
        """Where the outermost value begins; the end of the text where none does."""
        return self.skip(0)

    def skip(self, position: int) -> int:
        """Return where the next token begins."""
        return _end(_skip(self.plain, position))

    def end_of(self, start: int) -> int:
        """Return where the value ends that begins here."""
        return _scan(self.plain, start)[1]

    def value_at(self, start: int) -> object:
        """Return the value that begins here."""
        value: object = _scan(self.plain, start)[0]
        return value

    def is_container(self, start: int) -> bool:
        """Say whether an object or an array begins here."""
        return self.plain[start] in "[{"

    def open(self, start: int) -> Container:
        """Return the container that begins here."""
        if start not in self._containers:
            self._containers[start] = self._read(start)
        return self._containers[start]

    def has_comment(self, start: int, end: int) -> bool:
        """Say whether a comment is between two places."""
        index = bisect_left(self.comments, (start, 0))
        return index < len(self.comments) and self.comments[index][0] < end

    def comment_at(self, start: int) -> int | None:
        """Return where the comment ends that begins here."""
        index = bisect_left(self.comments, (start, 0))
        found = self.comments[index : index + 1]
        return found[0][1] if found and found[0][0] == start else None

    def last_comment(self, start: int, end: int) -> int | None:
        """Return where the last comment between two places ends."""
        index = bisect_left(self.comments, (end, 0))
        found = self.comments[index - 1 : index] if index else []
        return found[0][1] if found and found[0][0] >= start else None

    def is_split(self, start: int, end: int) -> bool:
        """Say whether lines end between two places, outside of comments."""
        return _NEWLINE.search(self.plain, start, end) is not None

    def _read(self, start: int) -> Container:
        plain, is_object = self.plain, self.plain[start] == "{"
        children: list[Child] = []
        position = self.skip(start + 1)
        while plain[position] not in "]}":
            child = self._read_child(position, len(children), is_object=is_object)
            children.append(child)
            after = child.end if child.comma is None else child.comma + 1
            position = self.skip(after)
        if children:
            children[-1] = children[-1]._replace(
                comma=self._find_comma(children[-1].end, position)
            )
            is_loose = children[-1].comma is not None
        else:
            is_loose = bool(self.commas)
        return Container(start, position, children, is_object, is_loose)

    def _read_child(self, start: int, index: int, *, is_object: bool) -> Child:
        key: str | int = index
        value = start
        if is_object:
            key, end = _scan(self.plain, start)
            value = self.skip(self.skip(end) + 1)
        end = self.end_of(value)
        comma = self.skip(end)
        is_there = self.plain[comma] == ","
        return Child(key, start, value, end, comma if is_there else None)

    def _find_comma(self, start: int, end: int) -> int | None:
        """Return where the trailing comma is that was blanked."""
        index = bisect_left(self.commas, start)
        found = self.commas[index : index + 1]
        return found[0] if found and found[0] < end else None


def _end(found: re.Match[str] | None) -> int:
    assert found is not None
    return found.end()
