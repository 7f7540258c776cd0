"""SQL as text: its values, and where one statement ends and the next one begins."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# What is one piece, whatever stands in it: texts, names, bodies of functions.
_PIECE = re.compile(
    r"""
    (?P<comment>--[^\n]*|/\*.*?\*/)
    | '(?:[^']|'')*' | "(?:[^"]|"")*"
    | (?P<tag>\$\w*\$).*?(?P=tag)
    | [();,] | [^'"$/\-();,]+ | .
    """,
    re.VERBOSE | re.DOTALL,
)
_BLANKS = re.compile(r"\s+")
# A body that needs no quotes (PostgreSQL 14), with semicolons of its own.
_ATOMIC = re.compile(r"\bBEGIN ATOMIC\b(?!.*\bEND\s*$)", re.IGNORECASE | re.DOTALL)


def fill(
    query: str, values: Mapping[str, str | int], quote_text: Callable[[str], str]
) -> str:
    """Return a query with its values, each where `{name}` stands for it.

    Args:
        query: The query; one without values stays as it is, whatever stands in it.
        values: The values by name.
        quote_text: Returns a text as the system has it in SQL.
    """
    texts = {
        name: quote_text(value) if isinstance(value, str) else str(value)
        for name, value in values.items()
    }
    return query.format(**texts) if values else query


def split(text: str, mark: str = ";", *, is_tidy: bool = True) -> Iterator[str]:
    """Yield what stands between marks that are in no brackets, without comments.

    Args:
        text: Statements, or a part of one.
        mark: What parts them.
        is_tidy: Whether each is put on one line; texts and names stay as they are.
    """
    parts: list[str] = []
    depth = 0
    for piece in _PIECE.finditer(text):
        word = " " if piece["comment"] else piece[0]
        depth += (word == "(") - (word == ")")
        if word == mark and depth <= 0 and not _ATOMIC.search("".join(parts)):
            yield from _join(parts)
            parts.clear()
        elif word[0] in "'\"$" or not is_tidy:
            parts.append(word)
        else:
            parts.append(_BLANKS.sub(" ", word))
    yield from _join(parts)


def _join(parts: list[str]) -> Iterator[str]:
    text = "".join(parts).strip()
    if text:
        yield text
