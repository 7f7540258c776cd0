from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sceneshift.dev.output import ProcessStream, Ring, RotatingLog
from sceneshift.dev.run.generation import Generation, Tail
from sceneshift.dev.run.standby import EARLY, Standbys
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


def test_the_child_that_has_gone_furthest_is_taken_first(
    stream: ProcessStream,
) -> None:
    """And none that has not come to its place yet."""
    early, middle = child(stream), child(stream, "/a.py")
    late = child(stream, "/a.py", "/b.py")
    coming = child(stream, "/a.py", "/b.py", "/c.py", is_parked=False)
    children = {EARLY: early, "/c.py": late, "/b.py": middle, "/d.py": coming}
    standbys = Standbys(children=children)
    assert [standbys.take() for _ in range(4)] == [late, middle, early, None]
    assert standbys.children == {"/d.py": coming}


def test_a_child_that_has_read_a_changed_file_is_stale(stream: ProcessStream) -> None:
    """The others are not."""
    early, late = child(stream), child(stream, "/a.py")
    standbys = Standbys(children={EARLY: early, "/b.py": late})
    assert standbys.find_stale(["/b.py"]) == []
    assert standbys.find_stale(["/a.py"]) == [late]
    assert standbys.children == {EARLY: early}


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
    found = Standbys(children={str(path): parked}).find_stale([str(path)])
    assert found == ([parked] if is_stale else [])


def test_children_that_are_gone_are_forgotten(stream: ProcessStream) -> None:
    """One by one, or all."""
    early, late = child(stream), child(stream)
    standbys = Standbys(children={EARLY: early, "/a.py": late})
    standbys.drop(late)
    assert standbys.children == {EARLY: early}
    standbys.drop(early)
    assert standbys.empty() == []
    standbys = Standbys(children={EARLY: early, "/a.py": late})
    assert standbys.empty() == [early, late]
    assert standbys.empty() == []


def test_the_next_edit_is_expected_where_the_last_two_were(tmp_path: Path) -> None:
    """At first that is the file with the latest time."""
    old, new, gone = (str(tmp_path / f"{name}.py") for name in ("old", "new", "gone"))
    for path, at in ((old, 1), (new, 2)):
        (tmp_path / path).touch()
        os.utime(path, (at, at))
    standbys = Standbys()
    standbys.guess([old, new, gone, "/notes.txt"])
    assert standbys.hot == [new]
    standbys.note_edit([old, "/unused.py", "/notes.txt"], [old, new])
    assert standbys.hot == [old, new]
    standbys.note_edit(["/unused.py"], [old, new])
    standbys.guess([new])
    assert standbys.hot == [old, new]
    standbys.note_edit([gone], [old, new, gone])
    assert standbys.hot == [gone, old]


def test_children_wait_where_edits_are_expected_and_between(
    stream: ProcessStream,
) -> None:
    """The early one first, then what was edited last, then the far ones."""
    used = [f"/{number:02}.py" for number in range(18)]
    standbys = Standbys(hot=["/03.py"])
    assert standbys.find_missing(used) == [EARLY, "/03.py", "/12.py", "/06.py"]
    standbys.children = dict.fromkeys([EARLY, "/06.py"], child(stream))
    assert standbys.find_missing(used) == ["/03.py", "/12.py"]


@pytest.mark.parametrize(
    ("count", "between"), [(11, 0), (12, 1), (17, 1), (18, 2), (99, 2)]
)
def test_a_small_project_needs_none_between(count: int, between: int) -> None:
    """Its imports take no time, and each child that waits takes memory."""
    used = [f"/{number}.py" for number in range(count)]
    assert len(Standbys().find_missing(used)) == 1 + between


def test_a_project_without_a_module_has_one_child() -> None:
    """What is installed as a package may be all there is."""
    assert Standbys().find_missing([]) == [EARLY]


def test_who_edits_one_file_after_the_other_leaves_no_child_at_each(
    stream: ProcessStream,
) -> None:
    """None of them goes stale by it: they have read only what comes before."""
    used = [f"/{number:02}.py" for number in range(30)]
    standbys = Standbys()
    for number, path in enumerate(used):
        standbys.note_edit([path], used)
        standbys.take_surplus(used)
        for place in standbys.find_missing(used):
            standbys.children[place] = child(stream)
        assert len(standbys.children) <= 5
        assert path in standbys.children
        assert used[max(0, number - 1)] in standbys.children
