"""What the databases of worktrees begin with."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from branching import BranchedServerShop, BranchedShop, git
from sceneshift.core.separation import OwnDatabase
from sceneshift.data.beginning import find_target, is_empty, is_unfit
from sceneshift.data.firstuse import make_missing
from sceneshift.data.postgresql.copying import make_copy
from sceneshift.data.postgresql.server import open_server
from sceneshift.data.target import load_targets

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.needs("postgresql")),
    ]
)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> BranchedShop:
    """Return a project whose branch `older` has one revision, and `main` two."""
    root = tmp_path / "shop"
    root.mkdir()
    made: BranchedShop
    if request.param == "sqlite":
        made = BranchedShop(root, "a")
    else:
        server: Server = request.getfixturevalue("server")
        made = BranchedServerShop(root, "a", server=server)
    git(root, "branch", "older")
    made.reset()
    made.add("r2", "r1", "b")
    return made


def add_tree(shop: BranchedShop, branch: str) -> BranchedShop:
    """Return the project in a new worktree, whose databases were made."""
    root = shop.root.parent / branch
    git(shop.root, "worktree", "add", "-q", str(root), branch)
    return make_databases(shop, root)


def make_databases(shop: BranchedShop, root: Path) -> BranchedShop:
    """Return the project in a worktree, whose databases are made."""
    branch = root.name
    if isinstance(shop, BranchedServerShop):
        tree: BranchedShop = BranchedServerShop.open_on(
            root, shop.server, f"{shop.name}__wt_{branch}"
        )
    else:
        tree = BranchedShop.open(root)
    (target,) = load_targets(root, tree.environ)
    assert make_missing(target.project)
    return tree


def test_a_database_that_fits_is_copied(
    shop: BranchedShop, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the rows that are in it."""
    shop.insert("a", 2)
    tree = add_tree(shop, "older")
    assert (tree.rows(), tree.ran()) == ([1, 2], [])
    assert "is a copy of" in capsys.readouterr().err


def test_one_at_unknown_revisions_is_not(
    shop: BranchedShop, capsys: pytest.CaptureFixture[str]
) -> None:
    """The worktree has what its branch makes; the main checkout has kept that."""
    shop.reset()
    assert shop.tables() == ["a", "b"]
    tree = add_tree(shop, "older")
    assert (tree.tables(), tree.ran()) == (["a"], [])
    said = capsys.readouterr().err
    assert "is made anew by 1 migration: " in said
    assert "is at revisions that this branch does not know" in said
    assert (tree.status()["revisions"], tree.status()["unknown"]) == (["r1"], [])
    tree.insert("a", 3)
    tree.reset()  # its own snapshot is there by now
    assert (tree.rows(), tree.ran(), shop.tables()) == ([1], [], ["a", "b"])


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_what_nobody_has_kept_is_built(shop: BranchedShop) -> None:
    """As by a reset."""
    shop.reset()
    for path in shop.root.glob(".sceneshift/data/*/snapshots"):
        shutil.rmtree(path)
    tree = add_tree(shop, "older")
    assert (tree.tables(), tree.ran()) == (["a"], ["a"])


def test_what_cannot_be_read_is_left_to_the_copy(tmp_path: Path) -> None:
    """That tells of it."""
    shop = BranchedShop(tmp_path, "a")
    (tmp_path / "bad.db").write_text("no database " * 99)
    bad = f"sqlite:///{tmp_path}/bad.db"
    assert not is_unfit(shop.target(), bad)
    shop.file.write_text("no database " * 99)
    assert not is_empty(shop.target())
    (tmp_path / "alembic.ini").unlink()
    toml = tmp_path / "pyproject.toml"
    toml.write_text(toml.read_text().replace('alembic = "alembic.ini"', ""))
    own = OwnDatabase(name="default", url=bad, origin=bad, system="sqlite")
    assert find_target(tmp_path, shop.environ, "", own) is None


@pytest.mark.needs("postgresql")
def test_where_there_is_nothing_to_copy_it_is_made(
    tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a server: a file is left to the set-up of the project."""
    root = tmp_path / "shop"
    root.mkdir()
    name = server.make()
    shop = BranchedServerShop(root, "a", server=server, name=name)
    server.run("postgres", f"DROP DATABASE {name}")
    git(root, "branch", "side")
    tree = add_tree(shop, "side")
    assert (tree.tables(), tree.ran()) == (["a"], ["a"])
    assert f"there is no `{name}` to copy" in capsys.readouterr().err


@pytest.mark.needs("postgresql")
def test_one_that_was_cut_off_is_filled_the_next_time(
    tmp_path: Path, server: Server
) -> None:
    """It was made, and is empty: nobody has filled it."""
    root, side = tmp_path / "shop", tmp_path / "older"
    root.mkdir()
    shop = BranchedServerShop(root, "a", server=server)
    git(root, "worktree", "add", "-q", str(side), "-b", "older")
    shop.add("r2", "r1", "b")
    shop.reset()
    with open_server(server.url(shop.name, "psycopg"), root) as session:
        name = f"{shop.name}__wt_older"
        make_copy(session, "", name, root=str(side), keep=lambda: None)
    tree = make_databases(shop, side)
    assert tree.tables() == ["a"]
    tree.insert("a", 2)
    make_databases(shop, side)
    assert tree.rows() == [1, 2]
