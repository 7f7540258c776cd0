from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.output import ProcessStream, Ring, RotatingLog
from sceneshift.dev.run.generation import Generation, Tail
from sceneshift.dev.run.standby import Standbys
from sceneshift.dev.zygote.code import digest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stream(tmp_path: Path) -> ProcessStream:
    """What a child would write to."""
    log = RotatingLog(tmp_path / "web.log")
    return ProcessStream("web", log=log, ring=Ring(), sinks=[])


def child(stream: ProcessStream, *files: str, is_parked: bool = True) -> Generation:
    """A child that has read some files."""
    made = Generation(number=1, process="web", tail=Tail(stream.source()))
    made.files = dict.fromkeys(files, "digest")
    made.is_parked = is_parked
    return made


def test_the_later_child_is_taken_first(stream: ProcessStream) -> None:
    """And none that has not come to its place yet."""
    standbys = Standbys(early=child(stream), late=child(stream))
    early, late = standbys.early, standbys.late
    assert standbys.take() is late
    assert standbys.take() is early
    assert standbys.take() is None
    standbys.late = child(stream, is_parked=False)
    assert standbys.take() is None


def test_a_child_that_has_read_a_changed_file_is_stale(stream: ProcessStream) -> None:
    """The other one is not."""
    standbys = Standbys(early=child(stream), late=child(stream, "/a.py"))
    late = standbys.late
    assert standbys.find_stale(["/b.py"]) == []
    assert standbys.find_stale(["/a.py"]) == [late]
    assert standbys.late is None
    assert standbys.early is not None


@pytest.mark.parametrize(
    ("content", "is_stale"),
    [
        (b"import os\nx = 2\n", False),
        (b"import re\nx = 1\n", True),
        (b"import os\n    x = 1\n", True),
        (b"import os\n# more\nelse:\n", True),
        (None, True),
    ],
)
def test_a_child_is_good_while_its_half_of_the_file_is(
    stream: ProcessStream,
    tmp_path: Path,
    content: bytes | None,
    is_stale: bool,  # noqa: FBT001 - a column
) -> None:
    """What follows may be another, unless it belongs to what has run."""
    path = tmp_path / "a.py"
    parked = child(stream)
    parked.parked_at = (str(path), 10, digest(b"import os\n"))
    if content is not None:
        path.write_bytes(content)
    found = Standbys(late=parked).find_stale([str(path)])
    assert found == ([parked] if is_stale else [])


def test_children_that_are_gone_are_forgotten(stream: ProcessStream) -> None:
    """One by one, or all."""
    early, late = child(stream), child(stream)
    standbys = Standbys(early=early, late=late)
    standbys.drop(late)
    assert (standbys.early, standbys.late) == (early, None)
    standbys.drop(early)
    assert standbys.empty() == []
    standbys = Standbys(early=early, late=late)
    assert standbys.empty() == [late, early]
    assert standbys.empty() == []


def test_the_next_edit_is_expected_where_the_last_one_was(tmp_path: Path) -> None:
    """At first that is the file with the latest time."""
    old, new, gone = (str(tmp_path / f"{name}.py") for name in ("old", "new", "gone"))
    for path, at in ((old, 1), (new, 2)):
        (tmp_path / path).touch()
        os.utime(path, (at, at))
    standbys = Standbys()
    standbys.guess([old, new, gone, "/notes.txt"])
    assert standbys.hot == [new]
    standbys.note_edit([old, "/unused.py", "/notes.txt"], [old, new])
    assert standbys.hot == [old]
    standbys.note_edit(["/unused.py"], [old, new])
    standbys.guess([new])
    assert standbys.hot == [old]
