"""What databases beside one of MariaDB or MySQL are called, and what is noted in them.

No database of these can be given another name, and those of MySQL bear no comment. So a
name says nothing, and what a database is for stands in a view of constants in it: it is
replaced in one step, and neither migrations nor models know of views.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from sceneshift.core.blake2 import blake2b

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOTE = "sceneshift_note"  # the view
CODE = "sceneshift_code"  # the table of views, triggers and so on, see `code`
JOURNAL = "sceneshift_journal"  # the table of an exchange, see `exchange`
REVERTING = "sceneshift_reverting"  # the same, of one that is taken back
OWN = (CODE, JOURNAL, REVERTING)
LONGEST = 64  # characters of a name
_PLAIN = re.compile(r"[a-z0-9_]+")
_MARK = "__d_"
_DIGITS = 16


class Kind(StrEnum):
    """What a database beside another is."""

    DRAFT = "draft"
    SNAPSHOT = "snapshot"
    FORMER = "former"
    DOOMED = "doomed"


class Note(Struct, frozen=True, kw_only=True):
    """What is noted in a database of ours.

    Attributes:
        kind: What it is.
        id: What a snapshot or a former state is known under; empty for others.
        of: The database that it is beside.
        project: The project's name.
        host: The machine that made it so.
        root: The project's folder there.
        pid: The process there.
        at: When, in ISO format.
        asleep: The events of a draft that run where it is put in place.
    """

    kind: Kind
    id: str
    of: str
    project: str
    host: str
    root: str
    pid: int
    at: str
    asleep: tuple[str, ...] = ()

    def is_from(self, root: Path) -> bool:
        """Tell whether a folder on this machine is that of the project."""
        return (self.host, self.root) == (socket.gethostname(), str(root))


class Names:
    """The names of the databases beside one: small letters, for any server.

    Attributes:
        base: Its own name.
        start: What all of them begin with.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        self.start = f"{_make_stem(base)}{_MARK}"

    def draw(self) -> str:
        """Return one that nothing has."""
        return f"{self.start}{secrets.token_hex(_DIGITS // 2)}"

    def has(self, name: str) -> bool:
        """Tell whether a name is one of them."""
        rest = name.removeprefix(self.start)
        return rest != name and re.fullmatch(f"[0-9a-f]{{{_DIGITS}}}", rest) is not None


def _make_stem(base: str) -> str:
    """Return what stands for a name: short, and the same in URLs and in SQL."""
    most = LONGEST - _DIGITS - len(_MARK)
    if _PLAIN.fullmatch(base) and len(base) <= most:
        return base
    digest = blake2b(base.encode(), digest_size=5).hexdigest()
    plain = re.sub(r"[^a-z0-9_]", "_", base.lower())
    return f"{plain[: most - len(digest) - 1]}_{digest}"


def write_note(  # noqa: PLR0913 - each stands in it
    kind: Kind,
    *,
    id: str,  # noqa: A002
    of: str,
    project: str,
    root: Path,
    asleep: Sequence[str] = (),
) -> str:
    """Return the text that says what a database is."""
    note = Note(
        kind=kind,
        id=id,
        of=of,
        project=project,
        host=socket.gethostname(),
        root=str(root),
        pid=os.getpid(),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        asleep=tuple(asleep),
    )
    return msgspec.json.encode(note).decode()


def read_note(text: str) -> Note | None:
    """Return what a text says; None where it is not one of ours."""
    try:
        return msgspec.json.decode(text, type=Note)
    except msgspec.MsgspecError:
        return None
