from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from migrating import describe_revision, make_chain, make_project
from sceneshift.data import revision, revisionindex
from sceneshift.data.revisionindex import RevisionIndex
from sceneshift.data.revisions import History, load_history
from sceneshift.data.scripts import Scripts, read_scripts


class Read:
    """A history that is read again and again.

    Attributes:
        files: Which files were read in the last run.
    """

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = make_project(root, make_chain("pass", "pass"))
        (root / ".sceneshift/data").mkdir(parents=True)
        self.folder = root / "migrations/versions"
        self.scripts: Scripts = read_scripts(root, Path("alembic.ini"))
        self.files: list[str] = []
        read = revision._read

        def note(file: Path) -> revision.Revision:
            self.files.append(file.name)
            return read(file)

        patch.setattr(revision, "_read", note)
        # Files of tests are made a moment before they are read.
        patch.setattr(revisionindex, "_FRESH_NS", -60_000_000_000)

    def __call__(self) -> History:
        """Read it, by the index."""
        self.files.clear()
        return load_history(self.scripts, RevisionIndex(self.root, self.scripts))


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Return a history of two revisions."""
    return Read(tmp_path, monkeypatch)


def test_what_is_as_it_was_is_not_read_again(read: Read) -> None:
    """And is what it was."""
    first = read()
    assert read.files == ["r1.py", "r2.py"]
    assert read() == first
    assert read.files == []
    assert first == load_history(read.scripts)


def test_what_was_changed_or_added_is_read(read: Read) -> None:
    """Also where size and time are what they were; what is gone is forgotten."""
    read()
    path = read.folder / "r2.py"
    before = path.stat()
    path.write_text(path.read_text().replace("Do r2", "Do it"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    (read.folder / "r3.py").write_text(describe_revision("r3", "r2"))
    found = read()
    assert read.files == ["r2.py", "r3.py"]
    assert found.revisions["r2"].message == "Do it"
    path.rename(read.folder / "r2b.py")
    assert read().heads == ("r3",)
    assert read.files == ["r2b.py"]
    (read.folder / "r3.py").unlink()
    assert read().heads == ("r2",)


def test_what_was_changed_a_moment_ago_is_read_again(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next change could leave the same times."""
    monkeypatch.setattr(revisionindex, "_FRESH_NS", 60_000_000_000)
    read()
    read()
    assert read.files == ["r1.py", "r2.py"]
    monkeypatch.setattr(time, "time_ns", lambda: time.monotonic_ns() + (1 << 62))
    read()
    read()
    assert read.files == []


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 0, "files": {}}'])
def test_an_index_that_cannot_be_read_is_made_anew(read: Read, text: str) -> None:
    """By another version of ours, or cut off."""
    first = read()
    (path,) = read.root.glob(".sceneshift/data/revisions-*.json")
    path.write_text(text)
    assert read() == first
    assert read.files == ["r1.py", "r2.py"]
    read()
    assert read.files == []


def test_no_folder_is_made_for_it(read: Read) -> None:
    """Whoever only looks leaves nothing."""
    (read.root / ".sceneshift/data").rmdir()
    read()
    assert not (read.root / ".sceneshift/data").exists()
