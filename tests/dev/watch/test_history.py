from __future__ import annotations

import random
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.watch import ChangeKind
from watching import Project, replace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("seed", range(2))
def test_what_is_told_adds_up_to_what_is_there(project: Project, seed: int) -> None:
    """Whatever is done at any speed, the changes lead from the old tree to the new."""
    project.write({f"p{i}/q{i % 3}/m{i}.py": "0" for i in range(30)})
    contents = read_all(project.root)
    watching = project.watch()
    writer = threading.Thread(target=work_at_random, args=(project.root, seed))
    writer.start()
    watching.until(lambda: not writer.is_alive())

    def follow() -> bool:
        while watching.sets:
            for change in watching.sets.pop(0):
                contents.pop(change.path, None)
                if change.kind is not ChangeKind.DELETED and change.path.is_file():
                    contents[change.path] = change.path.read_text()
        return contents == read_all(project.root)

    watching.until(follow)


def read_all(root: Path) -> dict[Path, str]:
    """Return every file below a folder with what it holds."""
    return {path: path.read_text() for path in root.rglob("*.py") if path.is_file()}


def work_at_random(root: Path, seed: int) -> None:
    """Write, remove, rename and copy files and folders without a pause."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for number in range(300):
        folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
        here, there = chance.choice(folders), chance.choice(folders)
        step = chance.randrange(6)
        if step == 0 and here != root:
            shutil.rmtree(here)
        elif step == 1 and here != root and here not in (there, *there.parents):
            here.rename(there / f"r{number}")
        elif step == 2:
            (here / f"d{number}" / "e").mkdir(parents=True)
            (here / f"d{number}" / "e" / "new.py").write_text(str(number))
        else:
            replace(here / f"m{chance.randrange(4)}.py", str(number))
