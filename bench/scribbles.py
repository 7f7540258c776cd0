"""Files as nobody would write them, and changes of them whose effect is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from sceneshift.ide.jsonc import parse
from sceneshift.ide.jsonc.comparing import is_same

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from sceneshift.ide.jsonc import Document, KeyPath
    from sceneshift.ide.jsonc.spans import Child, Container

_KEYS = (
    "name",
    "a",
    "args",
    "//",
    "/* no */",
    ",]",
    'quo"te',
    "back\\",
    "ünï",
    "{",
    "",
)
_SCALARS: tuple[tuple[str, Any], ...] = (
    ("1", 1),
    ("-0", 0),
    ("1e3", 1000.0),
    ("1.50", 1.5),
    ("true", True),
    ("null", None),
    (r'"a\/bA"', "a/bA"),
    (r'"\ud83d\ude00"', "😀"),
    ('"// no"', "// no"),
    ('", ]"', ", ]"),
    (r'"\\"', "\\"),
    ('"]"', "]"),
)
_NEW: tuple[Any, ...] = (
    *(7, True, None, "x", "// new", [], {}, [1, 2], {"name": "new"}),
    {"a": {"b": [{"c": "d"}]}, "args": ["-m", "x"]},
    [["long"] * 30, {}],
    "\ud800",
)


class Region(NamedTuple):
    """What a change may touch of a text.

    Attributes:
        start: Nothing before it.
        end: And nothing from here on.
        lost: Where what is replaced or removed begins and ends.
    """

    start: int
    end: int
    lost: tuple[int, int]


class Change(NamedTuple):
    """A file before and after.

    Attributes:
        before: As it was.
        after: As it is.
        value: What it should hold now.
        region: What may be another.
        new: The value that is written; none where one is removed.
    """

    before: Document
    after: bytes
    value: Any
    region: Region
    new: tuple[Any, ...]


def scribble(random: Random, *, is_strict: bool = False) -> bytes:
    """Return a file: an object with comments, commas and lines wherever they may be."""
    return _Scribble(random, is_strict=is_strict).write().encode()


class _Scribble:
    def __init__(self, random: Random, *, is_strict: bool) -> None:
        self.random = random
        self.is_strict = is_strict
        self.newlines = random.choice((("\n",), ("\r\n",), ("\n", "\r\n", "\r")))
        self.is_dense = random.random() < 0.3

    def write(self) -> str:
        mark = self.random.choice(("", "", "\N{ZERO WIDTH NO-BREAK SPACE}"))
        return mark + self.gap() + self.object(0) + self.gap()

    def gap(self) -> str:
        """Return what may be between two tokens."""
        if self.is_dense:
            return ""
        return "".join(self.piece() for _ in range(self.random.choice((0, 0, 1, 2, 4))))

    def piece(self) -> str:
        newline = self.random.choice(self.newlines)
        pieces = [" ", "\t", newline, newline + "    ", " " + newline + "\t"]
        if not self.is_strict:
            number = self.random.randrange(1000)
            pieces += f"// c{number} ,]{newline}", f"/* c{number} */"
            pieces.append(f"/* c{number}{newline}  }} // */")
        return self.random.choice(pieces)

    def value(self, depth: int) -> str:
        kind = self.random.random()
        if depth < 4 and kind < 0.5:
            return self.object(depth) if kind < 0.25 else self.array(depth)
        return self.random.choice(_SCALARS)[0]

    def object(self, depth: int) -> str:
        count = self.random.randrange(5)
        keys = self.random.sample(_KEYS, count)
        members = [
            json.dumps(key) + self.gap() + ":" + self.gap() + self.value(depth + 1)
            for key in keys
        ]
        return self.wrap("{", members, "}")

    def array(self, depth: int) -> str:
        count = self.random.randrange(5)
        return self.wrap("[", [self.value(depth + 1) for _ in range(count)], "]")

    def wrap(self, opening: str, parts: list[str], closing: str) -> str:
        text = opening
        for index, part in enumerate(parts):
            is_last = index == len(parts) - 1
            has_comma = not is_last or (
                not self.is_strict and self.random.random() < 0.5
            )
            text += self.gap() + part + self.gap() + ("," if has_comma else "")
        return text + self.gap() + closing


def change(random: Random, data: bytes, *, is_strict: bool = False) -> Change:
    """Change one thing in a file."""
    before = parse(data, name="scribble", is_strict=is_strict)
    path = _choose(random, before)
    kinds: list[Callable[[Random, Document, KeyPath], Change]] = []
    value = before.get(path)
    if value:
        kinds += _set, _remove
    if isinstance(value, list):
        kinds.append(_insert)
    if isinstance(value, dict):
        kinds.append(_add)
    return random.choice(kinds or [_replace])(random, before, path)


def _choose(random: Random, document: Document) -> KeyPath:
    """Return the path of anything in a document."""
    path: KeyPath = ()
    value = document.value
    while isinstance(value, dict | list) and value and random.random() < 0.7:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        part = random.choice(keys)
        path, value = (*path, part), value[part]
    return path


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(each) for key, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value


def _open(document: Document, path: KeyPath) -> Container:
    source = document.source
    container = source.open(source.start)
    for part in path:
        container = source.open(_child(container, part).value)
    return container


def _child(container: Container, part: str | int) -> Child:
    return next(each for each in container.children if each.key == part)


def _replace(random: Random, document: Document, path: KeyPath) -> Change:
    new = random.choice(_NEW)
    source = document.source
    if not path:
        start, end = source.start, source.end_of(source.start)
    else:
        child = _child(_open(document, path[:-1]), path[-1])
        start, end = child.value, child.end
    value = _copy(document.value)
    if not path:
        value = new
    else:
        _reach(value, path[:-1])[path[-1]] = new
    region = Region(start, end, (start, end))
    after = document.set(path, new)
    if is_same(document.value, value):
        return Change(document, after, value, Region(0, 0, (0, 0)), ())
    return Change(document, after, value, region, (new,))


def _set(random: Random, document: Document, path: KeyPath) -> Change:
    """Replace a child of a container, as any other value."""
    value = document.get(path)
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        path = (*path, random.choice(keys))
    return _replace(random, document, path)


def _remove(random: Random, document: Document, path: KeyPath) -> Change:
    value = document.get(path)
    if not isinstance(value, dict | list):
        return _replace(random, document, path)
    container = _open(document, path)
    index = random.randrange(len(container.children))
    child = container.children[index]
    rest = _copy(document.value)
    del _reach(rest, path)[child.key]
    region = Region(
        _end(container, index - 1), _start(container, index + 1), child[1:4:2]
    )
    return Change(document, document.remove((*path, child.key)), rest, region, ())


def _insert(random: Random, document: Document, path: KeyPath) -> Change:
    new = random.choice(_NEW)
    container = _open(document, path)
    index = random.randrange(len(container.children) + 1)
    value = _copy(document.value)
    _reach(value, path).insert(index, new)
    after = document.insert(path, index, new)
    if index == len(container.children):
        assert after == document.append(path, new)
    return _added(container, index, Change(document, after, value, _ALL, (new,)))


def _add(random: Random, document: Document, path: KeyPath) -> Change:
    new = random.choice(_NEW)
    container = _open(document, path)
    key = "added // "
    while key in document.get(path):
        key += "+"
    value = _copy(document.value)
    _reach(value, path)[key] = new
    after = document.set((*path, key), new)
    index = len(container.children)
    return _added(container, index, Change(document, after, value, _ALL, (key, new)))


_ALL = Region(0, 0, (0, 0))


def _added(container: Container, index: int, made: Change) -> Change:
    start, end = _end(container, index - 1), _start(container, index)
    return made._replace(region=Region(start, end, (start, start)))


def _end(container: Container, index: int) -> int:
    return container.children[index].end if index >= 0 else container.start + 1


def _start(container: Container, index: int) -> int:
    children = container.children
    return children[index].start if index < len(children) else container.close


def _reach(value: Any, path: KeyPath) -> Any:
    for part in path:
        value = value[part]
    return value
