"""Children that wait, made ahead of the next reload.

One waits before the project's first file: it is good for any change. Another has gone
on as far as the file that is edited most: where only that file changes, and behind its
imports, all that comes before it has run already.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.dev.zygote.code import digest, read
from sceneshift.dev.zygote.parts import goes_on

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sceneshift.dev.run.generation import Generation

_HOT_FILES = 1


class Standbys(Struct):
    """The parked children of one program.

    Attributes:
        early: Waits before the project.
        late: Waits in the middle of it.
        hot: The files before which a late one waits, the last edited first.
    """

    early: Generation | None = None
    late: Generation | None = None
    hot: list[str] = []

    def note_edit(self, files: Iterable[str], used: Iterable[str]) -> None:
        """Expect that the next change is where this one was."""
        known = set(used)
        edited = [path for path in files if path.endswith(".py") and path in known]
        if edited:
            self.hot = edited[:_HOT_FILES]

    def guess(self, used: Iterable[str]) -> None:
        """Expect that the file which was edited last is edited next."""
        if not self.hot:
            files = sorted(filter(_is_module, used), key=_edited_at, reverse=True)
            self.hot = files[:_HOT_FILES]

    def take(self) -> Generation | None:
        """Take out and return the best child that is there, if any."""
        for name in ("late", "early"):
            child: Generation | None = getattr(self, name)
            if child is not None and child.is_parked:
                setattr(self, name, None)
                return child
        return None

    def find_stale(self, changed: Iterable[str]) -> list[Generation]:
        """Take out and return the children that have read what is another now."""
        files = set(changed)
        stale = []
        for name in ("late", "early"):
            child: Generation | None = getattr(self, name)
            if child is not None and _is_stale(child, files):
                setattr(self, name, None)
                stale.append(child)
        return stale

    def all(self) -> list[Generation]:
        """Return all children."""
        return [child for child in (self.late, self.early) if child is not None]

    def empty(self) -> list[Generation]:
        """Take out and return all children."""
        children = self.all()
        self.late = self.early = None
        return children

    def drop(self, child: Generation) -> None:
        """Forget a child that is gone."""
        if self.late is child:
            self.late = None
        if self.early is child:
            self.early = None


def _is_stale(child: Generation, changed: set[str]) -> bool:
    if not child.files.keys().isdisjoint(changed):
        return True
    path, length, content = child.parked_at
    if path not in changed or content is None:
        return False
    try:
        source = read(path)
    except OSError:
        return True
    return digest(source[:length]) != content or goes_on(source, length)


def _is_module(path: str) -> bool:
    return path.endswith(".py")


def _edited_at(path: str) -> float:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0
