"""What databases beside a database are called, and what is written on them.

The comment on a database can be read without connecting to it, and is changed in the
same transaction as its name. It says what the database is for, and whose.
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
from sceneshift.data.marker import Marker  # noqa: TC001 - msgspec reads it

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LONGEST = 63  # bytes: the server cuts what is longer, and says nothing
_LONGEST_REST = 25  # an id of a change, see `undo.UndoLog.begin`
_PLAIN = re.compile(r"[A-Za-z0-9_]+")
_LATER = "-later"


class Kind(StrEnum):
    """What a database beside another is."""

    SNAPSHOT = "s"
    DRAFT = "b"
    NEXT = "n"
    FORMER = "t"
    LATER = "l"
    SPARE = "w"
    DOOMED = "x"


class Note(Struct, frozen=True, kw_only=True):
    """What is written on a database of ours.

    Attributes:
        kind: What it is.
        of: The database that it is beside.
        project: The project's name.
        host: The machine that made it so.
        root: The project's folder there.
        pid: The process there.
        at: When, in ISO format.
        marker: What a former state says of itself; None where it says nothing.
        comment: What people had written on it.
        snapshot: What a spare one is a copy of.
        extensions: The extensions that a snapshot has, each with the version that the
            server would have installed.
    """

    kind: Kind
    of: str
    project: str
    host: str
    root: str
    pid: int
    at: str
    marker: Marker | None = None
    comment: str | None = None
    snapshot: str | None = None
    extensions: dict[str, str] = {}

    def is_from(self, root: Path) -> bool:
        """Tell whether a folder on this machine is that of the project."""
        return (self.host, self.root) == (socket.gethostname(), str(root))


class _Comment(Struct, frozen=True):
    sceneshift: Note


class Names:
    """The names of the databases beside one.

    Attributes:
        base: Its own name.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        self._stem = _make_stem(base)

    def snapshot(self, id: str) -> str:  # noqa: A002 - that is what it is
        """Return that of a snapshot."""
        return self._make(Kind.SNAPSHOT, id)

    def former(self, id: str) -> str:  # noqa: A002
        """Return that of a state before a change, or of one after it."""
        if id.endswith(_LATER):
            return self._make(Kind.LATER, id.removesuffix(_LATER))
        return self._make(Kind.FORMER, id)

    def draw(self, kind: Kind) -> str:
        """Return one that nothing has."""
        return self._make(kind, secrets.token_hex(8))

    @property
    def start(self) -> str:
        """What all of them begin with."""
        return f"{self._stem}__"

    def parse(self, name: str) -> tuple[Kind, str] | None:
        """Return the kind and the id that a name says; None for another's name."""
        kinds = "".join(Kind)
        found = re.fullmatch(f"{self._stem}__([{kinds}])_([A-Za-z0-9]{{16,}})", name)
        return None if found is None else (Kind(found[1]), found[2])

    def _make(self, kind: Kind, rest: str) -> str:
        name = f"{self.start}{kind}_{rest}"
        assert len(name) <= LONGEST, name
        return name


def _make_stem(base: str) -> str:
    """Return what stands for a name: short, and the same in URLs and in SQL."""
    most = LONGEST - _LONGEST_REST - len("__s_")
    if _PLAIN.fullmatch(base) and len(base) <= most:
        return base
    digest = blake2b(base.encode(), digest_size=5).hexdigest()
    plain = re.sub(r"[^A-Za-z0-9_]", "_", base)
    return f"{plain[: most - len(digest) - 1]}_{digest}"


def write_note(  # noqa: PLR0913 - what is written, each by its name
    kind: Kind,
    *,
    of: str,
    project: str,
    root: Path,
    marker: Marker | None = None,
    comment: str | None = None,
    snapshot: str | None = None,
    extensions: Mapping[str, str] | None = None,
) -> str:
    """Return the comment that says what a database is."""
    note = Note(
        kind=kind,
        of=of,
        project=project,
        host=socket.gethostname(),
        root=str(root),
        pid=os.getpid(),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        marker=marker,
        comment=comment,
        snapshot=snapshot,
        extensions=dict(extensions or {}),
    )
    return msgspec.json.encode(_Comment(note)).decode()


def read_note(comment: str | None) -> Note | None:
    """Return what a comment says; None where it is not one of ours."""
    try:
        return msgspec.json.decode(comment or "", type=_Comment).sceneshift
    except msgspec.MsgspecError:
        return None
