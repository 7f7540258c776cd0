"""Single folders and single files that are watched whatever is ignored.

A file is watched by its folder, because an editor that saves by renaming leaves a
watch on the file with a file that nobody sees. A folder that does not exist is
watched for by the nearest one above it that does.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from sceneshift.dev.watch.change import Evidence
from sceneshift.dev.watch.record import list_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.dev.watch.backend import Backend
    from sceneshift.dev.watch.record import Record


class Outside:
    """Keeps the watches of single folders and files.

    Args:
        backend: Where folders are watched.
        record: Where their entries are recorded.
        note: Called for each entry that may have changed.
        release: Called for each folder that is no longer watched for this.
    """

    def __init__(
        self,
        backend: Backend,
        record: Record,
        *,
        note: Callable[[str, Evidence], None],
        release: Callable[[str], None],
    ) -> None:
        self._backend = backend
        self._record = record
        self._note = note
        self._release = release
        self._folders: set[str] = set()
        self._files: Counter[str] = Counter()
        # The folder that is wanted, and the one that is watched for it: the same,
        # or the nearest above it while it does not exist.
        self._places: dict[str, str] = {}
        self._anchors: set[str] = set()

    @property
    def folders(self) -> frozenset[str]:
        """The folders that are watched."""
        return frozenset(self._places.values())

    def covers(self, folder: str) -> bool:
        """Whether a folder is watched for this."""
        return folder in self._places.values()

    def is_whole(self, folder: str) -> bool:
        """Whether everything in a folder is wanted, its folders' names included."""
        return folder in self._folders

    def wants(self, path: str) -> bool:
        """Whether a change of the path is to be told."""
        return path in self._files or path.rpartition("/")[0] in self._folders

    def add_folder(self, folder: str) -> None:
        """Watch a folder's own entries."""
        self._folders.add(folder)
        self._place(folder)
        self._record.keep(folder, self._entries(folder))

    def add_file(self, path: str) -> None:
        """Watch a file, once more."""
        self._files[path] += 1
        folder = os.path.dirname(path)
        # A process may use hundreds of files of one folder: it is listed once.
        if folder not in self._places:
            self._place(folder)
            self._record.keep(folder, self._entries(folder))

    def remove_file(self, path: str) -> None:
        """Watch a file once less, and its folder no longer if that was all there."""
        self._files -= Counter((path,))
        folder = os.path.dirname(path)
        others = map(os.path.dirname, self._files)
        if folder in self._folders or folder in others:
            return
        place = self._places.pop(folder)
        if not self.covers(place):
            self._release(place)

    def on_stir(self, folder: str) -> None:
        """Look for absent folders again: something happened in a folder above them."""
        if folder not in self._anchors:
            return
        for wanted, place in list(self._places.items()):
            if place == folder != wanted:
                self._settle(wanted)

    def on_gone(self, path: str) -> None:
        """Look for the wanted folders that a vanished one was, or held."""
        for wanted in list(self._places):
            if wanted == path or wanted.startswith(f"{path}/"):
                self._backend.unwatch(wanted)
                self._settle(wanted)

    def rescan(self) -> None:
        """Look at everything again, and note what differs."""
        for wanted in list(self._places):
            self._settle(wanted)

    def refresh(self, folder: str) -> None:
        """Compare a folder with the record, and note what differs."""
        for path in self._record.differences(folder, self._entries(folder)):
            if self.wants(path):
                is_there = os.path.lexists(path)
                self._note(path, Evidence.APPEARED if is_there else Evidence.GONE)

    def _settle(self, wanted: str) -> None:
        """Watch a wanted folder where it is now, and note what differs in it."""
        before = self._places[wanted]
        self._place(wanted)
        if before not in self._places.values():
            self._release(before)
        self.refresh(wanted)

    def _place(self, wanted: str) -> None:
        """Watch the folder, or the nearest above it, as they are at one moment."""
        place = _nearest_folder(wanted)
        self._backend.watch(place)
        while place != (nearest := _nearest_folder(wanted)):
            self._release(place)
            place = nearest
            self._backend.watch(place)
        self._places[wanted] = place
        self._anchors = {at for folder, at in self._places.items() if folder != at}

    def _entries(self, folder: str) -> dict[str, int]:
        """Return the stamps of what lies in a folder, as far as it is wanted."""
        listing = list_folder(folder)
        if listing is None:
            return {}
        if self.is_whole(folder):
            return listing.files | listing.folders
        return listing.files


def _nearest_folder(path: str) -> str:
    """Return the folder, or the nearest above it that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path
