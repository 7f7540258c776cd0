from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from branching import BranchedShop, git
from migrating import create, describe_revision
from resetting import Shop
from sceneshift.core.errors import UsageError
from sceneshift.core.following import LEFT
from sceneshift.data.branches.command import follow_all, follow_first, is_following
from sceneshift.data.branches.program import main
from sceneshift.data.migrate import migrate_all
from sceneshift.data.reset import ResetRequest, reset
from sceneshift.data.seeding.command import SeedRequest, seed
from sceneshift.data.status import show_status
from sceneshift.data.target import Request, load_targets

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shop(tmp_path: Path) -> BranchedShop:
    """Return a project on the new branch `feature`, with a row of a person's."""
    shop = BranchedShop(tmp_path, "a").prepare()
    shop.begin("feature")
    return shop


def ask(shop: Shop, kind: Any = Request, **options: Any) -> Any:
    """Return what is asked for, as from a script."""
    return kind(root=shop.root, environ=shop.environ, **options)


def test_the_plan_is_shown(
    shop: BranchedShop, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people and as JSON; nothing is done."""
    follow_all(ask(shop, is_dry=True))
    assert capsys.readouterr().out == (
        "shop.db becomes that of feature, as it is; a copy is kept for main\n"
    )
    follow_all(ask(shop, is_dry=True, as_json=True))
    (action,) = json.loads(capsys.readouterr().out)["actions"]
    assert action == {
        "action": "copy",
        "database": "default",
        "place": "shop.db",
        "branch": "feature",
        "former_branch": "main",
        "kept_for": "main",
        "left_at": None,
    }
    assert shop.status()["branch"] == "main"


def test_what_was_done_is_told(
    shop: BranchedShop, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what is pending there, and how to take it back."""
    shop.add("r2", "r1", "b")
    follow_all(ask(shop, as_json=True))
    said = json.loads(capsys.readouterr().out)
    (row,) = said["databases"]
    assert (said["branch"], row["action"]) == ("feature", "copy")
    assert (row["pending"], row["problem"]) == (["r2 Do r2"], None)
    assert row["undo"] == shop.status()["undo"][0]["id"]
    shop.check_out("main")
    follow_all(ask(shop))
    said = capsys.readouterr()
    assert "shop.db is what was left on main on 20" in said.err
    assert "what was there is kept for feature" in said.err
    assert said.err.endswith("take it back: inv data.undo\n")
    follow_all(ask(shop))
    assert "shop.db is of main already" in capsys.readouterr().err


def test_without_git_there_is_nothing_to_follow(tmp_path: Path) -> None:
    """Nor does anything follow by itself."""
    shop = Shop(tmp_path, "a")
    with pytest.raises(UsageError, match="is in no checkout of git"):
        follow_all(ask(shop))
    assert shop.status()["follow"] is None
    with (tmp_path / "pyproject.toml").open("a") as toml:
        toml.write("[tool.sceneshift.databases.default]\nfollow_branch = true\n")
    (target,) = load_targets(tmp_path, shop.environ)
    assert is_following(target)
    assert follow_first([target]) == []


def test_a_changing_command_follows_first(
    shop: BranchedShop, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is applied, filled or made anew is not what another branch has."""
    seeds = shop.root / "seeds/more/1.sql"
    seeds.parent.mkdir(parents=True)
    seeds.write_text("INSERT INTO a SELECT 5 WHERE NOT EXISTS (SELECT 5);\n")
    shop.add("r2", "r1", "b")
    migrate_all(ask(shop))
    assert "a copy is kept for main" in capsys.readouterr().err
    assert (shop.tables(), shop.left()) == (["a", "b"], ["main"])
    shop.check_out("main")
    reset(ask(shop, ResetRequest, environment="development", is_confirmed=True))
    assert "what was left on main" in capsys.readouterr().err
    shop.undo()
    assert shop.rows() == [1, 2]
    shop.check_out("feature")
    seed(ask(shop, SeedRequest, dataset="more"))
    assert "what was left on feature" in capsys.readouterr().err
    assert shop.tables() == ["a", "b"]


def test_why_it_does_not_follow_is_told(
    shop: BranchedShop, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the command goes on."""
    toml = shop.root / "pyproject.toml"
    toml.write_text(f'[project]\nname = "another"\n{toml.read_text()}')
    shop.add("r2", "r1", "b")
    migrate_all(ask(shop))
    said = capsys.readouterr().err
    assert "shop.db does not follow feature: `shop.db` of development says" in said
    assert "no undo takes default back" in said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("follow_branch = true", ""),
        ("databases =", "protected = true\ndatabases ="),
        ("sqlite:///shop.db", "postgresql://me@db.example.org/shop"),
    ],
)
def test_some_never_follow_by_themselves(
    shop: BranchedShop, old: str, new: str
) -> None:
    """Protected ones, and those that others use too."""
    assert is_following(shop.target())
    toml = shop.root / "pyproject.toml"
    toml.write_text(toml.read_text().replace(old, new))
    assert not is_following(shop.target())


def test_a_worktree_follows_with_its_own(shop: BranchedShop, tmp_path: Path) -> None:
    """What it has in common with the main checkout follows that."""
    side = tmp_path / "side"
    git(shop.root, "worktree", "add", "-q", str(side), "main")
    (own,) = load_targets(side, shop.environ)
    assert is_following(own)
    with (side / "pyproject.toml").open("a") as file:
        file.write('[tool.sceneshift.worktrees]\nshare_databases = ["default"]\n')
    (shared,) = load_targets(side, shop.environ)
    assert not is_following(shared)
    with pytest.raises(UsageError, match="is that of the main checkout, and follows"):
        follow_all(Request(root=side, environ=shop.environ))


def test_the_status_offers_what_fits(
    shop: BranchedShop, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exact command, and what it leads to."""
    shop.follow()
    shop.add("r2", "r1", "b")
    migrate_all(ask(shop))
    shop.check_out("main")
    capsys.readouterr()
    show_status(ask(shop))
    said = capsys.readouterr()
    assert "r2, which this branch does not know" in said.out
    lines = said.err.splitlines()
    assert lines.pop(0) == "default: other states are kept for branches: main"
    assert lines[0].startswith("default: it is at `r2`, which no file here has: ")
    assert lines[1] == ("default: it is of the branch feature, and follows by itself")
    assert lines[2] == (
        "default: inv data.undo takes this back: migration `r2 Do r2`; this branch "
        "knows what was there before"
    )
    assert lines[3].startswith(
        "default: inv data.follow: shop.db becomes what was left on main on 20"
    )
    assert len(lines) == 4
    (left,) = shop.status()["left"]
    assert (left["branch"], left["revisions"]) == ("main", ["r1"])


def test_the_status_offers_it_without_a_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What this branch makes, where nothing is known of branches."""
    shop = BranchedShop(tmp_path, "a")
    toml = tmp_path / "pyproject.toml"
    toml.write_text(toml.read_text().replace("follow_branch = true\n", ""))
    shop.commit()
    shop.reset()
    shop.begin("feature")
    shop.add("r2", "r1", "b")
    shop.reset()
    shop.check_out("main")
    capsys.readouterr()
    show_status(ask(shop))
    assert capsys.readouterr().err.endswith(
        "default: inv data.follow: shop.db becomes what main makes; inv data.undo has "
        "what was there\n"
    )
    (shop.root / "migrations/versions/x.py").write_text(
        describe_revision("x", "r1", does=create("c"))
    )
    assert shop.status()["follow"]["is_at_once"] is False


def test_the_status_offers_nothing_that_cannot_be(shop: BranchedShop) -> None:
    """Of a protected environment, or with several heads."""
    assert shop.status()["follow"]["action"] == "copy"
    toml = shop.root / "pyproject.toml"
    text = toml.read_text()
    toml.write_text(text.replace("databases =", "protected = true\ndatabases ="))
    assert shop.status()["follow"] is None
    toml.write_text(text)
    shop.run("UPDATE alembic_version SET version_num = 'gone'")
    shop.add("x2", "r1", "b")
    shop.add("y2", "r1", "c")
    assert shop.status()["follow"] is None


def test_without_databases_nothing_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stack may have none in its environment."""
    monkeypatch.chdir(tmp_path)
    assert main() == 0


def test_a_stack_has_it_done_by_a_program(shop: BranchedShop) -> None:
    """How that ends tells whether another state was put in place."""

    def run() -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "sceneshift.data.branches.program"],
            cwd=shop.root,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    code, said = run()
    assert (code, said.startswith("shop.db is that of feature, as it is")) == (0, True)
    shop.check_out("main")
    code, said = run()
    assert (code, said.startswith("shop.db is what was left on main")) == (LEFT, True)
    assert run() == (0, "")
