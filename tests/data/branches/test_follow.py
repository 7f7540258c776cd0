from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from branching import BranchedMysqlShop, BranchedServerShop, BranchedShop, git
from sceneshift.core.errors import RefusedError, SceneshiftError
from sceneshift.data.branches.follow import apply, follow, plan_follow
from sceneshift.data.branches.label import MOST
from sceneshift.data.branches.step import Way
from sceneshift.data.parting import list_parted

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server


@pytest.fixture
def shop(tmp_path: Path) -> BranchedShop:
    """Return a project at its head, with a row of a person's, on `main`."""
    return BranchedShop(tmp_path, "a").prepare()


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.needs("postgresql")),
        pytest.param("mariadb", marks=pytest.mark.needs("mariadb")),
    ]
)
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> BranchedShop:
    """Return the same, of each system."""
    if request.param == "sqlite":
        return BranchedShop(tmp_path, "a").prepare()
    if request.param == "mariadb":
        mysql = request.getfixturevalue("mysql")
        return BranchedMysqlShop(tmp_path, "a", server=mysql).prepare()
    server: Server = request.getfixturevalue("server")
    return BranchedServerShop(tmp_path, "a", server=server).prepare()


def go(shop: BranchedShop, branch: str) -> str:
    """Be on another branch, and follow; return how."""
    shop.check_out(branch)
    return shop.went()


def test_each_branch_has_its_rows(anywhere: BranchedShop) -> None:
    """A new one begins with what is there; what was left comes back as it was."""
    shop = anywhere
    shop.begin("feature")
    shop.add("r2", "r1", "b")
    began = shop.follow()
    assert (str(began.step.way), len(began.pending)) == ("copy", 1)
    assert "that of feature, as it is; a copy is kept for main" in str(began)
    assert str(began).endswith("1 pending: inv data.migrate")
    shop.reset()
    shop.insert("b", 7)
    assert go(shop, "main") == "return"
    assert (shop.tables(), shop.rows()) == (["a"], [1, 2])
    assert shop.left() == ["feature"]
    shop.insert("a", 3)
    assert go(shop, "feature") == "return"
    assert (shop.left(), shop.rows("b")) == (["main"], [1, 7])
    assert go(shop, "main") == "return"
    assert (shop.rows(), shop.went()) == ([1, 2, 3], "none")


def test_a_branch_without_a_state_gets_what_it_makes(anywhere: BranchedShop) -> None:
    """Where it does not know what is there; that is kept, and an undo has it too."""
    shop = anywhere
    shop.begin("older")
    shop.check_out("main")
    shop.add("r2", "r1", "b")
    shop.reset()
    shop.insert("b", 7)
    shop.ran()
    assert go(shop, "older") == "reset"
    assert (shop.tables(), shop.ran()) == (["a"], [])  # the snapshot was there
    assert shop.left() == ["main"]
    shop.undo()
    assert shop.rows("b") == [1, 7]
    assert shop.status()["branch"] == "main"
    shop.insert("b", 8)
    assert shop.went() == "return"  # to what the undo has put aside
    assert shop.tables() == ["a"]
    assert go(shop, "main") == "return"
    assert shop.rows("b") == [1, 7, 8]


def test_what_nobody_has_kept_is_built(shop: BranchedShop) -> None:
    """As by a reset; what was there is kept all the same."""
    shop.begin("feature")
    shop.add("x2", "r1", "c")
    shop.check_out("main")
    shop.add("r2", "r1", "b")
    shop.reset()
    shop.check_out("feature")
    followed = shop.follow()
    assert (shop.tables(), followed.pending) == (["a", "c"], ())
    said = "shop.db is what feature makes; what was there is kept for main ("
    assert str(followed).startswith(said)


def test_what_does_not_fit_after_all_is_told(shop: BranchedShop) -> None:
    """Nobody knew at which revisions it was put aside."""
    git(shop.root, "branch", "older")
    shop.add("r2", "r1", "b")
    shop.reset()
    go(shop, "older")
    assert go(shop, "main") == "return"
    shop.undo()
    shop.check_out("older")
    assert shop.went() == "none"
    git(shop.root, "branch", "-f", "main", "older")
    shop.check_out("main")
    followed = shop.follow()
    assert str(followed.step.way) == "return"
    assert followed.problem is not None
    assert str(followed).endswith(followed.problem)


def test_what_cannot_be_written_down_is_told(tmp_path: Path) -> None:
    """As on a full disk: it is of no branch then."""
    shop = BranchedShop(tmp_path, "a")
    (shop.target().make_folder() / "branch.json").mkdir()
    with pytest.raises(SceneshiftError, match="of which branch it is"):
        shop.follow()


def test_what_was_left_outlives_other_changes(shop: BranchedShop) -> None:
    """It is no matter how many resets, nor is it backed up: it is there."""
    shop.begin("feature")
    shop.follow()
    for number in range(5):
        shop.reset()
        shop.insert("a", number + 10)
    assert shop.left() == ["main"]
    assert go(shop, "main") == "return"
    assert shop.rows() == [1, 2]
    change = shop.status()["undo"][0]["change"]
    assert change == "went from feature to the branch main"


def test_a_database_that_is_made_anew_takes_nothing_from_branches(
    shop: BranchedShop,
) -> None:
    """Nobody knows of which it is, so what is kept is for others."""
    shop.begin("feature")
    shop.follow()
    shop.file.unlink()
    assert (shop.status()["branch"], shop.left()) == (None, ["main"])
    shop.reset()
    assert shop.left() == ["main"]
    assert shop.went() == "label"
    assert go(shop, "main") == "return"
    assert shop.rows() == [1, 2]


def test_a_database_that_says_nothing_is_not_the_one_before(tmp_path: Path) -> None:
    """That one said nothing either, when it was taken for one of the branch."""
    shop = BranchedShop(tmp_path, "a")
    shop.run("CREATE TABLE a AS SELECT 1 AS id")
    assert shop.went() == "label"
    shop.begin("feature")
    assert shop.went() == "copy"
    shop.file.unlink()
    shop.run("CREATE TABLE b AS SELECT 7 AS id")
    assert (shop.status()["branch"], shop.went()) == (None, "label")
    assert (shop.status()["branch"], shop.went()) == ("feature", "none")
    assert go(shop, "main") == "return"
    assert (shop.rows(), shop.left()) == ([1], ["feature"])
    assert go(shop, "feature") == "return"
    assert shop.rows("b") == [7]


def test_an_undo_of_a_return_keeps_both(shop: BranchedShop) -> None:
    """What was put in place is kept for its branch again."""
    shop.begin("feature")
    shop.follow()
    shop.insert("a", 5)
    go(shop, "main")
    shop.insert("a", 3)
    shop.undo()
    assert (shop.rows(), shop.status()["branch"]) == ([1, 2, 5], "feature")
    assert shop.left() == ["main"]
    assert shop.went() == "return"
    assert shop.rows() == [1, 2, 3]
    assert go(shop, "feature") == "return"
    assert shop.rows() == [1, 2, 5]


def test_ten_branches_are_kept(shop: BranchedShop) -> None:
    """Those that were left last; the others go as any state does that is let go."""
    for number in range(MOST + 2):
        shop.begin(f"b{number}")
        shop.follow()
    assert shop.left() == [f"b{number}" for number in range(MOST, 0, -1)]
    assert len(list_parted(shop.target())) == 3  # of the reset, of main and b0


def test_a_branch_that_is_gone_keeps_nothing(shop: BranchedShop) -> None:
    """What is there is no copy for it, and its own goes in its time."""
    shop.begin("feature")
    shop.follow()
    shop.insert("a", 5)
    go(shop, "main")
    git(shop.root, "branch", "-D", "feature")
    shop.begin("other")
    shop.follow()
    assert shop.left() == ["main"]
    shop.check_out("main")
    git(shop.root, "branch", "-D", "other")
    followed = shop.follow()
    assert shop.rows() == [1, 2]
    assert str(followed.step.way) == "return"
    assert "inv data.undo has what was there" in str(followed)
    assert shop.left() == []


def test_a_branch_that_is_renamed_keeps_its_database(shop: BranchedShop) -> None:
    """Nothing has to be copied for one that is gone."""
    git(shop.root, "branch", "-m", "trunk")
    assert shop.went() == "label"
    assert (shop.rows(), shop.status()["branch"]) == ([1, 2], "trunk")
    assert [each["change"] for each in shop.status()["undo"]] == [
        "reset to 1 migration"
    ]


def test_a_commit_without_a_branch_has_a_state_for_a_while(shop: BranchedShop) -> None:
    """It does nothing to what the branch has."""
    shop.add("r2", "r1", "b")
    shop.check_out("HEAD~1")
    assert shop.went() == "copy"
    shop.insert("a", 9)
    shop.add("x2", "r1", "c")  # another commit, and no other branch
    assert shop.went() == "none"
    assert go(shop, "main") == "return"
    assert (shop.rows(), shop.left()) == ([1, 2], [])


@pytest.mark.parametrize("doing", ["rebase", "bisect"])
def test_git_at_work_is_no_other_branch(shop: BranchedShop, doing: str) -> None:
    """What is checked out meanwhile is for a moment."""
    shop.begin("feature")
    shop.add("r2", "r1", "b")
    shop.add("r3", "r2", "c")
    shop.follow()
    if doing == "rebase":
        git(shop.root, "rebase", "-q", "--exec", "false", "main", check=False)
    else:
        git(shop.root, "bisect", "start", "HEAD", "HEAD~2")
    assert git(shop.root, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD\n"
    assert shop.went() == "none"


def test_revisions_that_are_gone_on_the_same_branch_are_asked_about(
    shop: BranchedShop,
) -> None:
    """As after `git reset`: by itself nothing is put in place."""
    shop.add("r2", "r1", "b")
    shop.reset()
    git(shop.root, "reset", "-q", "--hard", "HEAD~1")
    assert shop.went() == "none"
    assert str(shop.follow(is_asked=True).step.way) == "reset"
    assert shop.tables() == ["a"]
    shop.undo()
    assert shop.tables() == ["a", "b"]


def test_what_was_left_may_fit_no_more(shop: BranchedShop) -> None:
    """Its branch was written anew meanwhile: then it is as if there was none."""
    shop.begin("feature")
    shop.add("r2", "r1", "b")
    shop.follow()
    shop.reset()
    go(shop, "main")
    git(shop.root, "branch", "-f", "feature", "main")
    assert go(shop, "feature") == "copy"
    assert shop.tables() == ["a"]


def test_a_database_that_is_not_there_is_only_labeled(tmp_path: Path) -> None:
    """Making it is left to what makes it."""
    shop = BranchedShop(tmp_path, "a")
    assert shop.went() == "label"
    shop.begin("feature")
    assert shop.went() == "label"
    assert not shop.file.exists()


def test_without_migrations_all_fits(shop: BranchedShop) -> None:
    """Nothing tells what a branch knows: its rows are what it has."""
    shop.begin("feature")
    toml = shop.root / "pyproject.toml"
    toml.write_text(toml.read_text().replace('alembic = "alembic.ini"', ""))
    (shop.root / "alembic.ini").unlink()
    shop.commit()
    followed = shop.follow()
    assert (str(followed.step.way), followed.pending) == ("copy", ())
    shop.insert("a", 9)
    assert go(shop, "main") == "return"
    assert shop.rows() == [1, 2]


def test_git_may_go_elsewhere_meanwhile(shop: BranchedShop) -> None:
    """While another command is waited for, and while it is found out what to do."""
    shop.begin("feature")
    planned = plan_follow(shop.target(), "feature")
    shop.check_out("main")
    assert str(follow(shop.target(), "feature", is_asked=False).step.way) == "none"
    for step in (planned, replace(planned, way=Way.LABEL)):
        with pytest.raises(SceneshiftError) as caught:
            apply(step, 0)
        assert caught.value.message == (
            "`shop.db` is as it was: git went from feature to main meanwhile"
        )
    assert (shop.status()["branch"], shop.left()) == ("main", [])


def test_guards_hold(shop: BranchedShop) -> None:
    """All but the question: nothing is lost."""
    shop.begin("feature")
    toml = shop.root / "pyproject.toml"
    text = toml.read_text()
    toml.write_text(text.replace("databases =", "protected = true\ndatabases ="))
    with pytest.raises(RefusedError, match="is protected"):
        shop.follow()
    toml.write_text(f'[project]\nname = "another"\n{text}')
    with pytest.raises(RefusedError, match="says that it is `development` of"):
        shop.follow()
    assert shop.left() == []


def test_a_migration_that_fails_leaves_all_as_it_was(shop: BranchedShop) -> None:
    """The database is the other branch's, as before."""
    shop.add("r2", "r1", "b")
    shop.reset()
    shop.begin("feature")
    git(shop.root, "reset", "-q", "--hard", "HEAD~1")
    shop.write("a", a="raise ValueError('no')")
    with pytest.raises(SceneshiftError, match="no"):
        shop.follow()
    assert (shop.tables(), shop.status()["branch"]) == (["a", "b"], "main")


@pytest.mark.needs("postgresql")
def test_no_copy_means_the_same_branch(tmp_path: Path, server: Server) -> None:
    """What cannot be kept is not given to another branch in silence."""
    name = server.make()
    user = f"{name}_dev"
    server.run("postgres", f"CREATE ROLE {user} LOGIN CREATEDB")
    server.run("postgres", f"ALTER DATABASE {name} OWNER TO {user}")
    url = server.url(name, "psycopg", user)
    shop = BranchedServerShop(
        tmp_path, "a", server=server, name=name, url=url
    ).prepare()
    shop.run(
        "ALTER SCHEMA public OWNER TO postgres; GRANT CREATE ON SCHEMA public TO "
        f"{user}; ALTER VIEW sceneshift_marker OWNER TO postgres; "
        f"GRANT SELECT ON sceneshift_marker TO {user}"
    )
    shop.begin("feature")
    with pytest.raises(SceneshiftError) as caught:
        shop.follow()
    assert caught.value.message.startswith(
        f"`{name}` stays that of main, for no copy of it can be kept: its mark cannot "
    )
    assert (shop.left(), shop.status()["branch"]) == ([], "main")
