"""The ways to revisions, compared with those that Alembic goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from migrating import describe_revision, make_project
from sceneshift.core.errors import UsageError
from sceneshift.data.revisions import load_history
from sceneshift.data.route import find_route
from sceneshift.data.scripts import read_scripts

if TYPE_CHECKING:
    from sceneshift.data.revisions import History

# Branches, a merge, and a base of its own that needs a revision of another branch.
TREE = {
    "aa1": describe_revision("aa1"),
    "ab2": describe_revision("ab2", "aa1"),
    "ac3": describe_revision("ac3", "aa1"),
    "ad4": describe_revision("ad4", ("ab2", "ac3")),
    "ae5": describe_revision("ae5", "ad4"),
    "x1": describe_revision("x1", labels=("side",), needs="ac3"),
    "y2": describe_revision("y2", "x1"),
}
ALL = ("ae5", "y2")


@pytest.fixture(name="root", scope="module")
def write_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project."""
    return make_project(tmp_path_factory.mktemp("tree"), TREE)


@pytest.fixture(name="history", scope="module")
def read_tree(root: Path) -> History:
    """Return its revisions."""
    return load_history(read_scripts(root, Path("alembic.ini")))


def ask_alembic(
    root: Path, words: tuple[str, ...], current: tuple[str, ...]
) -> list[str]:
    """Return what Alembic would do."""
    scripts = ScriptDirectory.from_config(Config(str(root / "alembic.ini")))
    command, goal = words
    if command == "upgrade":
        steps = scripts._upgrade_revs(goal, current)  # type: ignore[arg-type]
    else:
        steps = scripts._downgrade_revs(goal, current)  # type: ignore[arg-type]
    return [step.revision.revision for step in steps]


@pytest.mark.parametrize(
    ("current", "to", "words", "is_down"),
    [
        ((), None, "upgrade heads", False),
        (("ab2",), "heads", "upgrade heads", False),
        ((), "aa", "upgrade aa1", False),
        (("aa1",), "ad4", "upgrade ad4", False),
        (("y2",), "ae", "upgrade ae5", False),
        (("aa1",), "side", "upgrade x1", False),
        (("aa1",), "side@head", "upgrade y2", False),
        (("x1",), "+1", "upgrade y2", False),
        (("ad4",), "+1", "upgrade ae5", False),
        (ALL, "base", "downgrade base", True),
        (ALL, "ab", "downgrade ab2", True),
        (ALL, "ac3", "downgrade ac3", True),
        (ALL, "x1", "downgrade x1", True),
        (("ae5",), "-1", "downgrade ad4", True),
        (("ae5",), "-2", "downgrade ab2", True),
        (("ab2",), "-2", "downgrade base", True),
        (("ae5",), "ae5", "downgrade ae5", True),
    ],
)
def test_a_way_is_that_of_alembic(  # noqa: PLR0917 - one case
    root: Path,
    history: History,
    current: tuple[str, ...],
    to: str | None,
    words: str,
    is_down: bool,  # noqa: FBT001 - of the case
) -> None:
    """The same revisions, and for one direction in the same order."""
    route = find_route(history, current, to)
    assert (" ".join(route.words), route.is_down) == (words, is_down)
    found = [each.id for each in route.revisions]
    expected = ask_alembic(root, route.words, current)
    assert sorted(found) == sorted(expected)
    assert is_down or found == expected
    had = history.find_ancestors(current)
    assert route.applied == (had - {*found} if is_down else had | {*found})


@pytest.mark.parametrize(
    ("current", "to", "message"),
    [
        ((), "zz", "there is no revision `zz`"),
        ((), "", "there is no revision ``"),
        ((), "a", "`a` is not one revision: `a` is the beginning of aa1, ab2, ac3 "),
        ((), "head", "`head` is not one revision: the heads are ae5, y2"),
        (("aa1",), "+1", "steps lead to several revisions: ab2, ac3"),
        ((), "+1", "steps lead to several revisions: aa1, x1"),
        (ALL, "-1", "steps lead to several revisions: ae5, y2"),
        (("ae5",), "-3", "steps lead to several revisions: ab2, ac3"),
        (("aa1",), "-3", "`-3` goes 2 too far"),
        (("ae5",), "+2", "`+2` goes 2 too far"),
        ((), "zz@head", "there is no revision `zz`"),
    ],
)
def test_what_leads_nowhere_is_told(
    history: History, current: tuple[str, ...], to: str, message: str
) -> None:
    """Or to several places, with their names."""
    with pytest.raises(UsageError) as caught:
        find_route(history, current, to)
    assert caught.value.message.startswith(message)
