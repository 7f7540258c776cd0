"""Names of a database in what MariaDB and MySQL say that a view is made by.

They name it where a view looks at another database, too, and before functions and
sequences. But a table, or what a view calls one, may have the same name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = r"`(?:[^`]|``)*`"
_TOKEN = re.compile(
    rf"""
    '(?:[^'\\]|\\.|'')*'
  | (?P<names>{_NAME}(?:\.{_NAME})+)(?P<call>\()?
  | {_NAME}
  | (?P<word>\w+)
  | [()]
    """,
    re.VERBOSE | re.DOTALL,
)
_FIRST = re.compile(_NAME)
_PLACES = frozenset({"join", "straight_join", "lastval", "nextval", "setval"})


def drop_qualifier(text: str, database: str) -> str:
    """Return what makes a view, without the database's name before what is in it.

    Args:
        text: As the server says it, each name in backticks.
        database: The name, in backticks too.
    """
    parts: list[str] = []
    end = 0
    for start, length in _find(text, database):
        parts.append(text[end:start])
        end = start + length
    return "".join([*parts, text[end:]])


def _find(text: str, database: str) -> Iterator[tuple[int, int]]:
    """Yield where the database is named, and how long that is."""
    selects = [False]  # by parenthesis: whether a SELECT has no FROM yet
    is_place = False  # whether a table comes next
    for token in _TOKEN.finditer(text):
        names, word = token["names"], (token["word"] or "").lower()
        if names is not None:
            first = _FIRST.match(names)
            is_column = len(_FIRST.findall(names)) == 2 and not token["call"]
            if first and first[0] == database and (is_place or not is_column):
                yield token.start(), first.end() + 1
        if token.group().endswith("("):
            selects.append(False)
            is_place = is_place and names is None
        elif token.group() == ")":
            selects.pop()
            is_place = False
        elif word == "from":  # that of EXTRACT and TRIM is in parentheses of its own
            is_place, selects[-1] = selects[-1], False
        else:
            is_place = word in _PLACES
            selects[-1] = selects[-1] or word == "select"
