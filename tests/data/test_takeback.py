from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from resetting import Shop
from sceneshift.core.errors import RefusedError
from sceneshift.data import takeback

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("chores_warm")


def ask(shop: Shop, **options: object) -> None:
    """Ask for it, as from a script."""
    named = {"environment": "development", "is_confirmed": True, **options}
    request = takeback.UndoRequest(
        root=shop.root,
        environ=shop.environ,
        **named,  # type: ignore[arg-type]
    )
    takeback.undo(request)


def test_guards_stand_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What came after the change would go; where nothing is done it is told alone."""
    shop = Shop(tmp_path, "a")
    shop.run("CREATE TABLE mine (id)")
    shop.reset()
    shop.insert("a", 2)
    for options in ({"environment": None}, {"is_confirmed": False}):
        with pytest.raises(RefusedError) as caught:
            ask(shop, **options)
        assert caught.value.message == (
            "this puts another state in the place of `shop.db` of development, and "
            "nobody can be asked here: it holds 2 rows: a 2"
        )
        assert caught.value.hint == "confirm it: inv data.undo --yes --env development"
    capsys.readouterr()
    ask(shop, is_dry=True, is_confirmed=False, as_json=True)
    (action,) = json.loads(capsys.readouterr().out)["actions"]
    assert (action["action"], action["change"]) == ("undo", "reset to 1 migration")
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write("protected = true\n")
    with pytest.raises(RefusedError, match=r"is protected.*it holds 2 rows: a 2$"):
        ask(shop)
    assert shop.tables() == ["a"]
    text = (tmp_path / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(text.replace("protected = true\n", ""))
    ask(shop)
    assert shop.tables() == ["mine"]
