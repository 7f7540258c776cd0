"""Changes of a file, gathered and then made at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.ide.jsonc.addition import New, Splice
from sceneshift.ide.jsonc.comparing import is_same
from sceneshift.ide.jsonc.splicing import Plan, list_splices
from sceneshift.ide.jsonc.writing import (
    Style,
    find_lines,
    find_style,
    write_line,
    write_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sceneshift.ide.jsonc.document import Document
    from sceneshift.ide.jsonc.spans import Child, KeyPath

_UNCHANGED = object()
_KINDS = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}


class Edits:
    """What is to become of a document; places are those that it has now."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._source = document.source
        self._top: Any = _UNCHANGED
        self._plans: dict[int, Plan] = {}

    @property
    def has_changes(self) -> bool:
        """Whether anything is to become of it."""
        return self._top is not _UNCHANGED or any(
            plan.replaced or plan.removed or plan.added for plan in self._plans.values()
        )

    def set(self, path: KeyPath, value: Any) -> None:
        """Put a value at a path; objects on the way are made.

        Raises:
            JsoncError: Something that is no container is on the way.
            LookupError: An array has no such place.
        """
        if self._is_new or not path:
            self._top = _put(self._top, path, value)
            return
        plan, index, rest = self._walk(path)
        key = path[len(path) - len(rest) - 1]
        if index is None:
            assert isinstance(key, str)
            plan.add(key, _put(plan.find_added(key), rest, value))
            return
        self._forget(plan, index)
        if rest or not is_same(self._document.get(path), value):
            plan.replace(index, _put(plan.replaced.get(index), rest, value))
        else:
            plan.restore(index)

    def append(self, path: KeyPath, value: Any) -> None:
        """Put a value behind all others of an array; it is made where it is not.

        Raises:
            JsoncError: Something else is there, or on the way.
        """
        self.insert(path, None, value)

    def insert(self, path: KeyPath, index: int | None, value: Any) -> None:
        """Put a value before one that an array has now; None is the end.

        Raises:
            JsoncError: Something else is there, or on the way.
        """
        array = self._find_array(path)
        if array is None:
            old = self._find_new(path)
            self.set(path, [*old, value] if isinstance(old, list) else [value])
            return
        size = len(array.container.children)
        place = size if index is None else index
        array.added.setdefault(place, []).append(New(None, value))

    def remove(self, path: KeyPath) -> None:
        """Take a value away, with its key.

        Raises:
            LookupError: There is none.
        """
        if not path or not self._document.has(path):
            raise KeyError(path)
        plan, index, _ = self._walk(path)
        assert index is not None
        self._forget(plan, index)
        plan.remove(index)

    def has_comment(self, path: KeyPath, *, with_key: bool = False) -> bool:
        """Say whether a comment is in a value that is there, or behind its key."""
        child = self._find_child(path)
        start = child.start if with_key else child.value
        return self._source.has_comment(start, child.end)

    def is_split(self, path: KeyPath) -> bool:
        """Say whether a value that is there is on several lines."""
        child = self._find_child(path)
        return self._source.is_split(child.value, child.end)

    def check_container(self, path: KeyPath, kind: type) -> None:
        """Refuse what stands where an array or an object is to be.

        Raises:
            JsoncError: With the place of what stands there.
        """
        if self._is_new:
            return
        start = self._source.start
        for depth, part in enumerate(path):
            child = self._plan(start, part, path[:depth]).find_child(part)
            if child is None:
                return
            start = child.value
        self._check_kind(start, kind, path)

    def finish(self) -> bytes:
        """Return the whole file with all changes."""
        if self._top is not _UNCHANGED:
            text = self._write_top()
        else:
            style = find_style(self._source)
            plans = self._plans.values()
            splices = [
                x for plan in plans for x in list_splices(self._source, style, plan)
            ]
            text = _splice(self._source.text, splices)
        return (self._document.mark + text).encode()

    @property
    def _is_new(self) -> bool:
        return self._document.is_empty or self._top is not _UNCHANGED

    def _write_top(self) -> str:
        """Return the file with another outermost value: below comments, if alone."""
        source, text = self._source, self._source.text
        lines = find_lines(source, len(text), "", is_loose=False)
        if self._document.is_empty:
            before = text if text[-1:] in {"", "\r", "\n"} else text + lines.newline
            return before + write_lines(self._top, Style(), lines) + lines.newline
        start, end = source.start, source.end_of(source.start)
        style = find_style(source)
        if source.is_split(start, end):
            written = write_lines(self._top, style, lines)
        else:
            written = write_line(self._top, style)
        return text[:start] + written + text[end:]

    def _walk(self, path: KeyPath) -> tuple[Plan, int | None, KeyPath]:
        """Return the innermost container that is there, the place, and what is below.

        The place is None where the container has no such key.
        """
        start = self._source.start
        for depth, part in enumerate(path[:-1]):
            plan = self._plan(start, part, path[:depth])
            index = plan.find(part)
            if index is None or not plan.is_there(index):
                return plan, index, path[depth + 1 :]
            start = plan.container.children[index].value
        plan = self._plan(start, path[-1], path[:-1])
        return plan, plan.find(path[-1]), ()

    def _find_child(self, path: KeyPath) -> Child:
        plan, index, _ = self._walk(path)
        assert index is not None
        return plan.container.children[index]

    def _plan(self, start: int, part: str | int, path: KeyPath) -> Plan:
        self._check_kind(start, dict if isinstance(part, str) else list, path)
        if start not in self._plans:
            self._plans[start] = Plan(self._source.open(start))
        return self._plans[start]

    def _check_kind(self, start: int, kind: type, path: KeyPath) -> None:
        if self._source.plain[start] == ("{" if kind is dict else "["):
            return
        name = f"`{'.'.join(map(str, path))}`" if path else "the file"
        found = name_kind(self._source.value_at(start))
        self._document.refuse(
            start,
            f"{name} should be {_KINDS[kind]}, it is {found}",
            hint="correct it, or take it away",
        )

    def _find_array(self, path: KeyPath) -> Plan | None:
        """Return the plan of an array that is in the file and stays there."""
        if self._is_new:
            return None
        start = self._source.start
        if path:
            plan, index, rest = self._walk(path)
            if index is None or rest or not plan.is_there(index):
                return None
            start = plan.container.children[index].value
        return self._plan(start, 0, path)

    def _find_new(self, path: KeyPath) -> Any:
        """Return what has been put at a path that the file does not have."""
        if self._is_new:
            return _get(self._top, path)
        plan, index, rest = self._walk(path)
        if index is not None:
            return _get(plan.replaced.get(index), rest)
        return _get(plan.find_added(path[len(path) - len(rest) - 1]), rest)

    def _forget(self, plan: Plan, index: int) -> None:
        """Drop changes in a value that goes."""
        child = plan.container.children[index]
        inside = [x for x in self._plans if child.value <= x < child.end]
        for start in inside:
            del self._plans[start]


def name_kind(value: object) -> str:
    """Return what a value is, in words."""
    return "null" if value is None else _KINDS.get(type(value), "a number")


def _put(old: Any, path: KeyPath, value: Any) -> Any:
    """Return a value with another one at a path of keys."""
    if not path:
        return value
    values = old if isinstance(old, dict) else {}
    return {**values, path[0]: _put(values.get(path[0]), path[1:], value)}


def _get(value: Any, path: KeyPath) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _splice(text: str, splices: Iterable[Splice]) -> str:
    """Return a text with all splices; what two of them take away goes once."""
    pieces: list[str] = []
    done = 0
    for start, end, new in sorted(splices, key=lambda each: each[:2]):
        pieces += text[done:start], new
        done = max(done, end)
    return "".join((*pieces, text[done:]))
