"""Databases on a server of the project's own: all commands work on them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest

from migrating import make_project
from resetting import Shop, steps
from sceneshift.core.errors import RefusedError
from sceneshift.core.services.use import release
from sceneshift.data import firstuse
from sceneshift.data.checks import list_checks
from sceneshift.data.create import create
from sceneshift.data.target import Request, load_target
from sceneshift.env.trees import prune_worktrees
from serving_services import find_major, run, serving, stop, use
from subjects import read_subject
from watching import git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.core.services.service import Service

pytestmark = pytest.mark.needs("postgresql")


@pytest.fixture(name="root")
def make(tmp_path: Path) -> Path:
    """Return a project with migrations."""
    url = f"postgres+psycopg:{find_major()}"
    return make_project(tmp_path / "shop", steps("one", "two"), url=url)


@pytest.fixture(name="service")
def find(root: Path) -> Iterator[Service]:
    """Return its server, which is not there yet."""
    with serving(root) as service:
        yield service


def test_a_database_is_reset_and_that_is_taken_back(
    root: Path, service: Service
) -> None:
    """It needs no marker to be ours: its data lies in the project's folder."""
    (check,) = list_checks(read_subject(root))
    assert "is started by whoever needs it" in check.look().detail
    shop = Shop.open(root)
    target = load_target(root, shop.environ)
    assert target.title == "shop_development"
    run(service, "CREATE TABLE own AS SELECT 7 AS id")
    assert target.is_in_project
    shop.reset(is_confirmed=True, environment="development")
    assert run(service, "SELECT id FROM one") == [(1,)]
    with pytest.raises(psycopg.errors.UndefinedTable):
        run(service, "SELECT id FROM own")
    shop.undo()
    assert run(service, "SELECT id FROM own") == [(7,)]
    assert "never migrated" in check.look().detail
    create(Request(root=root, environ=shop.environ))


def test_a_worktree_has_a_copy_on_the_same_server(
    root: Path,
    service: Service,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Which whoever needs it first starts, and its database goes with the worktree."""
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-qm", "all")
    git(root, "worktree", "add", "-q", str(tmp_path / "side"))
    use(service)
    run(service, "CREATE TABLE own AS SELECT 7 AS id")
    stop(service)
    target = load_target(tmp_path / "side", dict(os.environ))
    assert target.title == "shop_development__wt_side"
    assert firstuse.make_missing(target.project)
    with psycopg.connect(target.database.url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT id FROM own").fetchone() == (7,)
    shutil.rmtree(tmp_path / "side")
    release(service)
    stop(service)
    dropper = "sceneshift.data.leftovers"
    version = service.data / "PG_VERSION"
    former = version.read_text()
    version.write_text("1\n")
    with pytest.raises(RefusedError, match="shop_development__wt_side: "):
        prune_worktrees(root, is_dry=True, as_json=True, dropper=dropper)
    assert "is of PostgreSQL 1," in capsys.readouterr().err
    version.write_text(former)
    prune_worktrees(root, is_dry=False, as_json=True, dropper=dropper)
    names = run(service, "SELECT datname FROM pg_database")
    assert ("shop_development__wt_side",) not in names
