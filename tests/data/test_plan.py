"""What a reset says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from resetting import Shop
from sceneshift.data import reset

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("chores_warm")


def ask(shop: Shop, **options: object) -> None:
    """Ask for one, as from a script."""
    request = reset.ResetRequest(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
        **options,  # type: ignore[arg-type]
    )
    reset.reset(request)


def test_it_says_what_it_would_do_and_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people and for programs; a plan changes nothing."""
    shop = Shop(tmp_path, "a")
    ask(shop, is_dry=True)
    assert capsys.readouterr().out == "reset shop.db to 1 migration: built anew\n"
    assert not shop.file.exists()
    ask(shop)
    said = capsys.readouterr().err
    done = "done: shop.db is new: 1 migration, 1 row: a 1; built and put in place in "
    assert done in said
    assert said.endswith("take it back: inv data.undo\n")
    shop.insert("a", 2)
    ask(shop, is_dry=True)
    said = capsys.readouterr().out
    assert said.startswith("reset shop.db to 1 migration: from the snapshot ")
    ask(shop, is_dry=True, as_json=True)
    (action,) = json.loads(capsys.readouterr().out)["actions"]
    place = {"database": "default", "place": "shop.db"}
    what = {"revisions": 1, "dataset": None, "snapshot": action["snapshot"]}
    assert action == {"action": "reset", **place, **what}
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    ask(shop, as_json=True)
    (row,) = json.loads(capsys.readouterr().out)["databases"]
    assert row.pop("duration_s") > 0
    undo = shop.status()["undo"][0]["id"]
    more = {"is_built": False, "rows": {"a": 1}, "undo": undo, "paused": []}
    assert row == {**place, **what, **more}
