"""What a change of a file has touched that it had no business with."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.scribbles import Change

_TOKEN = re.compile(
    r'//[^\r\n]*+|/\*.*?\*/|"(?:[^"\\]|\\.)*+"|[\[\]{}:]|[^\s"\[\]{}:,/]+', re.DOTALL
)


def count_stray_bytes(made: Change) -> int:
    """Return how many bytes have changed that a change had no business with.

    Within what it may touch that are commas and white space alone: each comment and
    each value is there, in the same order, and nothing else but what is new.
    """
    before, after = made.before.source.text, made.after.decode()
    after = after.removeprefix(made.before.mark)
    start, end, lost = made.region
    tail = len(before) - end
    wrong = 0 if after[:start] == before[:start] else start
    wrong += 0 if after[len(after) - tail :] == before[end:] else tail
    inside = after[start : len(after) - tail]
    old = _tokens(before[start : lost[0]]) + _tokens(before[lost[1] : end])
    rest = _without(_tokens(inside), old)
    if rest is None or "".join(rest).translate(_SEPARATORS) != _write(made.new):
        wrong += end - start + 1
    return wrong


_SEPARATORS = dict.fromkeys(map(ord, ":"), None)


def _write(new: tuple[Any, ...]) -> str:
    return "".join(_TOKEN.findall(", ".join(map(_dump, new)))).translate(_SEPARATORS)


def _dump(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _tokens(text: str) -> list[str]:
    """Return comments and what is between commas and white space."""
    return list(_TOKEN.findall(text))


def _without(tokens: list[str], old: list[str]) -> list[str] | None:
    """Return what stands in one place between old tokens; None if those differ."""
    count = len(tokens) - len(old)
    for start in range(len(old) + 1):
        if count >= 0 and tokens[:start] + tokens[start + count :] == old:
            return tokens[start : start + count]
    return None
