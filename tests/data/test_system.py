from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrating import make_project
from resetting import Shop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.backups import taking

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"]
)
def test_what_is_in_memory_is_refused(tmp_path: Path, url: str) -> None:
    """There is nothing to be made anew, taken back or backed up."""
    shop = Shop(tmp_path, "a")
    make_project(tmp_path, {}, url=url)
    request = taking.BackupRequest(root=tmp_path, environ=shop.environ)
    for act in (shop.reset, shop.undo, lambda: taking.back_up(request)):
        with pytest.raises(SceneshiftError) as caught:
            act()
        assert caught.value.message == (
            "`default` is in memory: nothing of it can be kept"
        )
        assert caught.value.hint == "name a file in DATABASE_URL: sqlite:///app.db"
