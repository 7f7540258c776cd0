"""What is wrong with a file, and at which line and column."""

from __future__ import annotations

import re
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
    deepest, most = 0, 0
    scopes: list[set[str] | None] = []
    for each, start, is_key in _read_tokens(blanked):
        if each in "[{":
            scopes.append(set() if each == "{" else None)
            if len(scopes) > most:
                deepest, most = start, len(scopes)
        elif each in "]}" and scopes:
            scopes.pop()
        elif is_key and scopes and scopes[-1] is not None:
            key = _scan(blanked, start)[0]
            if key in scopes[-1]:
                return Fault(start, f"{quote(key)} is there twice")
            scopes[-1].add(key)
        elif _CONSTANT.fullmatch(each):
            return Fault(start, f"{quote(each)} is no value of JSON")
        elif len(each) > _MOST_DIGITS and each.strip("-0123456789") == "":
            return Fault(start, "a number has more digits than can be read")
    return Fault(deepest, f"nested too deeply: {most} levels")


def _read_tokens(text: str) -> Iterator[tuple[str, int, bool]]:
    """Yield each token with its offset, and whether it is a key."""
    tokens = _TOKEN.finditer(text)
    before = next(tokens, None)
    for after in tokens:
        assert before is not None
        yield before[0], before.start(), before[0][0] == '"' and after[0] == ":"
        before = after
    if before is not None:
        yield before[0], before.start(), False


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
