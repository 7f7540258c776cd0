"""The folders of the project that are watched: all that are not ignored."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sceneshift.dev.watch.change import Evidence
from sceneshift.dev.watch.record import list_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.dev.watch.backend import Backend
    from sceneshift.dev.watch.ignore import IgnoreRules
    from sceneshift.dev.watch.record import Record


class Tree:
    """Keeps the watches of a folder and of what is below it in step with the disk.

    Args:
        rules: What is ignored; their root is the tree's.
        backend: Where folders are watched.
        record: Where their files are recorded.
        note: Called for each file that may have changed.
        release: Called for each folder that is no longer part of the tree.
    """

    def __init__(
        self,
        rules: IgnoreRules,
        backend: Backend,
        record: Record,
        *,
        note: Callable[[str, Evidence], None],
        release: Callable[[str], None],
    ) -> None:
        self._rules = rules
        self._backend = backend
        self._record = record
        self._note = note
        self._release = release
        self._inner: dict[str, set[str]] = {}

    @property
    def folders(self) -> frozenset[str]:
        """The folders that are watched."""
        return frozenset(self._inner)

    def covers(self, folder: str) -> bool:
        """Whether a folder is part of the tree."""
        return folder in self._inner

    def wants(self, path: str) -> bool:
        """Whether a file belongs to the tree."""
        return path.rpartition("/")[0] in self._inner and not self._rules.is_ignored(
            path
        )

    def take_in(self) -> None:
        """Watch the whole tree and record its files as they are."""
        queue = [self._rules.root]
        while queue:
            queue.extend(self._visit(queue.pop(), is_known=True))

    def rescan(self, top: str | None = None) -> None:
        """Bring watches in step with disk and rules, and note what differs.

        Args:
            top: The folder to begin at; the root where None.
        """
        queue = [top or self._rules.root]
        while queue:
            queue.extend(self._visit(queue.pop()))

    def adopt(self, folder: str) -> None:
        """Watch a folder that has appeared in the tree, unless it is ignored."""
        parent, _, name = folder.rpartition("/")
        if self.covers(parent) and not self._rules.is_ignored(folder, is_folder=True):
            self._inner[parent].add(name)
            self.rescan(folder)

    def refresh(self, folder: str) -> None:
        """Compare one folder with the record, and adopt what is new below it."""
        for path in self._visit(folder):
            if path not in self._inner:
                self.rescan(path)

    def forget(self, folder: str) -> None:
        """Give up a folder, and all below it, that is gone or ignored by now."""
        self._inner.get(folder.rpartition("/")[0], set()).discard(
            folder.rpartition("/")[2]
        )
        queue = [folder]
        while queue:
            path = queue.pop()
            inner = self._inner.pop(path, None)
            if inner is not None:
                queue.extend(os.path.join(path, name) for name in inner)
                self._let_go(path)

    def _visit(self, folder: str, *, is_known: bool = False) -> list[str]:
        """Watch one folder, look at its files, and return the folders to visit next.

        The watch comes before the look: what is written between them is seen twice,
        and never missed.
        """
        listing = list_folder(folder) if self._backend.watch(folder) else None
        if listing is None:
            self.forget(folder)
            return []
        known = self._inner.get(folder, set())
        self._inner[folder] = known
        if is_known:
            self._record.keep(folder, listing.files)
        else:
            self._note_differences(folder, listing.files)
        inner = {name for name in listing.folders if self._is_inner(folder, name)}
        for name in known - inner:
            self.forget(os.path.join(folder, name))
        self._inner[folder] = inner
        return [os.path.join(folder, name) for name in inner]

    def _is_inner(self, folder: str, name: str) -> bool:
        """Whether an entry that is a folder is part of the tree."""
        return not self._rules.is_ignored(os.path.join(folder, name), is_folder=True)

    def _note_differences(self, folder: str, stamps: dict[str, int]) -> None:
        """Note every file of a folder that is not as recorded."""
        for path in self._record.differences(folder, stamps):
            if not self._rules.is_ignored(path):
                is_there = path.rpartition("/")[2] in stamps
                self._note(path, Evidence.APPEARED if is_there else Evidence.GONE)

    def _let_go(self, folder: str) -> None:
        """Release a folder; what was in it is to be looked for."""
        for path in self._record.paths(folder):
            if self._rules.is_ignored(path):
                self._record.drop(path)
            else:
                self._note(path, Evidence.GONE)
        self._record.close(folder)
        self._release(folder)
