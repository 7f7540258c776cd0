"""A value of an environment, and the place that it comes from."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from pathlib import Path


class SourceKind(Enum):
    """What kind of place a value comes from; later ones win."""

    DEFAULT = "default"
    PYPROJECT = "pyproject"
    ENV_FILE = "env file"
    STATE_FILE = "state file"
    PROCESS = "process environment"
    WORKTREE = "worktree"
    FLAG = "flag"


class Source(Struct, frozen=True, kw_only=True):
    """Where a value comes from.

    Attributes:
        kind: The kind of place.
        file: The file, relative to the project; None where it is none.
        line: The line in it; None where the file's parser does not tell.
        key: The key path in pyproject.toml, or the variable or flag.
    """

    kind: SourceKind
    file: Path | None = None
    line: int | None = None
    key: str | None = None

    def __str__(self) -> str:
        if self.kind is SourceKind.FLAG:
            return "the command line"  # commands take a name without the flag, too
        place = "" if self.file is None else str(self.file)
        if self.line is not None:
            place += f":{self.line}"
        return " ".join(filter(None, [place or self.kind.value, self.key]))


class Value(Struct, frozen=True):
    """A text, and where it comes from.

    Attributes:
        text: What a process sees.
        source: Where it is said.
        overridden: What weaker places say, the strongest of them first; references
            in it are not replaced.
    """

    text: str
    source: Source
    overridden: tuple[Value, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether the project says it, and not only the shell."""
        places = (self, *self.overridden)
        return any(one.source.kind is not SourceKind.PROCESS for one in places)
