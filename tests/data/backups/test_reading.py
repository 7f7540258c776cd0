"""What was written is read again before it is called a backup."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import pytest

from backing import back_up, list_backups, open_shelf
from resetting import ServerShop, Shop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.backups import archive, postgresql, sqlite

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from postgresql import Server
    from sceneshift.data.backups.archive import Packed


def pack_badly(source: IO[bytes], path: Path) -> Packed:
    """Do what a broken disk does, once all is written."""
    packed = archive.pack(source, path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    return packed


def refuse(shop: Shop, medium: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make sure that a damaged one is none, and that the last good one stays."""
    shop.run("CREATE TABLE a AS SELECT 1 AS id")
    good = back_up(shop)
    with (shop.root / "pyproject.toml").open("a") as file:
        file.write("[tool.sceneshift.data]\nbackups = { keep = 1 }\n")
    monkeypatch.setattr(medium, "pack", pack_badly)
    with pytest.raises(SceneshiftError):
        back_up(shop)
    assert [each.id for each in list_backups(shop)] == [good.id]
    left = {each.name for each in open_shelf(shop).folder.iterdir()}
    assert left == {".lock", good.id}


def test_a_damaged_one_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it push out the last good one."""
    refuse(Shop(tmp_path), sqlite, monkeypatch)


@pytest.mark.needs("postgresql")
def test_a_damaged_one_of_a_server_is_none(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is read, and not its beginning alone."""
    refuse(ServerShop(tmp_path, server=server), postgresql, monkeypatch)
