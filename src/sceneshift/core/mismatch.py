"""Saying of a value that does not fit its schema where it is, and what is expected."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import inspect

from sceneshift.core.wording import find_nearest, quote, suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.core.schema import Key

_PLACE = re.compile(r" - at `(?:key` in `)?\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]|\[\.\.\.\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)


class Mismatch(NamedTuple):
    """What is wrong with a value.

    Attributes:
        path: Keys from the table down to the value.
        text: What was found, and what is expected.
        hint: What to do; None where it is to be mended.
    """

    path: list[Key]
    text: str
    hint: str | None = None


def explain(message: str, table: object, to: type) -> Mismatch:
    """Say what msgspec says with the whole path, the value and the nearest key."""
    path = _find_path(message, table, to)
    node, expected = _follow(inspect.type_info(to), path)
    problem = _PLACE.sub("", message)
    if unknown := _UNKNOWN.fullmatch(problem):
        return _explain_unknown(unknown["name"], node, path)
    if expected is None:
        expected = problem[0].lower() + problem[1:]
    value = json.dumps(_get(table, path), default=str, ensure_ascii=False)
    text = f"expected {expected.removeprefix('expected ')}, found {quote(value)}"
    return Mismatch(path, text)


def _explain_unknown(
    name: str, node: inspect.Type | None, path: Sequence[Key]
) -> Mismatch:
    known = _known_keys(node)
    nearest = find_nearest(name, known)
    text = "there is no such key"
    if nearest is not None:
        text += f", the nearest is {quote(nearest)}"
    return Mismatch([*path, name], text, suggest(name, known))


def _find_path(message: str, table: Any, to: type) -> list[Key]:
    """Return the key path that msgspec means.

    It writes `[...]` for a key of a mapping. Which one is found by converting
    again with one key of that mapping at a time.
    """
    path: list[Key] = []
    place = _PLACE.search(message)
    for step in _STEP.finditer(place["path"] if place else ""):
        if step["name"]:
            path.append(step["name"])
        elif step["index"]:
            path.append(int(step["index"]))
        else:
            tables = [_keep(table, path, key) for key in _get(table, path)]
            table = next(t for t in tables if _message(t, to) == message)
            path.extend(_get(table, path))
    return path


def _message(table: object, to: type) -> str | None:
    try:
        msgspec.convert(table, to)
    except msgspec.ValidationError as exc:
        return str(exc)
    return None


def _keep(table: Any, path: Sequence[Key], key: Key) -> Any:
    """Copy the table with nothing but `key` in the mapping at `path`."""
    if not path:
        return {key: table[key]}
    first, *rest = path
    copy = table.copy()
    copy[first] = _keep(table[first], rest, key)
    return copy


def _get(table: Any, path: Sequence[Key]) -> Any:
    for key in path:
        table = table[key]
    return table


def _follow(
    node: inspect.Type | None, path: Sequence[Key]
) -> tuple[inspect.Type | None, str | None]:
    """Walk a type down a path; return the type there and the last description."""
    expected = None if node is None else _describe(node)
    for key in path:
        node = None if node is None else _step(node, key)
        expected = (_describe(node) if node is not None else None) or expected
    return node, expected


def _describe(node: inspect.Type) -> str | None:
    """Return the description of a type, or of the first member of a union."""
    match node:
        case inspect.Metadata(extra_json_schema=schema):
            return (schema or {}).get("description")
        case inspect.UnionType(types=types):
            return next(filter(None, map(_describe, types)), None)
    return None


def _step(node: inspect.Type, key: Key) -> inspect.Type | None:
    """Return the type of what lies under `key`, or None where it has none."""
    match node:
        case inspect.Metadata(type=inner):
            return _step(inner, key)
        case inspect.UnionType(types=types):
            below = (_step(member, key) for member in types)
            return next((found for found in below if found is not None), None)
        case inspect.StructType(fields=fields):
            return next((f.type for f in fields if f.encode_name == key), None)
        case inspect.DictType(value_type=value_type) if isinstance(key, str):
            return value_type
        case inspect.ListType(item_type=item_type) if isinstance(key, int):
            return item_type
    return None


def _known_keys(node: inspect.Type | None) -> list[str]:
    """Return the keys of a struct, or of the one in a union."""
    match node:
        case inspect.Metadata(type=inner):
            return _known_keys(inner)
        case inspect.UnionType(types=types):
            return [key for member in types for key in _known_keys(member)]
        case inspect.StructType(fields=fields):
            return [field.encode_name for field in fields]
    return []
