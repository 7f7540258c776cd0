"""Which facts about a project each value of a generated entry depends on.

Nothing keeps track of that while templates are rendered. All facts are marked at once,
and a value that is itself again without the marks in it comes from what has those. Of
one that is not, as templates also decide by facts, the same is asked of each half of
the facts, down to a single one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct
from msgspec.structs import fields, replace

from sceneshift.core.errors import SceneshiftError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from sceneshift.ide.files import File
    from sceneshift.ide.model import Model

    Render: TypeAlias = Callable[[Model], Sequence[File]]
    _Asked: TypeAlias = "tuple[Entry, str]"
    _Values: TypeAlias = "dict[_Asked, Any]"

Fact: TypeAlias = "tuple[str | int, ...]"

_SIGN = "\u2026"  # what no name of a project has on both sides of a number
_FIRST = 900_000_000  # more than any port
_GONE: Any = object()
_MARK = re.compile(rf"{_SIGN}(\d+){_SIGN}|(9\d{{8}})")


class Entry(Struct, frozen=True, kw_only=True):
    """Where an entry is among files.

    Attributes:
        file: Which of the files.
        section: Which of its sections.
    """

    file: int
    section: int


def trace(
    model: Model, files: Sequence[File], name: str, render: Render
) -> dict[Entry, dict[str, list[Fact]]]:
    """Return, by entry and key, what each value depends on.

    Args:
        model: The project.
        files: What is rendered for it.
        name: The entries' name, label, id or key.
        render: What renders the same files for another project.
    """
    tracing = _Tracing(model, files, name, render)
    tracing.search(range(len(tracing.facts)), tracing.before)
    found: dict[Entry, dict[str, list[Fact]]] = {}
    for (entry, key), numbers in tracing.found.items():
        facts = [tracing.facts[number][0] for number in sorted(numbers)]
        found.setdefault(entry, {})[key] = facts
    return found


def find_entries(files: Sequence[File], name: str) -> Iterator[Entry]:
    """Yield where entries of a name are."""
    for number, file in enumerate(files):
        for part, section in enumerate(file.sections):
            if name in section.entries:
                yield Entry(file=number, section=part)


def flatten(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what is in a value that is nothing more itself, by where that is."""
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from flatten(each, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and value:
        for place, each in enumerate(value):
            yield from flatten(each, f"{key}[{place}]")
    else:
        yield key, value


class _Tracing:
    """One search.

    Attributes:
        facts: All there are, each with its value.
        before: What the values are.
        found: Numbers of the facts that they depend on.
    """

    def __init__(
        self, model: Model, files: Sequence[File], name: str, render: Render
    ) -> None:
        self._model = model
        self._shape = _measure(files)
        self._name = name
        self._render = render
        self.facts = list(list_facts(model, ()))
        self.before = {
            (entry, key): value
            for entry in find_entries(files, name)
            for key, value in flatten(
                files[entry.file].sections[entry.section].entries[name]
            )
        }
        self.found: dict[_Asked, set[int]] = {each: set() for each in self.before}

    def search(self, numbers: Sequence[int], asked: Collection[_Asked]) -> None:
        """Find which of some facts some values depend on."""
        if not numbers or not asked:
            return
        after = self._try(numbers)
        if len(numbers) > 1:
            self._ask_halves(numbers, self._take_clear(asked, after or {}))
        elif after is not None:
            for each in asked:
                if after.get(each, _GONE) != self.before[each]:
                    self.found[each].add(numbers[0])

    def _take_clear(
        self, asked: Collection[_Asked], after: _Values
    ) -> Sequence[_Asked]:
        """Note whose marks are in values, and return those that marks do not tell."""
        unclear = []
        for each in asked:
            value, marks = self._unmark(after.get(each, _GONE))
            if value == self.before[each]:
                self.found[each] |= marks
            else:
                unclear.append(each)
        return unclear

    def _ask_halves(self, numbers: Sequence[int], asked: Collection[_Asked]) -> None:
        half = len(numbers) // 2
        self.search(numbers[:half], asked)
        self.search(numbers[half:], asked)

    def _try(self, numbers: Sequence[int]) -> _Values | None:
        """Return what the values are where facts are marked; None where none can be."""
        marked = {self.facts[number][0]: number for number in numbers}
        try:
            files = self._render(mark(self._model, (), marked))
        except SceneshiftError:  # of a template that takes no such value
            return None
        if _measure(files) != self._shape:
            return None
        return {
            (Entry(file=number, section=part), self._unmark(key)[0]): each
            for number, file in enumerate(files)
            for part, section in enumerate(file.sections)
            for name, value in section.entries.items()
            if self._unmark(name)[0] == self._name
            for key, each in flatten(value)
        }

    def _unmark(self, value: Any) -> tuple[Any, set[int]]:
        """Return a value without marks, and the numbers of the facts that had them."""
        if isinstance(value, int) and not isinstance(value, bool):
            text, marks = self._unmark(str(value))
            return int(text), marks
        marks = set()
        if not isinstance(value, str):
            return value, marks

        def take(found: re.Match[str]) -> str:
            number = int(found[1]) if found[1] else int(found[2]) - _FIRST
            if number >= len(self.facts):
                return found[0]
            value = self.facts[number][1]
            if isinstance(value, str) is not bool(found[1]):
                return found[0]
            marks.add(number)
            return "" if found[1] else str(value)

        return _MARK.sub(take, value), marks


def _measure(files: Sequence[File]) -> list[int]:
    return [len(file.sections) for file in files]


def list_facts(value: Any, fact: Fact) -> Iterator[tuple[Fact, Any]]:
    """Yield each text and each number, and how it is reached."""
    if isinstance(value, Struct):
        for field in fields(value):
            yield from list_facts(getattr(value, field.name), (*fact, field.name))
    elif isinstance(value, tuple):
        for place, each in enumerate(value):
            yield from list_facts(each, (*fact, place))
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield fact, value


def mark(value: Any, fact: Fact, marked: dict[Fact, int]) -> Any:
    """Return the same with a mark on some facts."""
    if isinstance(value, Struct):
        changed = {
            field.name: mark(getattr(value, field.name), (*fact, field.name), marked)
            for field in fields(value)
        }
        return replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(
            mark(each, (*fact, place), marked) for place, each in enumerate(value)
        )
    if fact not in marked:
        return value
    number = marked[fact]
    return (
        f"{value}{_SIGN}{number}{_SIGN}" if isinstance(value, str) else _FIRST + number
    )
