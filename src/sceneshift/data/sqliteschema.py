"""What there is in a SQLite file, by name, in words that are the same for the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sceneshift.data.marker import VIEW

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

QUERY = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
OWN = "sqlite_"  # tables that the system keeps for itself
_QUOTES, _BLANKS = re.compile(r'["`\[\]]'), re.compile(r"\s+")


def describe_schema(rows: Iterable[Sequence[str]]) -> Mapping[str, str]:
    """Return what the rows of the query say."""
    return {
        f"{kind} {name}": _normalise(text)
        for kind, name, text in rows
        if name != VIEW and not name.startswith(OWN)
    }


def _normalise(text: str) -> str:
    """Return a statement without what makes no difference.

    What quotes a name, blanks, and the order of constraints: Alembic's batch mode has
    another each time.
    """
    bare = _BLANKS.sub("", _QUOTES.sub("", text)).lower()
    head, bracket, body = bare.partition("(")
    return head + bracket + ",".join(sorted(_split(body)))


def _split(body: str) -> Iterator[str]:
    """Yield what stands between the commas that are in no brackets."""
    depth = start = 0
    for place, letter in enumerate(body):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            yield body[start:place]
            start = place + 1
    yield body[start:].removesuffix(")")
