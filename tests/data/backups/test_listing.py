"""Which backups there are, and which of them go."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from backing import back_up, configure, list_backups, open_shelf, read
from resetting import Shop
from sceneshift.core.errors import ConfigError, UsageError
from sceneshift.data.backups import listing
from sceneshift.data.backups.manifest import NAME
from sceneshift.data.status import show_status
from sceneshift.data.target import Request

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.data.backups.shelf import Backup


@pytest.fixture(name="shop")
def make_shop(tmp_path: Path) -> Shop:
    """Return a project with a table."""
    shop = Shop(tmp_path)
    shop.run("CREATE TABLE a AS SELECT 1 AS id")
    return shop


def ask(shop: Shop, **options: Any) -> Request:
    """Return a request, as from a script."""
    return Request(root=shop.root, environ=shop.environ, **options)


def make(shop: Shop, days: float = 0, **changes: Any) -> Backup:
    """Make one so many days ago, without reading the database again."""
    shelf = open_shelf(shop)
    (first,) = shelf.list_all()[-1:] or [back_up(shop)]
    at = datetime.now(UTC) - timedelta(days=days)
    with shelf.making() as draft:
        name = f"{at:%Y%m%dT%H%M%S}-{shelf.name(draft)[-4:]}"
        (draft / "data.sqlite.zst").write_bytes(first.file.read_bytes())
        return shelf.finish(draft, replace(read(first), id=name, at=at, **changes))


def list_ids(shop: Shop) -> set[str]:
    """Return the ids of those that there are."""
    return {each.id for each in list_backups(shop)}


def test_they_are_listed(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest first, with what is known of each."""
    listing.show_backups(ask(shop))
    said = capsys.readouterr()
    assert said == ("", "there are no backups yet: inv data.backup takes one\n")
    first, second = back_up(shop, "one"), back_up(shop)
    listing.pin(ask(shop), first.id[-4:], is_pinned=True)
    assert capsys.readouterr().err == f"done: the backup {first.id} stays\n"
    listing.show_backups(ask(shop))
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["backup", "database", "when", "size", "state", "note"]
    at = f"{read(second).at.astimezone():%m-%d %H:%M}"
    assert rows[0].startswith(f"{second.id}  default   {at}  ")
    assert rows[0].endswith("B  whole")
    assert rows[1].endswith("B  pinned  one")
    listing.show_backups(ask(shop, as_json=True))
    found = json.loads(capsys.readouterr().out)["backups"]
    one = read(first)
    assert found[1] == {
        "id": first.id,
        "database": "default",
        "environment": "development",
        "place": "shop.db",
        "system": "sqlite",
        "server": one.server,
        "at": one.at.isoformat(timespec="seconds"),
        "note": "one",
        "rows": {"a": 1},
        "revisions": None,
        "size_bytes": one.size_bytes,
        "is_automatic": False,
        "is_pinned": True,
        "is_whole": True,
        "problem": None,
        "folder": str(first.folder),
    }


def test_one_that_cannot_be_read_hides_no_others(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told why, and never goes by itself."""
    configure(shop, "keep = 1, days = 1")
    good = make(shop, 3)
    bad, gone, short = make(shop, 4), make(shop, 5), make(shop, 6)
    (bad.folder / NAME).write_text("{")
    (gone.folder / NAME).unlink()
    short.file.write_bytes(b"")
    listing.show_backups(ask(shop, as_json=True))
    found = json.loads(capsys.readouterr().out)["backups"]
    said = {each["id"]: (each["is_whole"], each["problem"] or "") for each in found}
    assert said[good.id] == (True, "")
    assert said[bad.id][0] is said[gone.id][0] is said[short.id][0] is False
    assert said[bad.id][1].startswith(f"the manifest of `{bad.id}` is damaged: ")
    assert said[gone.id][1].endswith("cannot be read: no such file or directory")
    assert "is damaged: its checksum" in said[short.id][1]
    listing.show_backups(ask(shop))
    told = capsys.readouterr()
    row = next(line for line in told.out.splitlines() if bad.id in line)
    assert row.split() == [bad.id, "-", "-", "-", "damaged"]
    assert f"{bad.id}: the manifest of" in told.err
    listing.prune_all(ask(shop))
    assert {bad.id, gone.id} <= list_ids(shop)


def test_what_would_take_long_is_read_when_asked_for(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list is there at once."""
    back_up(shop)
    size = read(back_up(shop)).size_bytes
    monkeypatch.setattr(listing, "_READ_BYTES", size)
    for is_checked, wholes in ((False, [True, None]), (True, [True, True])):
        listing.show_backups(ask(shop, as_json=True), is_checked=is_checked)
        found = json.loads(capsys.readouterr().out)["backups"]
        assert [each["is_whole"] for each in found] == wholes
    make(shop, 800, environment="staging")
    listing.show_backups(ask(shop))
    *_, row, old = capsys.readouterr().out.splitlines()
    assert row.endswith("not read")
    at = datetime.now().astimezone() - timedelta(days=800)
    assert f"default (staging)  {at:%Y-%m-%d}   " in old


def test_those_of_one_database_or_environment_are_listed(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is active; what cannot be read may be one of them."""
    one = make(shop)
    other = make(shop, database="more", environment="staging")
    with (shop.root / "pyproject.toml").open("a") as file:
        file.write("[tool.sceneshift.environments.staging]\n")
    for options, expected in (
        ({}, 3),
        ({"database": "more"}, [other.id]),
        ({"environment": "staging"}, [other.id]),
        ({"database": "more", "environment": "dev"}, []),
    ):
        listing.show_backups(ask(shop, as_json=True, **options))
        found = json.loads(capsys.readouterr().out)["backups"]
        ids = [each["id"] for each in found]
        assert expected in (ids, len(ids))
    assert one.id in list_ids(shop)


def test_what_is_old_or_too_much_goes(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a person asked for is not pushed out by what nobody did."""
    configure(shop, "keep = 2, days = 30")
    first, second = back_up(shop), back_up(shop)
    old, over, pinned = make(shop, 31), make(shop, 3), make(shop, 40)
    automatic = [make(shop, days, is_automatic=True) for days in (4, 5, 6)]
    other = make(shop, 99, key="other")
    listing.pin(ask(shop), pinned.id, is_pinned=True)
    capsys.readouterr()
    listing.prune_all(ask(shop, as_json=True))
    gone = json.loads(capsys.readouterr().out)["removed"]
    assert set(gone) == {old.id, over.id, automatic[2].id}
    kept = {first.id, second.id, automatic[0].id, automatic[1].id, other.id}
    assert list_ids(shop) == {*kept, pinned.id}
    listing.pin(ask(shop), pinned.id, is_pinned=False)
    listing.prune_all(ask(shop))
    assert list_ids(shop) == kept
    assert capsys.readouterr().err.endswith("done: 1 backup removed\n")
    last = back_up(shop)
    assert list_ids(shop) == {*kept, last.id} - {first.id}


def test_the_last_good_one_stays(shop: Shop) -> None:
    """However old it is; where none is good, the disk may be it, and all stay."""
    configure(shop, "keep = 1, days = 1")
    good, bad = make(shop, 9), make(shop, 8)
    (first,) = list_ids(shop) - {good.id, bad.id}
    bad.file.write_bytes(b"")
    open_shelf(shop).remove(next(e for e in list_backups(shop) if e.id == first))
    listing.prune_all(ask(shop))
    assert list_ids(shop) == {good.id}
    other = make(shop, 7)
    good.file.write_bytes(b"")
    other.file.write_bytes(b"")
    listing.prune_all(ask(shop))
    assert list_ids(shop) == {good.id, other.id}
    taken = back_up(shop)
    assert list_ids(shop) == {taken.id}


def test_what_a_killed_command_has_left_is_swept(shop: Shop) -> None:
    """By the next one; it was never listed."""
    backup = back_up(shop)
    folder = open_shelf(shop).folder
    for name in (".draft-1", ".gone-1"):
        (folder / name).mkdir()
        (folder / name / "data.sqlite.zst").touch()
    assert list_backups(shop) == [backup]
    listing.prune_all(ask(shop))
    assert {each.name for each in folder.iterdir()} == {".lock", backup.id}


def test_one_that_is_not_there_is_told(shop: Shop) -> None:
    """And settings that cannot be."""
    with pytest.raises(UsageError, match="`zzzz` is no backup"):
        listing.pin(ask(shop), "zzzz", is_pinned=True)
    configure(shop, "keep = 0")
    with pytest.raises(ConfigError, match=r"backups\.keep`: expected a number from 1"):
        listing.show_backups(ask(shop))


def test_the_status_has_the_last_one(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of this database alone."""
    assert shop.status()["backup"] is None
    show_status(ask(shop))
    assert "backup" not in capsys.readouterr().err
    one = read(back_up(shop, is_automatic=True))
    make(shop, -1, key="other")
    assert shop.status()["backup"] == {
        "id": one.id,
        "at": one.at.isoformat(timespec="seconds"),
        "is_automatic": True,
    }
    show_status(ask(shop))
    line = f"the last backup is {one.id} of {one.at.astimezone():%Y-%m-%d %H:%M}"
    assert f"default: {line}, taken by itself\n" in capsys.readouterr().err
