"""Changes of one container, as texts at places of the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sceneshift.ide.jsonc.addition import Addition, New, Splice
from sceneshift.ide.jsonc.writing import (
    find_indent,
    find_lines,
    line_start,
    write_line,
    write_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sceneshift.ide.jsonc.spans import Child, Container, Source
    from sceneshift.ide.jsonc.writing import Style

_BLANKS = re.compile(r"[ \t]*+")
_LINE_END = re.compile(r"[ \t]*+(\r\n|\r|\n|\Z)")


class Plan:
    """What is to become of a container.

    Attributes:
        container: As it is.
        replaced: New values of its children, by their place.
        removed: Places of those that go.
        added: What comes before the child at a place; that of none is the end.
    """

    def __init__(self, container: Container) -> None:
        self.container = container
        self.replaced: dict[int, Any] = {}
        self.removed: set[int] = set()
        self.added: dict[int, list[New]] = {}
        children = enumerate(container.children)
        self._places = {child.key: index for index, child in children}

    def find(self, key: str | int) -> int | None:
        """Return the place of a child; None where no key is such.

        Raises:
            LookupError: An array has no such place.
        """
        if isinstance(key, int):
            return range(len(self.container.children))[key]
        return self._places.get(key)

    def find_child(self, key: str | int) -> Child | None:
        """Return a child; None where no key is such."""
        index = self.find(key)
        return None if index is None else self.container.children[index]

    def find_added(self, key: str | int) -> Any:
        """Return what has been added under a key; None where nothing has."""
        added = self.added.get(len(self.container.children), ())
        return next((new.value for new in added if new.key == key), None)

    def add(self, key: str, value: Any) -> None:
        """Put a value under a key that is not there, in place of one added before."""
        added = self.added.setdefault(len(self.container.children), [])
        keys = [new.key for new in added]
        if key in keys:
            added[keys.index(key)] = New(key, value)
        else:
            added.append(New(key, value))

    def replace(self, index: int, value: Any) -> None:
        """Put a value in the place of a child's."""
        self.removed.discard(index)
        self.replaced[index] = value

    def restore(self, index: int) -> None:
        """Let a child be as it is."""
        self.removed.discard(index)
        self.replaced.pop(index, None)

    def remove(self, index: int) -> None:
        """Take a child away."""
        self.replaced.pop(index, None)
        self.removed.add(index)

    def is_there(self, index: int) -> bool:
        """Say whether a child stays as it is, so that there can be changes in it."""
        return index not in self.removed and index not in self.replaced


def list_splices(source: Source, style: Style, plan: Plan) -> Iterator[Splice]:
    """Yield what a plan changes in the text."""
    container, children = plan.container, plan.container.children
    for index, value in plan.replaced.items():
        yield _replace(source, style, container, children[index], value)
    kept = [index for index in range(len(children)) if index not in plan.removed]
    for index in sorted(plan.removed):
        is_last = not kept or index > kept[-1]
        yield from _remove(source, children[index], is_last=is_last)
    if plan.removed or plan.added:
        yield from _arrange(source, style, plan, kept)


def _replace(
    source: Source, style: Style, container: Container, child: Child, value: Any
) -> Splice:
    if not source.is_split(child.value, child.end):
        return Splice(child.value, child.end, write_line(value, style))
    indent = find_indent(source.text, child.start)
    lines = find_lines(source, child.value, indent, is_loose=container.is_loose)
    return Splice(child.value, child.end, write_lines(value, style, lines))


def _remove(source: Source, child: Child, *, is_last: bool) -> Iterator[Splice]:
    """Take a child and its comma out; what comments there are outside of it stay."""
    start, end, comma = child.start, child.end, child.comma
    if comma is not None:
        if source.text[end:comma].isspace() or end == comma:
            end = comma + 1
        else:
            yield Splice(comma, comma + 1, "")
    yield Splice(*_widen(source.text, start, end, is_last=is_last), "")


def _widen(text: str, start: int, end: int, *, is_last: bool) -> tuple[int, int]:
    """Take the white space along that only what is removed has needed."""
    begin = line_start(text, start)
    is_first_there = not text[begin:start].strip(" \t")
    after = _LINE_END.match(text, end)
    if is_first_there and after:
        return begin, after.end()
    if not is_first_there and (after or is_last):
        return begin + len(text[begin:start].rstrip(" \t")), end
    blanks = _BLANKS.match(text, end)
    assert blanks is not None
    return start, blanks.end()


def _arrange(
    source: Source, style: Style, plan: Plan, kept: Sequence[int]
) -> Iterator[Splice]:
    """Write what is added, and commas such that each is where one is needed."""
    children = plan.container.children
    groups = _group(plan, kept)
    loose = plan.container.is_loose
    for (anchor, new), following in zip(groups, [*groups[1:], None], strict=True):
        needs_comma = following is not None or loose
        if anchor >= 0:
            yield from _set_comma(children[anchor], is_there=bool(new) or needs_comma)
        if new:
            yield Addition(source, style, plan.container).add(
                anchor, new, is_followed=needs_comma
            )


def _group(plan: Plan, kept: Sequence[int]) -> list[tuple[int, list[New]]]:
    """Return each child that stays with what follows it; -1 is the beginning."""
    groups: list[tuple[int, list[New]]] = [(-1, [])]
    for index in range(len(plan.container.children) + 1):
        groups[-1][1].extend(plan.added.get(index, ()))
        if index in kept:
            groups.append((index, []))
    return groups


def _set_comma(child: Child, *, is_there: bool) -> Iterator[Splice]:
    if is_there and child.comma is None:
        yield Splice(child.end, child.end, ",")
    elif not is_there and child.comma is not None:
        yield Splice(child.comma, child.comma + 1, "")
