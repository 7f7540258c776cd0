"""Which environment variables are read while modules are imported ahead.

What an import computes from a variable stays as it is. So a child may be given another
value of one only where no import has read it.
"""

from __future__ import annotations

import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SPAWNS = frozenset({"os.fork", "os.posix_spawn", "os.system", "subprocess.Popen"})


class Reads:
    """What was read.

    Attributes:
        names: The variables that were asked for, whether they are set or not, or set.
        is_all: Whether all of them were looked at, or a process was started that could.
        is_watching: Whether imports are under way.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.is_all = False
        self.is_watching = False

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Note what is read from `os.environ` and `os.environb` meanwhile."""
        watched = _make_watched(self)
        places = [os.environ, os.environb]
        kinds = [type(place) for place in places]
        for place in places:
            place.__class__ = watched  # whoever has imported the name has it too
        self.is_watching = True
        try:
            yield
        finally:
            self.is_watching = False
            for place, kind in zip(places, kinds, strict=True):
                place.__class__ = kind

    def note(self, name: str | bytes) -> None:
        """Know that a variable was asked for."""
        self.names.add(os.fsdecode(name))

    def note_all(self) -> None:
        """Know that all variables were looked at."""
        self.is_all = True

    def see(self, event: str) -> None:
        """Hear of an audit event: a process that is started inherits all."""
        if self.is_watching and event in _SPAWNS:
            self.is_all = True

    def as_json(self) -> list[str] | None:
        """Return the names in order; None means all there are."""
        return None if self.is_all else sorted(self.names)


def _make_watched(reads: Reads) -> type[os._Environ[str]]:
    # A class with a base that stands in for another must have the same layout: no
    # attribute of its own.
    class Watched(os._Environ):  # type: ignore[type-arg]  # noqa: SLF001 - the mapping
        def __getitem__(self, key: str) -> str:
            reads.note(key)
            value: str = super().__getitem__(key)
            return value

        def __setitem__(self, key: str, value: str) -> None:
            reads.note(key)  # whose value would be ours, whatever an import wants
            super().__setitem__(key, value)

        def __delitem__(self, key: str) -> None:
            reads.note(key)
            super().__delitem__(key)

        def __iter__(self) -> Iterator[str]:
            reads.note_all()
            return super().__iter__()

        def __len__(self) -> int:
            reads.note_all()
            return super().__len__()

    return Watched
