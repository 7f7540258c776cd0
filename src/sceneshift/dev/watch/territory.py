"""All that is watched, and what is made of what is seen there."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.dev.watch.backend import Backend, Sink
from sceneshift.dev.watch.change import Change, Evidence
from sceneshift.dev.watch.ignore import IgnoreRules, is_temporary
from sceneshift.dev.watch.outside import Outside
from sceneshift.dev.watch.record import Record, stamp
from sceneshift.dev.watch.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Callable


class Territory(Sink):
    """The project's tree and the single folders and files beside it.

    Args:
        root: The project's folder, absolute and without symbolic links.
        backend: Where folders are watched.
        note: Called for each path that may have changed.
        discard: Called for each path that came and went.
        stir: Called when something happened that no path stands for.
    """

    def __init__(
        self,
        root: str,
        backend: Backend,
        *,
        note: Callable[[str, Evidence], None],
        discard: Callable[[str], None],
        stir: Callable[[], None],
    ) -> None:
        self._backend = backend
        self._pass_on = note
        self._discard = discard
        self._stir = stir
        self._rules = IgnoreRules(root)
        self._rule_files: tuple[str, ...] = ()
        self._record = Record()
        self._tree = Tree(
            self._rules, backend, self._record, note=self._note, release=self._release
        )
        self.outside = Outside(
            backend, self._record, note=self._note, release=self._release
        )
        self._is_stale = False

    @property
    def folders(self) -> int:
        """How many folders are watched."""
        return len(self._tree.folders | self.outside.folders)

    @property
    def is_stale(self) -> bool:
        """Whether events were lost or rules changed, so that a rescan is due."""
        return self._is_stale

    def take_in(self) -> None:
        """Watch everything and record the files as they are."""
        self._follow_rules()
        self._tree.take_in()

    def rescan(self) -> None:
        """Compare everything with the record, and note what differs."""
        self._rules.forget()
        self._follow_rules()
        self._tree.rescan()
        self.outside.rescan()
        self._is_stale = False

    def settle(self, path: str, *, is_written: bool) -> Change | None:
        """Record a noted path as it is now, and return what is to be told of it."""
        try:
            status = os.lstat(path)
        except OSError:
            now = None
        else:
            if not self._is_told(path, is_folder=stat.S_ISDIR(status.st_mode)):
                self._record.drop(path)
                return None
            now = stamp(status)
        kind = self._record.judge(path, now, is_written=is_written)
        if kind is None or path in self._rule_files:
            return None
        return Change(Path(path), kind)

    def on_entry(self, path: str, evidence: Evidence, *, is_folder: bool) -> None:
        """Take in that something happened to an entry of a watched folder."""
        self.outside.on_stir(path.rpartition("/")[0])
        if is_folder:
            self._tree.adopt(path)
        if not self._is_told(path, is_folder=is_folder):
            return
        if evidence is Evidence.GONE and not self._record.has(path):
            self._discard(path)
        else:
            self._note(path, evidence)

    def on_folder_gone(self, path: str) -> None:
        """Take in that a folder was removed, renamed or replaced."""
        self._backend.unwatch(path)
        self._tree.forget(path)
        self.outside.on_gone(path)
        if os.path.isdir(path) and not os.path.islink(path):
            self._tree.adopt(path)
        if self._is_told(path, is_folder=True):
            self._note(path, Evidence.GONE)

    def on_folder_changed(self, folder: str) -> None:
        """Take in that a folder's entries are not as they were."""
        self.outside.on_stir(folder)
        if self._tree.covers(folder):
            self._tree.refresh(folder)
        if self.outside.covers(folder):
            self.outside.refresh(folder)

    def on_lost(self) -> None:
        """Take in that a rescan is due."""
        self._is_stale = True
        self._stir()

    def _note(self, path: str, evidence: Evidence) -> None:
        """Pass on that a path may have changed, and heed it if it holds rules."""
        if path.endswith("/.gitignore") or path in self._rule_files:
            self._rules.forget()
            self.on_lost()
        self._pass_on(path, evidence)

    def _is_told(self, path: str, *, is_folder: bool) -> bool:
        """Whether a change of the path is to be told."""
        folder, _, name = path.rpartition("/")
        if self.outside.is_whole(folder):
            return name != "__pycache__" and not is_temporary(name)
        if is_folder:
            return False
        return self.outside.wants(path) or self._tree.wants(path)

    def _release(self, folder: str) -> None:
        """Unwatch a folder that one part gave up, unless the other keeps it."""
        if not self._tree.covers(folder) and not self.outside.covers(folder):
            self._backend.unwatch(folder)

    def _follow_rules(self) -> None:
        """Watch the files with rules that lie outside of the tree."""
        files = self._rules.outside_files
        for path in files:
            if path not in self._rule_files:
                self.outside.add_file(path)
        for path in self._rule_files:
            if path not in files:
                self.outside.remove_file(path)
                self._record.drop(path)
        self._rule_files = files
