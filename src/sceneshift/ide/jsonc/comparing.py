"""Whether values are the same, as JSON means it."""

from __future__ import annotations

from typing import Any


def is_same(one: Any, other: Any) -> bool:
    """Say whether two values are one: `1` and `1.0` are, `1` and `true` are not."""
    return bool(one == other) and _is_alike(one, other)


def _is_alike(one: Any, other: Any) -> bool:
    """Say whether equal values have booleans at the same places."""
    if isinstance(one, str):
        return True
    if isinstance(one, dict):
        return all(_is_alike(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return all(map(_is_alike, one, other))
    return isinstance(one, bool) == isinstance(other, bool)
