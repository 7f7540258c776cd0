"""Source maps: which line of which file some code of a page was made from.

See https://tc39.es/ecma426/; files are found as js-debug finds them, by `webRoot`.
"""

from __future__ import annotations

import base64
import json
import os
import re
from bisect import bisect_right
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, unquote_to_bytes, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DIGITS = {
    char: value
    for value, char in enumerate(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    )
}
_MORE, _BITS = 32, 5
# Those of js-debug that no pattern of JavaScript is needed for.
_OVERRIDES = {
    "webpack:///./~/*": "${webRoot}/node_modules/*",
    "webpack:////*": "/*",
    "webpack://@?:*/?:*/*": "${webRoot}/*",
    "webpack://?:*/*": "${webRoot}/*",
    "meteor://💻app/*": "${webRoot}/*",
    "turbopack://[project]/*": "${workspaceFolder}/*",
    "turbopack:///[project]/*": "${workspaceFolder}/*",
}
_PAGES = frozenset({"http", "https"})
_GROUP = re.compile(r"\?:\*|\*")


class Segment(NamedTuple):
    """Where a piece of code comes from; all are counted from 0.

    Attributes:
        line: Of the code that runs.
        column: The same.
        source: The number of its file.
        source_line: The line there.
    """

    line: int
    column: int
    source: int
    source_line: int


class Source(NamedTuple):
    """A file that code was made from.

    Attributes:
        root: What its name is relative to; empty means the code's own place.
        name: As the map has it.
    """

    root: str
    name: str


class SourceMap:
    """A source map; its mappings are read when one is asked for.

    Args:
        value: As JSON has it.

    Attributes:
        sources: The files.
    """

    def __init__(self, value: Mapping[str, Any]) -> None:
        self._value = value
        self.sources = tuple(_list_sources(value))

    @cached_property
    def segments(self) -> list[Segment]:
        """All mappings, in the order of the code; none where they are damaged."""
        try:
            return sorted(_read(self._value, Segment(0, 0, 0, 0)))
        except (ValueError, KeyError, TypeError, IndexError):
            return []

    def find(self, line: int, column: int) -> Segment | None:
        """Return what a place in the code comes from; None where nothing is said."""
        last = len(self.sources)
        place = bisect_right(self.segments, Segment(line, column, last, 0)) - 1
        found = self.segments[place] if place >= 0 else None
        return found if found is not None and found.line == line else None


def parse_source_map(data: bytes) -> SourceMap | None:
    """Read a source map; None where it is none."""
    try:
        return SourceMap(json.loads(data.removeprefix(b")]}'")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _list_sources(value: Mapping[str, Any]) -> Iterator[Source]:
    """Yield the sources of a map, or of all its sections."""
    if "sections" in value:
        for section in value["sections"]:
            yield from _list_sources(section["map"])
        return
    root = str(value.get("sourceRoot") or "")
    for name in value["sources"]:
        yield Source(root, str(name or ""))


def _read(value: Mapping[str, Any], start: Segment) -> Iterator[Segment]:
    """Yield the segments of a map, or of all its sections, each from its place on."""
    source = start.source
    for section in value.get("sections", ()):
        place = section["offset"]
        yield from _read(
            section["map"], Segment(place["line"], place["column"], source, 0)
        )
        source += len(list(_list_sources(section["map"])))
    for each in _decode(value.get("mappings", "")):
        column = each.column + (0 if each.line else start.column)
        yield Segment(
            each.line + start.line, column, each.source + source, each.source_line
        )


def _decode(mappings: str) -> Iterator[Segment]:
    """Yield the segments of `mappings` that have a source."""
    source = source_line = 0
    for line, text in enumerate(mappings.split(";")):
        column = 0
        for piece in filter(None, text.split(",")):
            numbers = list(_decode_numbers(piece))
            column += numbers[0]
            if len(numbers) > 1:
                source += numbers[1]
                source_line += numbers[2]
                yield Segment(line, column, source, source_line)


def _decode_numbers(text: str) -> Iterator[int]:
    """Yield numbers of variable length in base 64, the sign in the lowest bit."""
    value = shift = 0
    for char in text:
        digit = _DIGITS[char]
        value |= (digit & (_MORE - 1)) << shift
        shift += _BITS
        if digit < _MORE:
            yield -(value >> 1) if value & 1 else value >> 1
            value = shift = 0


def decode_data(url: str) -> bytes | None:
    """Return what a `data:` URL has; None for any other."""
    if not url.startswith("data:"):
        return None
    head, _, data = url.partition(",")
    try:
        return base64.b64decode(data) if ";base64" in head else unquote_to_bytes(data)
    except ValueError:
        return None


class Locator:
    """Finds the files of a page's code, as js-debug does.

    Args:
        web_root: The entry's, where the server has `/`.
        root: The project's folder.
        overrides: Its `sourceMapPathOverrides`; None means those of js-debug.
        mapping: Its `pathMapping`: folders of some paths of the server.
    """

    def __init__(
        self,
        web_root: Path,
        *,
        root: Path,
        overrides: Mapping[str, str] | None = None,
        mapping: Mapping[str, str] | None = None,
    ) -> None:
        folders = {"/": str(web_root)} | dict(mapping or {})
        # The longest one wins, of two as long the first.
        self._folders = [
            (f"/{each.strip('/')}/".replace("//", "/"), Path(folders[each]))
            for each in sorted(folders, key=len, reverse=True)
        ]
        values = {"${webRoot}": str(web_root), "${workspaceFolder}": str(root)}
        self._overrides = [
            (_compile(left), _fill(right, values))
            for left, right in sorted(
                (_OVERRIDES if overrides is None else overrides).items(),
                key=lambda item: _measure(item[0]),
                reverse=True,
            )
        ]

    def find_source(self, script: str, source: Source) -> Path:
        """Return where a source should be of code from a URL."""
        root, name = source.root, source.name.partition("?")[0]
        whole = f"{root.rstrip('/')}/{name}" if root else name
        for pattern, right in self._overrides:
            if found := pattern.fullmatch(whole):
                last = found[found.re.groups] if found.re.groups else ""
                return Path(os.path.normpath(right.replace("*", last)))
        url = urlsplit(name)
        if url.scheme == "file":
            return Path(unquote(url.path))
        if url.scheme in _PAGES:
            return self._map(url.path)
        if name.startswith("/"):
            return Path(name)
        folder = self._map(urlsplit(script).path).parent
        if root.startswith("/"):
            folder = self._map(root)
        elif root.startswith("file:"):
            folder = Path(unquote(urlsplit(root).path))
        elif root:
            folder /= root
        return Path(os.path.normpath(folder / unquote(name)))

    def find_script(self, script: str) -> Path | None:
        """Return the file of code without a map: the end of its path that is there."""
        url = urlsplit(script)
        if url.scheme == "file":
            return Path(unquote(url.path))
        if url.scheme not in _PAGES:
            return None
        parts = PurePosixPath(url.path or "/").parts[1:]
        for start in range(len(parts)):
            file = self._map("/".join(parts[start:]))
            if file.is_file():
                return file
        return None

    def _map(self, path: str) -> Path:
        """Return where a path of the server is on disk."""
        path = f"/{unquote(path).lstrip('/')}"
        for start, folder in self._folders:
            if path.startswith(start) or f"{path}/" == start:
                return folder / path[len(start) :]
        raise AssertionError(path)  # all begin with a slash


def _fill(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _measure(left: str) -> int:
    return len(left.replace("?:*", "*"))


def _compile(left: str) -> re.Pattern[str]:
    """Return a pattern of `*`, which is put in, and `?:*`, which is not."""
    pieces = _GROUP.split(left)
    groups = ["(.*)" if each == "*" else ".*?" for each in _GROUP.findall(left)]
    text = "".join(
        re.escape(piece) + group
        for piece, group in zip(pieces, [*groups, ""], strict=True)
    )
    return re.compile(text, re.IGNORECASE)
