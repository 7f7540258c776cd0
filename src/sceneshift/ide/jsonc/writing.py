"""New text for a file, in the habits that it has."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sceneshift.ide.jsonc.spans import Container, Source

_NEWLINE = re.compile(r"\r\n|\r|\n")
_INDENT = re.compile(r"[ \t]*+")
_FIRST_INDENT = re.compile(r"[\r\n]([ \t]++)[^ \t\r\n\]}]")
_LONE = re.compile(r"[\ud800-\udfff]")
_UNIT = "  "
_WIDTH = 80


class Style(NamedTuple):
    """How a file writes.

    Attributes:
        unit: What each level is indented by.
        colon: What is between a key and its value.
        gap: What follows a comma on the same line.
        is_flat: Whether everything is on one line.
    """

    unit: str = _UNIT
    colon: str = ": "
    gap: str = " "
    is_flat: bool = False


class Lines(NamedTuple):
    """Where new lines are written.

    Attributes:
        newline: What ends one.
        indent: What the first one begins with.
        comma: What follows the last value in a container.
    """

    newline: str
    indent: str
    comma: str


def find_style(source: Source) -> Style:
    """Return the habits of a file, as its first values show them."""
    start = source.start
    if start == len(source.plain) or not source.is_container(start):
        return Style()
    top = source.open(start)
    colon = _find_colon(source, top)
    is_flat = bool(top.children) and not source.is_split(start, top.close)
    gap = " " if colon[-1:].isspace() or not is_flat else ""
    return Style(_find_unit(source), colon, gap, is_flat)


def _find_unit(source: Source) -> str:
    found = _FIRST_INDENT.search(source.plain, source.start)
    return found[1] if found else _UNIT


def _find_colon(source: Source, top: Container) -> str:
    """Return what is between the first key and its value, unless lines end there."""
    if not top.is_object or not top.children:
        return ": "
    first = top.children[0]
    key_end = source.end_of(first.start)
    between = source.text[key_end : first.value]
    return between if between.strip(" \t") == ":" else ": "


def find_newline(source: Source, position: int) -> str:
    """Return how lines end around a place: the one before it, else the one after."""
    text = source.text
    index = max(text.rfind("\n", 0, position), text.rfind("\r", 0, position))
    if index >= 0:
        return "\r\n" if text[index - 1 : index + 1] == "\r\n" else text[index]
    found = _NEWLINE.search(text, position)
    return found[0] if found else "\n"


def find_lines(source: Source, position: int, indent: str, *, is_loose: bool) -> Lines:
    """Return how lines are written at a place."""
    return Lines(find_newline(source, position), indent, "," if is_loose else "")


def line_start(text: str, position: int) -> int:
    """Return where the line begins that a place is in."""
    return max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1


def find_indent(text: str, position: int) -> str:
    """Return what the line begins with that a place is in."""
    found = _INDENT.match(text, line_start(text, position))
    assert found is not None
    return found[0]


def write_key(key: str | None, style: Style) -> str:
    """Return what is before a value: nothing in an array."""
    return "" if key is None else _escape(_write_flat(key, style)) + style.colon


def write_line(value: Any, style: Style) -> str:
    """Return a value on one line."""
    return _escape(_write_flat(value, style))


def write_lines(value: Any, style: Style, lines: Lines) -> str:
    """Return a value, with one line for each value in it.

    An array of plain values that fits is on one line.
    """
    return _escape(_write(value, style, lines))


def _escape(text: str) -> str:
    """Write half a pair of surrogates as JSON does: UTF-8 has none."""
    return _LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _write_flat(value: Any, style: Style) -> str:
    separators = (f",{style.gap}", style.colon)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=separators)


def _write(value: Any, style: Style, lines: Lines) -> str:
    if not value or not isinstance(value, dict | list):
        return _write_flat(value, style)
    inner = lines._replace(indent=lines.indent + style.unit)
    if isinstance(value, dict):
        members = (
            f"{_write_flat(key, style)}{style.colon}{_write(each, style, inner)}"
            for key, each in value.items()
        )
        return _wrap("{", members, "}", lines, inner)
    flat = _write_flat(value, style)
    if len(inner.indent) + len(flat) <= _WIDTH and not _has_containers(value):
        return flat
    elements = (_write(each, style, inner) for each in value)
    return _wrap("[", elements, "]", lines, inner)


def _has_containers(values: Iterable[Any]) -> bool:
    return any(isinstance(each, dict | list) for each in values)


def _wrap(
    opening: str, parts: Iterable[str], closing: str, lines: Lines, inner: Lines
) -> str:
    start = lines.newline + inner.indent
    body = f",{start}".join(parts)
    return f"{opening}{start}{body}{lines.comma}{lines.newline}{lines.indent}{closing}"
