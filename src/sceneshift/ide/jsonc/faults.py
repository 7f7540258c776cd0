"""What is wrong with a file, and at which line and column."""

from __future__ import annotations

import re
from itertools import chain, pairwise
from json import JSONDecoder
from typing import TYPE_CHECKING, NamedTuple

from sceneshift.core.errors import ConfigError
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

_scan = JSONDecoder().raw_decode
_END_OF_LINE = re.compile(r"\r\n|\r|\n")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{},:]|[^\s"\[\]{},:]+', re.DOTALL)
_MARKER = re.compile(r"^(?:<{7}|>{7})(?=[ \r\n]|\Z)", re.MULTILINE)
_CONSTANT = re.compile(r"-?Infinity|NaN")
_MOST_DIGITS = 4000  # Python converts no more than 4,300
_HINT = "correct it there; nothing was changed"


class JsoncError(ConfigError):
    """A file that is not what it should be.

    Attributes:
        name: The file, as it was called.
        line: Counted from 1.
        column: Counted from 1, in characters.
    """

    def __init__(
        self, message: str, *, name: str, text: str, offset: int, hint: str = _HINT
    ) -> None:
        line, column = locate(text, offset)
        super().__init__(f"{name}:{line}:{column}: {message}", hint=hint)
        self.name = name
        self.line = line
        self.column = column


class Fault(NamedTuple):
    """What is wrong, and where.

    Attributes:
        offset: In characters, from the beginning of the text.
        message: In words.
    """

    offset: int
    message: str


def locate(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of an offset, both counted from 1."""
    line, start = 1, 0
    for found in _END_OF_LINE.finditer(text, 0, offset):
        line, start = line + 1, found.end()
    return line, offset - start + 1


def find_conflict(text: str) -> Fault | None:
    """Return what a merge has left; nobody's value begins a line so."""
    if "<<<<<<<" not in text and ">>>>>>>" not in text:
        return None
    found = _MARKER.search(text)
    if found is None:
        return None
    return Fault(found.start(), "a conflict of a merge is not solved here")


def find_fault(blanked: str) -> Fault:
    """Return what the scanner refuses without saying where.

    Args:
        blanked: The text without comments and trailing commas.
    """
    return next(_list_faults(blanked))


def _list_faults(blanked: str) -> Iterator[Fault]:
    """Yield them in the text's order; behind the first one it may not parse."""
    scopes: list[set[str]] = []
    # The scanner would not have stopped if there were none.
    for each, start, is_key in _read_tokens(blanked):  # pragma: no branch
        if each in "[{":
            scopes.append(set())
        elif each in "]}":
            scopes.pop()
        elif is_key:
            key = _scan(blanked, start)[0]
            if key in scopes[-1]:
                yield Fault(start, f"{quote(key)} is there twice")
            scopes[-1].add(key)
        elif _CONSTANT.fullmatch(each):
            yield Fault(start, f"{quote(each)} is no value of JSON")
        elif len(each) > _MOST_DIGITS and each.strip("-0123456789") == "":
            yield Fault(start, "a number has more digits than can be read")


def find_depth(blanked: str) -> Fault:
    """Return where a text is nested most deeply; it need not parse.

    Args:
        blanked: The text without comments and trailing commas.
    """
    depth = most = deepest = 0
    for each, start, _ in _read_tokens(blanked):
        depth += (each in "[{") - (each in "]}")
        if depth > most:
            deepest, most = start, depth
    return Fault(deepest, f"nested too deeply: {most} levels")


def _read_tokens(text: str) -> Iterator[tuple[str, int, bool]]:
    """Yield each token with its offset, and whether it is a key."""
    for before, after in pairwise(chain(_TOKEN.finditer(text), [None])):
        assert before is not None
        is_key = after is not None and before[0][0] == '"' and after[0] == ":"
        yield before[0], before.start(), is_key


_WORDS = {
    "Expecting value": "a value is expected",
    "Expecting ',' delimiter": "a comma or the end is expected",
    "Expecting ':' delimiter": "a colon is expected",
    "Expecting property name": "a key in double quotes is expected",
    "Illegal trailing comma": "a key or a value is expected",
    "Unterminated string": "this string does not end",
    "Invalid control character": "a control character is in a string",
    "Invalid \\escape": "this escape means nothing",
    "Invalid \\uXXXX escape": "this escape means nothing",
    "Extra data": "something follows after the end",
}


def word(message: str, text: str, offset: int) -> str:
    """Return the scanner's message in our words, with what is found."""
    known = (words for begin, words in _WORDS.items() if message.startswith(begin))
    words = next(known, message)
    if not words.endswith("expected"):
        return words
    if offset >= len(text):
        return f"{words}, the file ends"
    if text.startswith("/*", offset):
        return "this comment does not end"
    found = _TOKEN.match(text, offset)
    return f"{words}, found {quote((found[0] if found else text[offset])[:20])}"
