from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from resetting import Shop
from sceneshift.core.errors import RefusedError, UsageError
from sceneshift.data import kept
from sceneshift.data.target import Request

if TYPE_CHECKING:
    from pathlib import Path

DAY_S = 86400


def ask(shop: Shop, **options: Any) -> Request:
    """Return a request, as from a script."""
    return Request(root=shop.root, environ=shop.environ, **options)


def list_ids(shop: Shop, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the ids of what is kept."""
    capsys.readouterr()
    kept.show_snapshots(ask(shop, as_json=True))
    found = json.loads(capsys.readouterr().out)["snapshots"]
    return [each["id"] for each in found]


def age(shop: Shop, one: str, days: float) -> None:
    """Have one been used so long ago."""
    (path,) = shop.root.glob(f".sceneshift/data/*/snapshots/{one}.json")
    then = time.time() - days * DAY_S
    os.utime(path, (then, then))


def test_what_is_kept_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what it holds, and how large it is."""
    shop = Shop(tmp_path, "a", "b")
    done = shop.reset()
    capsys.readouterr()
    kept.show_snapshots(ask(shop))
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["snapshot", "database", "made", "state", "holds", "size"]
    assert row.startswith(f"{done.snapshot.id[:12]}  default")
    assert "2 migrations  2 rows: a 1, b 1" in row
    assert row.endswith(" kB")


def test_one_is_put_in_place_whatever_the_code_makes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes what a reset takes, and is taken back as that is."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    (first,) = list_ids(shop, capsys)
    shop.write("a", "b")
    shop.reset()
    with pytest.raises(RefusedError) as caught:
        kept.restore(ask(shop), first[:8])
    assert caught.value.hint is not None
    assert f"inv data.snapshots --restore {first[:12]} --yes" in caught.value.hint
    request = ask(shop, environment="development", is_confirmed=True)
    kept.restore(request, first[:8])
    assert shop.tables() == ["a"]
    shop.undo()
    assert shop.tables() == ["a", "b"]


def test_what_nobody_uses_goes_unless_it_is_pinned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the next build, or when that is asked for."""
    shop = Shop(tmp_path)
    for tables in ("a",), ("a", "b"), ("a", "b", "c"):
        shop.write(*tables)
        shop.reset()
    ids = list_ids(shop, capsys)
    for one in ids:
        age(shop, one, 31)
    kept.pin(ask(shop), ids[0], is_pinned=True)
    age(shop, ids[0], 31)
    shop.write("a", "b", "c", "d")
    last = shop.reset().snapshot.id
    assert set(list_ids(shop, capsys)) == {last, ids[0]}
    kept.pin(ask(shop), ids[0], is_pinned=False)
    age(shop, ids[0], 31)
    kept.prune_all(ask(shop), days=30, most_bytes=1 << 30)
    assert list_ids(shop, capsys) == [last]
    left = shop.root.glob(".sceneshift/data/*/snapshots/*")
    assert {each.stem for each in left} == {last}


def test_what_is_too_much_goes_by_its_last_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was used last stays."""
    shop = Shop(tmp_path)
    for tables in ("a",), ("a", "b"), ("a", "b", "c"):
        shop.write(*tables)
        shop.reset()
    ids = list_ids(shop, capsys)
    for days, one in enumerate(ids, 1):
        age(shop, one, days)
    (size,) = {
        each.stat().st_size
        for each in shop.root.glob(f".sceneshift/data/*/snapshots/{ids[0]}.sqlite")
    }
    kept.prune_all(ask(shop), days=30, most_bytes=size + 1)
    assert list_ids(shop, capsys) == ids[:1]


@pytest.mark.parametrize(
    ("name", "message"),
    [("zzzz", "`zzzz` is no snapshot"), ("", "`` is the beginning of several")],
)
def test_one_that_is_not_there_is_told(tmp_path: Path, name: str, message: str) -> None:
    """With those that are."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    with pytest.raises(UsageError) as caught:
        kept.pin(ask(shop), name, is_pinned=True)
    assert caught.value.message.startswith(message)
