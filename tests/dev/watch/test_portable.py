from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.watch.backend import Sink
from sceneshift.dev.watch.portable import PortableBackend
from watching import Project, write

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from sceneshift.dev.watch.change import Evidence


@pytest.fixture
def backend() -> str:
    """The tree by its root alone, as where the system watches what is below."""
    return "recursive"


def test_a_tree_is_watched_by_its_root(project: Project) -> None:
    """Saves, new folders and removals are told; what is ignored is not."""
    project.write({"pkg/a.py": "", "node_modules/x/y.js": "", ".gitignore": "out/\n"})
    watching = project.watch()
    (project.root / "pkg").chmod(0o700)
    project.write({"pkg/a.py": "new", "node_modules/x/y.js": "new", "out/z.txt": ""})
    watching.until_told("*pkg/a.py")
    project.write({"fresh/b.py": ""})
    watching.until_told("+fresh/b.py")
    shutil.rmtree(project.root / "fresh")
    watching.until_told("-fresh/b.py")
    assert not {each for each in watching.told if "x/y" in each or "out/" in each}
    assert watching.watcher.folders == 2


def test_single_files_beside_the_tree_are_told(
    project: Project, tmp_path: Path
) -> None:
    """Each new folder outside needs another listener, and nothing is lost over it."""
    watching = project.watch()
    for name in ("one", "two"):
        write(tmp_path, {f"{name}/settings.toml": ""})
        watching.watcher.add_file(tmp_path / name / "settings.toml")
        write(tmp_path, {f"{name}/settings.toml": "new"})
        watching.until_told(f"*../{name}/settings.toml")


def test_a_watcher_can_be_closed_while_it_makes_a_listener(
    project: Project, tmp_path: Path
) -> None:
    """What was planned is cancelled, what comes late is not told."""
    watching = project.watch()
    watching.watcher.add_folder(tmp_path)
    project.write({"a.py": ""})
    watching.watcher.close()
    watching.loop.run_until_complete(_turn(watching.loop))
    assert watching.sets == []


def test_a_flood_is_followed_by_a_look_at_everything(project: Project) -> None:
    """The system may have dropped some of so many; all are told."""
    project.write({f"p{i}/m.py": "" for i in range(5)})
    watching = project.watch()
    names = [f"f{i}.py" for i in range(5000)]
    project.write(dict.fromkeys(names, ""))
    watching.until_told(*(f"+{name}" for name in names))


class Heard(Sink):
    """Counts how often events were lost."""

    lost = 0

    def on_lost(self) -> None:
        """Count."""
        self.lost += 1

    def on_entry(self, path: str, evidence: Evidence, *, is_folder: bool) -> None:
        """Take no notice."""

    def on_folder_gone(self, path: str) -> None:
        """Take no notice."""

    def on_folder_changed(self, folder: str) -> None:
        """Take no notice."""


def test_a_batch_like_a_flood_asks_for_a_look(
    project: Project, loop: asyncio.AbstractEventLoop
) -> None:
    """And one that comes after the end is not looked at."""
    sink = Heard()
    backend = PortableBackend(loop, str(project.root))
    backend.start(sink)
    backend._on_changes({(2, f"/f{i}") for i in range(5000)})
    assert sink.lost == 1
    backend.close()
    backend._on_changes(None)
    assert sink.lost == 1


async def _turn(loop: asyncio.AbstractEventLoop) -> None:
    """Let the loop call what other threads have left for it."""
    done = loop.create_future()
    loop.call_soon(loop.call_soon, done.set_result, None)
    await done
