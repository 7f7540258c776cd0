"""What pg_restore writes as a script, in its parts.

Each has a heading that says what it makes, and whose: by that a part is left out, where
what it makes is there already. Rows are passed on as they come, for COPY.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_RULE = b"--\n"
_HEADING = re.compile(
    rb"-- (?:Data for )?Name: (.*); Type: (.*); Schema: (.*); Owner: "
    rb"(.*?)(?:; Tablespace: .*)?\n"
)
_RESTRICT = re.compile(rb"\\(?:un)?restrict \w+\n")  # of psql alone
_COPY, _FROM, _END = b"COPY ", b" FROM stdin;\n", b"\\.\n"
_ROWS = "TABLE DATA"
_NONE = "-"
# Large objects have a transaction of their own in a script.
_LARGE = "BLOB"
_BOUNDS = frozenset({b"BEGIN;\n", b"COMMIT;\n"})


class Part(Struct, frozen=True, kw_only=True):
    """What makes one thing.

    Attributes:
        kind: What it is, as in `TABLE`; empty for the settings in the beginning.
        name: What it is called; of a comment or a grant, with the kind before it.
        owner: Whose it is; empty where that is not said.
        text: The statements.
        rows: For a text that is a COPY: its data, to be read before the next part.
    """

    kind: str
    name: str
    owner: str
    text: str
    rows: Iterator[bytes] | None = None

    @property
    def subject(self) -> tuple[str, str]:
        """Kind and name of what it is about: of a comment, that of which it is one."""
        if self.kind in {"ACL", "COMMENT", "SECURITY LABEL"}:
            kind, _, name = self.name.partition(" ")
            return kind, name
        return self.kind, self.name


def read_parts(lines: Iterable[bytes]) -> Iterator[Part]:
    """Yield the parts of a script, in the order in which they are to be run."""
    source = iter(lines)
    heading, text = ("", "", ""), bytearray()
    for line in source:
        if line == _RULE:
            following = next(source, b"")
            found = _HEADING.fullmatch(following)
            if found is None:
                text += line + following
                continue
            yield _make(heading, text)
            next(source, b"")
            name, kind, _, owner = (each.decode() for each in found.groups())
            heading, text = (kind, name, owner.strip(_NONE)), bytearray()
        elif heading[0] == _ROWS and line.startswith(_COPY) and line.endswith(_FROM):
            yield _make(heading, text)
            rows = itertools.takewhile(lambda one: one != _END, source)
            yield _make(heading, line.removesuffix(b";\n"), rows)
            for _ in rows:
                pass
            text = bytearray()
        elif not _RESTRICT.fullmatch(line) and not (
            heading[0].startswith(_LARGE) and line in _BOUNDS
        ):
            text += line
    yield _make(heading, text)


def _make(
    heading: tuple[str, str, str],
    text: bytes | bytearray,
    rows: Iterator[bytes] | None = None,
) -> Part:
    kind, name, owner = heading
    return Part(kind=kind, name=name, owner=owner, text=text.decode(), rows=rows)
