"""Comments and trailing commas, blanked such that all else stays where it is."""

from __future__ import annotations

import re
from itertools import chain
from typing import NamedTuple

# Strings are passed over, and so are commas that a value follows. What is left are
# comments, commas before a bracket, and what ends nowhere, to the end at once. The end
# is one too: a search without a match would begin again, in the middle of a string.
_EVENT = re.compile(
    r"""
    [^"/,]*+
    (?: "[^"\\]*+(?:\\.[^"\\]*+)*+" [^"/,]*+
    |   ,(?!(?:[ \t\r\n]++|//[^\r\n]*+|/\*.*?\*/)*+[\]}]) [^"/,]*+
    )*+
    (?: ( //[^\r\n]*+ | /\*.*?\*/ ) | (,) | /\*.*+ | ".*+ | / | \Z )
    """,
    re.DOTALL | re.VERBOSE,
)
_COMMENT = 1  # the first group; the other one is a comma


class Blanked(NamedTuple):
    """A text that JSON's own scanner reads.

    Attributes:
        text: As long as it was.
        comments: Where each begins and ends.
        commas: Where those are that no value follows.
    """

    text: str
    comments: list[tuple[int, int]]
    commas: list[int]


def blank(text: str) -> Blanked:
    """Put spaces where comments and trailing commas are."""
    pieces: list[str] = []
    comments: list[tuple[int, int]] = []
    commas: list[int] = []
    done = 0
    for event in _EVENT.finditer(text):
        kind = event.lastindex
        if kind is None:
            continue
        start, end = span = event.span(kind)
        if kind == _COMMENT:
            comments.append(span)
        elif _follows_value(text[done:start], pieces):
            commas.append(start)
        else:
            continue
        pieces += text[done:start], " " * (end - start)
        done = end
    pieces.append(text[done:])
    return Blanked("".join(pieces), comments, commas)


def _follows_value(piece: str, pieces: list[str]) -> bool:
    """Say whether what a comma follows is a value; `[,]` is refused everywhere."""
    for each in chain((piece,), reversed(pieces)):
        if each and not each.isspace():
            return each.rstrip()[-1] not in "[{,:"
    return False
