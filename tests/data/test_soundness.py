from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resetting import Shop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data import kept
from sceneshift.data.target import Request

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("chores_warm")


def damage(path: Path, how: str) -> None:
    """Do to a file what a full disk or a broken one does."""
    path.chmod(0o600)
    data = path.read_bytes()
    if how == "emptied":
        path.write_bytes(b"")
    elif how == "cut off":
        path.write_bytes(data[: len(data) // 2])
    else:
        path.write_bytes(b"\xff" * len(data))


@pytest.mark.parametrize("how", ["emptied", "cut off", "overwritten"])
def test_a_snapshot_that_is_no_more_what_was_built_is_built_again(
    tmp_path: Path, how: str
) -> None:
    """Put in place, it would have an empty database be a success."""
    shop = Shop(tmp_path, "a", "b")
    one = shop.reset().snapshot.id
    (path,) = tmp_path.glob(".sceneshift/data/*/snapshots/*.sqlite")
    assert path.stat().st_mode & 0o777 == 0o400
    damage(path, how)
    request = Request(
        root=tmp_path,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
    )
    with pytest.raises(SceneshiftError, match=f"the snapshot {one[:12]} is damaged"):
        kept.restore(request, one)
    shop.write("a", "b", "c")
    assert shop.reset().is_built  # on nothing, for what it was built on is damaged
    assert shop.ran().count("a") == 2
    shop.write("a", "b")
    (tmp_path / "migrations/versions/r3.py").unlink()
    assert shop.reset().is_built
    assert not shop.reset().is_built
    assert shop.tables() == ["a", "b"]
