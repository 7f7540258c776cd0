from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from hypothesis import given, settings
from hypothesis import strategies as st

from migrating import describe_revision, make_project
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.revisions import load_history
from sceneshift.data.scripts import read_scripts

if TYPE_CHECKING:
    from sceneshift.data.revisions import History

# Branches, a merge, a base of its own that needs a revision of another branch, and
# one that needs what its ancestor needs too.
TREE = {
    "a": describe_revision("a"),
    "b": describe_revision("b", "a"),
    "c": describe_revision("c", "a"),
    "d": describe_revision("d", ("b", "c")),
    "e": describe_revision("e", "d"),
    "x": describe_revision("x", labels=("side",), needs="c"),
    "y": describe_revision("y", "x", needs=["c", "b"]),
    "z": describe_revision("z", "e", needs="side"),
}


def load(root: Path, revisions: dict[str, str]) -> History:
    """Write revisions and read them."""
    return load_history(
        read_scripts(make_project(root, revisions), Path("alembic.ini"))
    )


def ask_alembic(root: Path, current: tuple[str, ...]) -> list[str]:
    """Return what Alembic would apply."""
    scripts = ScriptDirectory.from_config(Config(str(root / "alembic.ini")))
    steps = scripts._upgrade_revs("heads", current)  # type: ignore[arg-type]
    return [step.revision.revision for step in steps]


@pytest.mark.parametrize(
    "current", [(), ("a",), ("b",), ("b", "c"), ("d",), ("x",), ("e", "y"), ("z", "y")]
)
def test_what_is_pending_is_what_alembic_would_apply(
    tmp_path: Path, current: tuple[str, ...]
) -> None:
    """In its order."""
    history = load(tmp_path, TREE)
    found = [each.id for each in history.find_pending(current)]
    assert found == ask_alembic(tmp_path, current)
    heads = ScriptDirectory.from_config(Config(str(tmp_path / "alembic.ini")))
    assert set(history.heads) == set(heads.get_heads(consider_depends_on=True))


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[list[int], list[int]]]:
    """Return what each revision comes after and needs: numbers of earlier ones."""
    found: list[tuple[list[int], list[int]]] = []
    for number in range(draw(st.integers(1, 9))):
        earlier = st.lists(st.sampled_from(range(number)), unique=True, max_size=3)
        some = earlier if number else st.just([])
        found.append((draw(some), draw(some if draw(st.booleans()) else st.just([]))))
    return found


@settings(deadline=None, max_examples=60)
@given(histories(), st.data())
def test_any_history_is_read_as_alembic_reads_it(
    shape: list[tuple[list[int], list[int]]], data: st.DataObject
) -> None:
    """What is needed beside may come in any order that fits: Alembic's own is a set's.

    Where it stops half-way is one of the states that `upgrade heads` goes through.
    """
    names = [f"rev{number}" for number in range(len(shape))]
    revisions = {
        name: describe_revision(
            name,
            tuple(names[one] for one in down) or None,
            needs=[names[one] for one in needs if one not in down] or None,
        )
        for name, (down, needs) in zip(names, shape, strict=True)
    }
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        root = Path(folder)
        history = load(root, revisions)
        whole = [each.id for each in history.find_pending(())]
        done = whole[: data.draw(st.integers(0, len(whole)))]
        current = tuple(
            one for one in done if not any(one in history.before[two] for two in done)
        )
        found = [each.id for each in history.find_pending(current)]
        expected = ask_alembic(root, current)
    assert sorted(found) == sorted(expected)
    if not any(needs for _, needs in shape):
        assert found == expected
    known = history.find_ancestors(current)
    for one in found:
        assert known >= set(history.before[one])
        known.add(one)


def test_a_revision_is_told_in_one_line(tmp_path: Path) -> None:
    """Its name, and what it does."""
    text = '"""Add\n users.\n\nAnd more."""\nrevision = "3f2a"\n'
    history = load(tmp_path, {"x": text})
    assert [str(each) for each in history.find_pending(())] == ["3f2a Add users"]
    assert str(load(tmp_path, {"x": "revision = '1'"}).revisions["1"]) == "1"


@pytest.mark.parametrize(
    "text",
    [
        # A line that looks like a function, before the variables.
        '"""Say\ndef f():\n"""\nrevision = "r"\ndown_revision = None',
        'revision = "r"\nTEXT = """\ndef f():\n"""\n',
        # Variables after a function.
        'def f(): pass\nrevision = "r"\n',
        # A byte order mark, and an encoding.
        '\ufeffrevision = "r"\n@f\ndef g(): ...',
        'import os\nrevision: str = "r"; x = other.attribute = 1\nclass A: pass',
    ],
)
def test_a_file_may_be_written_in_any_way(tmp_path: Path, text: str) -> None:
    """As long as Python reads it."""
    assert list(load(tmp_path, {"x": text}).revisions) == ["r"]


def test_what_is_no_revision_is_passed_over(tmp_path: Path) -> None:
    """As Alembic does, which also takes a file's name for an id, as it once was."""
    others = {"__init__": "x = 1", ".#lock": "?", "__init__2": "?", "abc123": "x = 1"}
    make_project(tmp_path, others)
    folder = tmp_path / "migrations/versions"
    (folder / "read.me").touch()
    (folder / "folder.py").mkdir()
    (folder / "folder.py" / "below.py").write_text("?")
    assert list(load(tmp_path, {}).revisions) == ["abc123"]


@pytest.mark.parametrize("rest", ["", "def upgrade(): ...\n"])
def test_an_old_encoding_is_python_s(tmp_path: Path, rest: str) -> None:
    """As its first line says, whatever comes after it."""
    make_project(tmp_path, {})
    file = tmp_path / "migrations/versions/x.py"
    text = f'# coding: latin-1\n"""été."""\nrevision = "r"\n{rest}'
    file.write_bytes(text.encode("latin-1"))
    history = load(tmp_path, {})
    assert history.revisions["r"].message == "été"


def test_folders_below_count_where_that_is_asked_for(tmp_path: Path) -> None:
    """But not what Python keeps there."""
    make_project(tmp_path, TREE)
    ini = tmp_path / "alembic.ini"
    ini.write_text(ini.read_text() + "recursive_version_locations = true\n")
    for name in ("2025", "__pycache__"):
        (tmp_path / "migrations/versions" / name).mkdir()
        text = describe_revision(f"in{name}", "e")
        (tmp_path / "migrations/versions" / name / "one.py").write_text(text)
    scripts = read_scripts(tmp_path, Path("alembic.ini"))
    found = [each.id for each in load_history(scripts).find_pending(())]
    assert found == ask_alembic(tmp_path, ())
    assert "in2025" in found


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    """Nor is it by Alembic: it may lead in a circle, or two."""
    make_project(tmp_path, TREE)
    ini = tmp_path / "alembic.ini"
    ini.write_text(ini.read_text() + "recursive_version_locations = true\n")
    text = describe_revision("linked", "e")
    make_project(tmp_path / "more", {"linked": text})
    versions = tmp_path / "migrations/versions"
    (versions / "one").symlink_to(versions)
    (versions / "two").symlink_to(versions)
    (versions / "three").symlink_to(tmp_path / "more/migrations/versions")
    scripts = read_scripts(tmp_path, Path("alembic.ini"))
    found = [each.id for each in load_history(scripts).find_pending(())]
    assert found == ask_alembic(tmp_path, ())
    assert "linked" not in found


def test_there_may_be_no_revisions_yet(tmp_path: Path) -> None:
    """Nor a folder for them: git keeps no empty ones."""
    make_project(tmp_path, {})
    (tmp_path / "migrations/versions").rmdir()
    assert load_history(read_scripts(tmp_path, Path("alembic.ini"))).heads == ()


@pytest.mark.parametrize(
    ("revisions", "message"),
    [
        ({"x": "revision ="}, "x.py cannot be read: "),
        ({"x": "revision = name()"}, "x.py:1: this is computed"),
        ({"x": "a = 1"}, "x.py has no `revision`"),
        (
            {"x": 'revision = "r"', "y": 'revision = "r"'},
            "two files are the revision `r`: x.py and y.py",
        ),
        (
            {"x": describe_revision("r", "gone")},
            "x.py comes after a revision that no file has: `gone`",
        ),
        (
            {"x": describe_revision("r", needs="gone")},
            "x.py comes after a revision that no file has: `gone`",
        ),
        (
            {"x": describe_revision("r", "s"), "y": describe_revision("s", "r")},
            "revisions come after each other: r, s",
        ),
        (
            {"x": describe_revision("r"), "y": describe_revision("s", needs="s")},
            "revisions come after each other: s",
        ),
        (
            {"x": describe_revision("r", labels="l"), "y": describe_revision("l")},
            "x.py has a label that is another name already: `l` in y.py",
        ),
        (
            {
                "x": describe_revision("r", labels="l"),
                "y": describe_revision("s", labels=["k", "l"]),
            },
            "y.py has a label that is another name already: `l` in x.py",
        ),
    ],
)
def test_what_does_not_fit_together_is_named(
    tmp_path: Path, revisions: dict[str, str], message: str
) -> None:
    """With the file, before a database is touched."""
    with pytest.raises(SceneshiftError) as caught:
        load(tmp_path, revisions)
    assert caught.value.message.startswith(message)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("revisions", "expected"),
    [
        ({}, ()),
        (TREE, ()),
        ({"f": describe_revision("f", "a")}, ("f", "z")),
        ({"f": describe_revision("f", "a", labels="feature")}, ()),
        ({"f": describe_revision("f")}, ()),
    ],
)
def test_heads_that_nobody_has_meant_are_found(
    tmp_path: Path, revisions: dict[str, str], expected: tuple[str, ...]
) -> None:
    """A branch with a label or a base of its own is meant."""
    plain = {name: text for name, text in TREE.items() if name not in "xyz"}
    plain["z"] = describe_revision("z", "e")
    base = {} if revisions in ({}, TREE) else plain
    assert load(tmp_path, base | revisions).find_forks() == expected


def test_what_is_needed_beside_makes_no_branch_one_with_another(
    tmp_path: Path,
) -> None:
    """A base of its own stays one; and it takes away no head of another branch."""
    revisions = {
        "a": describe_revision("a"),
        "b": describe_revision("b", "a"),
        "x": describe_revision("x", needs="b"),
    }
    assert load(tmp_path, revisions).find_forks() == ()
    more = {"c": describe_revision("c", "a")}
    assert load(tmp_path, more).find_forks() == ("b", "c")


def test_a_label_excuses_its_own_branch_alone(tmp_path: Path) -> None:
    """Not two heads that have the same: a base with a label may fork too."""
    revisions = {
        "a": describe_revision("a", labels="main"),
        "b": describe_revision("b", "a"),
        "f": describe_revision("f", "a", labels="feature"),
    }
    assert load(tmp_path, revisions).find_forks() == ()
    more = {"g": describe_revision("g", "f"), "h": describe_revision("h", "f")}
    assert load(tmp_path, more).find_forks() == ("g", "h")
