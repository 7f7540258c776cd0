"""Children that wait, made ahead of the next reload.

One waits before the project's first file: it is good for any change. Others have gone
on to a file in the middle, and are good for a change of that file, behind its imports,
and of all that is imported after it: for them, all that comes before has run already.
They wait at the files that were edited last, and in a large project at some between.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.dev.zygote.code import digest, read
from sceneshift.dev.zygote.parts import goes_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sceneshift.dev.run.generation import Generation

EARLY = ""  # in the place of a file: before all of them
_HOT_FILES = 2
_BETWEEN = 2  # how many wait where nobody has edited anything
_APART = 6  # files that are imported from one to the next of them, at least


class Standbys(Struct):
    """The parked children of one program.

    Attributes:
        children: Each by the file before which it is to wait, or EARLY.
        hot: The files that were edited last, the very last first.
    """

    children: dict[str, Generation] = {}
    hot: list[str] = []

    def note_edit(self, files: Iterable[str], used: Iterable[str]) -> None:
        """Expect that the next change is where this one was, or the one before."""
        known = set(used)
        edited = [path for path in files if path.endswith(".py") and path in known]
        self.hot = list(dict.fromkeys([*edited, *self.hot]))[:_HOT_FILES]

    def guess(self, used: Iterable[str]) -> None:
        """Expect that the file which was edited last is edited next."""
        if not self.hot:
            files = sorted(filter(_is_module, used), key=_edited_at, reverse=True)
            self.hot = files[:1]

    def find_missing(self, used: Sequence[str]) -> list[str]:
        """Return where a child should wait and none does, the most useful first.

        Args:
            used: The modules of the project, in the order in which they are imported.
        """
        places = self._find_places(used)
        return [place for place in places if place not in self.children]

    def take_surplus(self, used: Sequence[str]) -> list[Generation]:
        """Take out and return the children that wait where none needs to any more.

        Who edits one file after the other, as they are imported, leaves one at each.
        """
        surplus = self.children.keys() - self._find_places(used)
        return [self.children.pop(place) for place in surplus]

    def _find_places(self, used: Sequence[str]) -> list[str]:
        return [EARLY, *self.hot, *_find_between(used)]

    def take(self) -> Generation | None:
        """Take out and return the child that has gone furthest, if one is there."""
        parked = [each for each in self.children.values() if each.is_parked]
        if not parked:
            return None
        furthest = max(parked, key=lambda each: len(each.files))
        self.drop(furthest)
        return furthest

    def find_stale(self, changed: Iterable[str]) -> list[Generation]:
        """Take out and return the children that have read what is another now."""
        files = set(changed)
        stale = [each for each in self.children.values() if _is_stale(each, files)]
        for each in stale:
            self.drop(each)
        return stale

    def empty(self) -> list[Generation]:
        """Take out and return all children."""
        children = list(self.children.values())
        self.children = {}
        return children

    def drop(self, child: Generation) -> None:
        """Forget a child that is gone."""
        for place, each in list(self.children.items()):
            if each is child:
                del self.children[place]


def _find_between(used: Sequence[str]) -> list[str]:
    """Return files that part a project in equal pieces, the last of them first."""
    count = min(_BETWEEN, len(used) // _APART - 1)
    steps = range(count, 0, -1)
    return [used[len(used) * step // (count + 1)] for step in steps]


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
