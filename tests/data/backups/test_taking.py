"""Taking backups of SQLite files."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from backing import back_up, configure, list_backups, open_shelf, read, restore
from migrating import TABLE
from resetting import Shop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.backups import taking
from sceneshift.data.backups.archive import check_sum, unpack

if TYPE_CHECKING:
    from pathlib import Path


def ask(shop: Shop, **options: Any) -> None:
    """Take one, as it is typed."""
    request = taking.BackupRequest(root=shop.root, environ=shop.environ, **options)
    taking.back_up(request)


@pytest.fixture(name="shop")
def make_shop(tmp_path: Path) -> Shop:
    """Return a project with a table, at a revision."""
    shop = Shop(tmp_path)
    shop.run("CREATE TABLE a AS SELECT 1 AS id")
    shop.run("CREATE TABLE alembic_version AS SELECT 'r1' AS version_num")
    return shop


def test_all_that_is_known_is_written_down(shop: Shop) -> None:
    """Beside the data, and for nobody else to read."""
    backup = back_up(shop, "before the demo")
    one = read(backup)
    assert (one.database, one.environment, one.system) == (
        "default",
        "development",
        "sqlite",
    )
    assert (one.rows, one.revisions) == ({"a": 1}, ("r1",))
    assert (one.note, one.is_automatic, one.server) == (
        "before the demo",
        False,
        sqlite3.sqlite_version,
    )
    assert one.size_bytes == backup.file.stat().st_size
    check_sum(backup.file, one)
    data = b"".join(unpack(backup.file, one.raw_sha256))
    assert (data[:15], len(data)) == (b"SQLite format 3", one.raw_bytes)
    assert backup.folder.parent == shop.root / ".sceneshift/backups"
    assert {each.name for each in backup.folder.iterdir()} == {
        "data.sqlite.zst",
        "manifest.json",
    }
    for each in backup.folder.iterdir():
        assert each.stat().st_mode & 0o777 == 0o600
    assert backup.folder.stat().st_mode & 0o777 == 0o700
    assert list_backups(shop) == [backup]


def test_a_file_is_never_open_to_others(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the moment in which it is made either."""
    modes = []
    old = os.open

    def note(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        handle = old(path, flags, mode, **more)
        if flags & os.O_CREAT and "backups" in str(path):
            modes.append(os.fstat(handle).st_mode & 0o077)
        return handle

    monkeypatch.setattr(os, "open", note)
    mask = os.umask(0)
    try:
        back_up(shop)
    finally:
        os.umask(mask)
    assert modes == [0, 0, 0]


def test_it_is_told(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """For people and for programs."""
    ask(shop, is_dry=True)
    assert capsys.readouterr().out == "back up shop.db: 1 row: a 1\n"
    ask(shop, is_dry=True, as_json=True)
    action = {"action": "backup", "database": "default", "place": "shop.db"}
    assert json.loads(capsys.readouterr().out) == {
        "actions": [{**action, "rows": {"a": 1}}]
    }
    assert list_backups(shop) == []
    ask(shop)
    said = capsys.readouterr().err
    (first,) = list_backups(shop)
    assert said.startswith(f"done: shop.db is backed up as {first.id}: 1 row: a 1; ")
    assert said.endswith("see them all: inv data.backups\n")
    configure(shop, "keep = 1")
    ask(shop, as_json=True)
    said = json.loads(capsys.readouterr().out)
    (done,) = said["databases"]
    assert done.pop("duration_s") > 0
    (one,) = list_backups(shop)
    assert said["environment"] == "development"
    assert done == {
        "database": "default",
        "place": "shop.db",
        "id": one.id,
        "file": str(one.file),
        "rows": {"a": 1},
        "revisions": ["r1"],
        "size_bytes": read(one).size_bytes,
        "sha256": read(one).sha256,
        "removed": [first.id],
    }


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_who_writes_meanwhile_is_in_it_as_a_whole(shop: Shop, mode: str) -> None:
    """Each row of `a` has one in `b`, in each backup, and nobody has an error."""
    shop.run("CREATE TABLE b AS SELECT 1 AS id")
    shop.run(f"PRAGMA journal_mode = {mode}")
    over, errors = threading.Event(), []

    def write() -> None:
        with contextlib.closing(sqlite3.connect(shop.file, timeout=30)) as connection:
            while not over.wait(0.002):
                try:
                    with connection:
                        connection.execute("INSERT INTO a VALUES (2)")
                        connection.execute("INSERT INTO b VALUES (2)")
                except sqlite3.Error as error:
                    errors.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        rows = [read(back_up(shop)).rows for _ in range(5)]
    finally:
        over.set()
        thread.join()
    assert errors == []
    assert all(each["a"] == each["b"] for each in rows)
    assert rows[0]["a"] < rows[-1]["a"]


def test_two_at_once_follow_each_other(shop: Shop) -> None:
    """Both are there, and nothing else."""
    with ThreadPoolExecutor() as pool:
        made = [*pool.map(lambda _: back_up(shop).id, range(3))]
    assert {each.id for each in list_backups(shop)} == set(made)
    left = {each.name for each in open_shelf(shop).folder.iterdir()}
    assert left == {".lock", *made}


def test_what_is_not_there_or_damaged_is_told(shop: Shop) -> None:
    """And nothing is left of the attempt."""
    back_up(shop)
    shop.run("CREATE TABLE big AS SELECT hex(randomblob(9000)) AS x")
    data = bytearray(shop.file.read_bytes())
    data[-9000:-5000] = b"\xff" * 4000
    shop.file.write_bytes(data)
    with pytest.raises(
        SceneshiftError, match=r"`shop.db` (is damaged|cannot be copied)"
    ):
        back_up(shop)
    shop.file.unlink()
    with pytest.raises(SceneshiftError, match=r"`shop.db` is not there: no backup"):
        back_up(shop)
    assert len(list_backups(shop)) == 1
    assert len([*open_shelf(shop).folder.iterdir()]) == 2
    assert not shop.file.exists()


@pytest.mark.parametrize("most", [9_000, 40_000, 100_000])
def test_a_full_disk_leaves_nothing_half(shop: Shop, most: int) -> None:
    """At the copy, at what is compressed, and at what is read again."""
    shop.run("CREATE TABLE big AS SELECT randomblob(90000) AS x")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, old[1]))
    try:
        with pytest.raises(SceneshiftError) as caught:
            back_up(shop)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert caught.value.hint is not None
    assert "df -h" in caught.value.hint
    assert [each.name for each in open_shelf(shop).folder.iterdir()] == [".lock"]
    restore(shop, back_up(shop).id)


def test_a_folder_can_be_named(shop: Shop, tmp_path: Path) -> None:
    """Outside of the project for one, where it outlives it."""
    configure(shop, f'folder = "{tmp_path}/else/where"')
    backup = back_up(shop)
    assert backup.folder.parent == tmp_path / "else/where"
    assert backup.folder.parent.stat().st_mode & 0o777 == 0o700
    (tmp_path / "else/where").chmod(0o500)
    if os.geteuid():
        with pytest.raises(SceneshiftError, match="no backup was made or changed"):
            back_up(shop)


def test_each_has_a_name_of_its_own(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chance may draw one twice within a second."""
    drawn = itertools.cycle(["0000", "0001"])
    folder, now = back_up(shop).folder.parent, datetime.now(UTC)
    for second in range(30):
        at = now + timedelta(seconds=second)
        (folder / f"{at:%Y%m%dT%H%M%S}-0000" / "more").mkdir(parents=True)
    monkeypatch.setattr("secrets.token_hex", lambda _: next(drawn))
    assert back_up(shop).id.endswith("-0001")


def test_git_ignores_a_folder_in_the_project(shop: Shop) -> None:
    """What people keep in it is nobody else's."""
    configure(shop, 'folder = "kept"')
    back_up(shop)
    assert (shop.root / "kept/.gitignore").read_text() == "*\n"
    assert len(list_backups(shop)) == 1
    assert not (shop.root / ".sceneshift/backups").exists()


def test_none_is_had_of_other_systems(shop: Shop) -> None:
    """It is said which can be."""
    text = TABLE.format(url="oracle://localhost/shop")
    (shop.root / "pyproject.toml").write_text(text)
    with pytest.raises(SceneshiftError, match="it is a database of `oracle`"):
        ask(shop)
