"""What a watcher tells: changes of files, and the evidence they are judged by."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from pathlib import Path


class ChangeKind(Enum):
    """What became of a file since it was last told of."""

    MODIFIED = "modified"
    CREATED = "created"
    DELETED = "deleted"


class Change(Struct, frozen=True):
    """One file that is not as it was.

    Attributes:
        path: The file, absolute; below the watcher's root as that is spelled
            without symbolic links.
        kind: What became of it.
    """

    path: Path
    kind: ChangeKind


class Evidence(Enum):
    """What the system said about a path."""

    WRITTEN = "written"  # its content is whole: closed after writing, or renamed to
    WRITING = "writing"  # its content changed and somebody may still hold it open
    APPEARED = "appeared"  # it is new, and may still be empty
    GONE = "gone"  # removed or renamed away; a successor may be on its way
