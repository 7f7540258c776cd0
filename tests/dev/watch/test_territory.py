from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sceneshift.dev.watch.backend import Backend, Sink
from sceneshift.dev.watch.change import Evidence
from sceneshift.dev.watch.inotify import InotifyBackend
from sceneshift.dev.watch.polling import PollingBackend
from sceneshift.dev.watch.portable import PortableBackend
from sceneshift.dev.watch.territory import Territory
from watching import write

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path


class Meddler(Backend):
    """A backend that does something else the moment a folder is watched."""

    def __init__(self, meddle: Callable[[str], None]) -> None:
        self.watched: set[str] = set()
        self.meddle = meddle

    def watch(self, folder: str) -> bool:
        """Meddle, once for each folder."""
        if folder not in self.watched:
            self.watched.add(folder)
            self.meddle(folder)
        return True

    def unwatch(self, folder: str) -> None:
        """Forget the folder."""
        self.watched.discard(folder)

    def start(self, sink: Sink) -> None:
        """Report nothing."""

    def close(self) -> None:
        """Have nothing to give back."""


def explore(root: Path, backend: Backend) -> tuple[Territory, dict[str, Evidence]]:
    """Return the territory of a folder, and where it notes what."""
    noted: dict[str, Evidence] = {}

    def discard(path: str) -> None:
        noted.pop(path, None)

    territory = Territory(
        str(root),
        backend,
        note=noted.__setitem__,
        discard=discard,
        stir=lambda: None,
    )
    return territory, noted


def test_a_folder_that_appears_while_it_is_waited_for_is_found(tmp_path: Path) -> None:
    """It comes between the look for it and the watch of the one above it."""
    wanted = tmp_path / "far" / "off"

    def make(folder: str) -> None:
        if folder == str(tmp_path):
            wanted.mkdir(parents=True)

    (tmp_path / "root").mkdir()
    backend = Meddler(make)
    territory, _noted = explore(tmp_path / "root", backend)
    territory.outside.add_folder(str(wanted))
    assert backend.watched == {str(wanted)}


def test_a_folder_that_vanishes_while_it_is_visited_is_given_up(tmp_path: Path) -> None:
    """It goes between the watch of it and the look into it."""
    write(tmp_path / "root", {"a/b.py": ""})

    def remove(folder: str) -> None:
        if folder == str(tmp_path / "root" / "a"):
            (tmp_path / "root" / "a").rename(tmp_path / "elsewhere")

    territory, _noted = explore(tmp_path / "root", Meddler(remove))
    territory.take_in()
    assert territory.folders == 1


def test_a_file_that_came_and_went_is_not_told(tmp_path: Path) -> None:
    """Nor is one that became a folder before it was looked at."""
    territory, noted = explore(tmp_path, Meddler(lambda _folder: None))
    territory.take_in()
    path = str(tmp_path / "a.py")
    territory.on_entry(path, Evidence.WRITTEN, is_folder=False)
    assert noted == {path: Evidence.WRITTEN}
    assert territory.settle(path, is_written=True) is None
    territory.on_entry(path, Evidence.GONE, is_folder=False)
    assert noted == {}
    (tmp_path / "a.py").mkdir()
    assert territory.settle(path, is_written=True) is None


@pytest.mark.parametrize("kind", [InotifyBackend, PortableBackend, PollingBackend])
def test_what_is_no_folder_is_not_watched(
    kind: Any, loop: asyncio.AbstractEventLoop, tmp_path: Path
) -> None:
    """An absent one and a file are refused, and closing before a start is harmless."""
    more: dict[Any, list[Any]] = {
        InotifyBackend: [str],
        PortableBackend: ["/"],
        PollingBackend: [],
    }
    backend = kind(loop, *more[kind])
    (tmp_path / "file").touch()
    assert backend.watch(str(tmp_path))
    assert not backend.watch(str(tmp_path / "absent"))
    assert not backend.watch(str(tmp_path / "file"))
    backend.unwatch(str(tmp_path / "never"))
    backend.close()


def test_a_look_that_ends_after_the_close_is_not_told(
    loop: asyncio.AbstractEventLoop, tmp_path: Path
) -> None:
    """The thread may have left a call in the loop."""
    backend = PollingBackend(loop)
    backend.close()
    backend._pass_on([str(tmp_path)])
