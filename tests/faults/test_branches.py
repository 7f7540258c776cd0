"""`kill -9` at every step of following another branch of git."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branching import BranchedServerShop, BranchedShop, git
from killing import kill_at_each

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server

pytestmark = pytest.mark.usefixtures("chores_warm")


def be_on(shop: BranchedShop, branch: str) -> None:
    """Be on another branch of the same commit; git would take longer."""
    (shop.root / ".git/HEAD").write_text(f"ref: refs/heads/{branch}\n")


class Trial:
    """A database that is `main`'s, while `feature` is checked out.

    Attributes:
        shop: The project.
        way: How it follows.
    """

    def __init__(self, shop: BranchedShop, way: str) -> None:
        self.shop = shop
        self.way = way
        self._wanted = {"copy": [1, 2], "return": [1, 2, 5], "reset": [1]}[way]
        shop.prepare()
        git(shop.root, "branch", "feature")
        if way == "return":
            be_on(shop, "feature")
            shop.follow()
            shop.insert("a", 5)
            be_on(shop, "main")
            shop.follow()
        elif way == "reset":
            shop.run("UPDATE alembic_version SET version_num = 'gone'")
        be_on(shop, "feature")

    def check(self) -> bool:
        """Tell whether it has followed; it is as before afterwards."""
        shop, wanted = self.shop, self._wanted
        is_done = bool(shop.status()["branch"] == "feature")
        assert shop.rows() == (wanted if is_done else [1, 2])
        assert shop.went() == ("none" if is_done else self.way)
        assert (shop.rows(), shop.left()) == (wanted, ["main"])
        shop.undo()
        assert (shop.rows(), shop.status()["branch"]) == ([1, 2], "main")
        if self.way != "return":
            shop.forget("feature")
        return is_done


@pytest.mark.parametrize("way", ["copy", "return", "reset"])
def test_a_kill_leaves_the_one_branch_or_the_other(memory_path: Path, way: str) -> None:
    """At each step: whole, and nothing of either is lost."""
    trial = Trial(BranchedShop(memory_path, "a"), way)
    seen = kill_at_each(trial.shop.follow, trial.check, memory_path)
    assert {*seen} == {True, False}
    assert seen[-1]
    assert len(seen) >= 10


@pytest.mark.needs("postgresql")
def test_a_kill_leaves_the_one_or_the_other_on_a_server(
    tmp_path: Path, server: Server
) -> None:
    """The same of a database of PostgreSQL, whose states are put in place by name."""
    shop = BranchedServerShop(tmp_path, "a", server=server)
    trial = Trial(shop, "return")
    seen = kill_at_each(shop.follow, trial.check, tmp_path)
    assert seen[-1]
    assert len(seen) >= 3
    assert shop.beside("bn") == []
