"""Restoring backups of SQLite files."""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest

from backing import back_up, list_backups, read, restore
from resetting import Shop
from sceneshift.core.errors import RefusedError, SceneshiftError, UsageError
from sceneshift.data.backups.manifest import NAME

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.data.backups.shelf import Backup


@pytest.fixture(name="shop")
def make_shop(tmp_path: Path) -> Shop:
    """Return a project with a table, at a revision."""
    shop = Shop(tmp_path / "shop")
    shop.run("CREATE TABLE a AS SELECT 1 AS id")
    shop.run("CREATE TABLE alembic_version AS SELECT 'r1' AS version_num")
    return shop


def rewrite(backup: Backup, **changes: Any) -> None:
    """Have a manifest say something else."""
    path = backup.folder / NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_it_is_put_in_place_and_taken_back(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """And made again, as a reset is."""
    backup = back_up(shop)
    shop.insert("a", 2)
    restore(shop, backup.id[-4:])
    said = capsys.readouterr().err
    assert said.startswith(f"done: shop.db is what {backup.id} has: 1 row: a 1; put in")
    assert said.endswith("take it back: inv data.undo\n")
    assert shop.run("SELECT id FROM a") == [(1,)]
    look = "SELECT project, environment FROM sceneshift_marker"
    assert shop.run(look) == [("shop", "development")]
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.undo(is_redo=True)
    assert shop.run("SELECT id FROM a") == [(1,)]
    left = shop.root.glob(".sceneshift/data/*/*/*")
    assert {each.parent.name for each in left} == {"former", "undo"}


def test_it_says_what_it_would_do_and_what_it_did(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people and for programs."""
    one = read(back_up(shop))
    at = one.at.isoformat(timespec="seconds")
    restore(shop, one.id, is_dry=True)
    assert capsys.readouterr().out == (
        f"restore shop.db from {one.id}, shop.db of development at {at}: 1 row: a 1\n"
    )
    restore(shop, one.id, is_dry=True, as_json=True)
    place = {"database": "default", "place": "shop.db", "backup": one.id}
    action = {"action": "restore", **place, "at": at, "rows": {"a": 1}}
    assert json.loads(capsys.readouterr().out) == {"actions": [action]}
    restore(shop, one.id, as_json=True)
    said = json.loads(capsys.readouterr().out)
    (done,) = said["databases"]
    assert done.pop("duration_s") > 0
    assert done.pop("undo") == shop.status()["undo"][0]["id"]
    known = {"rows": {"a": 1}, "revisions": ["r1"], "paused": []}
    assert done == {**place, **known}


@pytest.mark.parametrize("options", [{"environment": None}, {"is_confirmed": False}])
def test_guards_stand_before_it(shop: Shop, options: dict[str, Any]) -> None:
    """The same as before a reset, and it is said what would have been destroyed."""
    backup = back_up(shop)
    shop.insert("a", 2)
    with pytest.raises(RefusedError) as caught:
        restore(shop, backup.id, **options)
    assert caught.value.message == (
        "this puts a backup in the place of `shop.db` of development, and nobody can "
        "be asked here: it holds 2 rows: a 2"
    )
    assert caught.value.hint == (
        f"confirm it: inv data.restore {backup.id} --yes --env development"
    )
    with (shop.root / "pyproject.toml").open("a") as file:
        file.write("protected = true\n")
    with pytest.raises(RefusedError, match="is protected, and this puts a backup"):
        restore(shop, backup.id)
    back_up(shop)
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]


def test_rows_that_refer_to_nothing_are_restored(shop: Shop) -> None:
    """They are a person's, who may need them."""
    shop.run("CREATE TABLE b (a REFERENCES a (id))")
    shop.run("CREATE UNIQUE INDEX i ON a (id)")
    shop.run("INSERT INTO b VALUES (7)")
    backup = back_up(shop)
    shop.run("DELETE FROM b")
    restore(shop, backup.id)
    assert shop.run("SELECT a FROM b") == [(7,)]


def test_what_was_copied_elsewhere_is_restored(shop: Shop, tmp_path: Path) -> None:
    """By its folder, its manifest or its data, into another project."""
    backup = back_up(shop)
    there = tmp_path / "usb" / "stick"
    shutil.copytree(backup.folder, there)
    other = Shop(tmp_path / "other")
    for path in (there, there / NAME, there / "data.sqlite.zst"):
        other.run("DROP TABLE IF EXISTS a")
        restore(other, path)
        assert other.run("SELECT id FROM a") == [(1,)]
    assert other.run("SELECT project FROM sceneshift_marker") == [("other",)]


def test_another_database_of_the_environment_may_get_it(shop: Shop) -> None:
    """One that is not there is made, and says whose it is."""
    backup = back_up(shop)
    text = (shop.root / "pyproject.toml").read_text()
    text = text.replace('db"', 'db", more = "sqlite:///more.db"')
    (shop.root / "pyproject.toml").write_text(text)
    restore(shop, backup.id, into="more")
    other = Shop.open(shop.root)
    other.file = shop.root / "more.db"
    assert other.run("SELECT id FROM a") == [(1,)]
    with pytest.raises(UsageError) as caught:
        restore(shop, backup.id, database="more")
    assert caught.value.message == f"`{backup.id}` is of the database `default`"
    assert caught.value.hint == "put it into another one: --into more"
    with pytest.raises(UsageError, match="has no database `less`"):
        restore(shop, backup.id, into="less")


def test_a_plain_file_is_restored_with_its_log(shop: Shop, tmp_path: Path) -> None:
    """As whoever has it open sees it; nothing is known of what it should hold."""
    path = tmp_path / "plain.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE mine AS SELECT 5 AS id")
        connection.commit()
        restore(shop, path)
    assert shop.run("SELECT id FROM mine") == [(5,)]


def test_what_is_damaged_is_refused(shop: Shop) -> None:
    """By its checksum, its data or its manifest; all is as it was."""
    backup = back_up(shop)
    shop.insert("a", 2)
    whole = backup.file.read_bytes()

    def refuse(message: str) -> None:
        with pytest.raises(SceneshiftError, match=message):
            restore(shop, backup.id)
        assert shop.run("SELECT id FROM a") == [(1,), (2,)]
        assert [*shop.root.glob(".sceneshift/data/*/drafts/*")] == []

    backup.file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refuse("is damaged: its checksum is not that of the manifest")
    backup.file.write_bytes(whole[: len(whole) // 2])
    refuse("is damaged: its checksum")
    backup.file.write_bytes(whole)
    rewrite(backup, rows={"a": 3})
    refuse(f"`{backup.id}` does not hold what its manifest says: a 1, not 3")
    rewrite(backup, rows={"a": 1}, revisions=None)
    refuse("its manifest says: revisions")
    rewrite(backup, raw_sha256="0")
    refuse("is damaged: its data is not what was written")
    for changes, message in (
        ({"format": 2}, "is of a later version of sceneshift"),
        ({"file": "../../shop.db"}, "is damaged: it names the file"),
        ({"at": "2026-11-28T12:00:00"}, "is damaged: Expected `datetime` with"),
    ):
        text = (backup.folder / NAME).read_text()
        rewrite(backup, **changes)
        refuse(message)
        (backup.folder / NAME).write_text(text)
    backup.file.unlink()
    refuse("the data of .* cannot be read: .*: no such file")
    (backup.folder / NAME).unlink()
    refuse("the manifest of .* cannot be read: no such file")


@pytest.mark.parametrize("most", [20_000, 150_000])
def test_a_full_disk_leaves_all_as_it_was(shop: Shop, most: int) -> None:
    """In the draft, and where the present state is kept."""
    shop.run("CREATE TABLE big AS SELECT zeroblob(90000) AS x")
    backup = back_up(shop)
    shop.run("INSERT INTO big VALUES (zeroblob(90000))")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, old[1]))
    try:
        with pytest.raises(SceneshiftError) as caught:
            restore(shop, backup.id)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert "df -h" in str(caught.value.hint)
    assert shop.run("SELECT count(*) FROM big") == [(2,)]
    assert [*shop.root.glob(".sceneshift/data/*/drafts/*")] == []
    restore(shop, backup.id)
    assert shop.run("SELECT count(*) FROM big") == [(1,)]


def test_what_no_backup_is_is_refused(shop: Shop, tmp_path: Path) -> None:
    """With what is one, or what would read it."""
    backup = back_up(shop)
    (tmp_path / "dump.sql").write_text("SELECT 1")
    (tmp_path / "dump").write_bytes(b"PGDMP\1")
    renamed = tmp_path / "renamed"
    shutil.copytree(backup.folder, renamed)
    (renamed / "data.sqlite.zst").rename(renamed / "mine.zst")
    for named, message, hint in (
        ("zzzz", "`zzzz` is no backup", f"known: `{backup.id}`"),
        ("2", "`2` is no backup", f"known: `{backup.id}`"),
        (tmp_path / "none", "there is no file", "see what there is: inv data.backups"),
        (tmp_path / "dump.sql", "is neither a backup", "inv data.shell <"),
        (tmp_path / "dump", "is of postgresql, and `default` is", "--into NAME"),
        (renamed / "mine.zst", "has another name than", "with all that is in its"),
    ):
        with pytest.raises(UsageError) as caught:
            restore(shop, named)
        assert message in caught.value.message
        assert hint in str(caught.value.hint)
    back_up(shop)
    year = backup.id[:4]
    with pytest.raises(UsageError, match=f"`{year}` may be several backups"):
        restore(shop, year)


def test_who_works_with_it_sees_the_old_or_the_new(shop: Shop) -> None:
    """And goes on in the same file."""
    shop.run("PRAGMA journal_mode = WAL")
    backup = back_up(shop)
    shop.insert("a", 2)
    over, seen, errors = threading.Event(), set(), []

    def look() -> None:
        with contextlib.closing(sqlite3.connect(shop.file, timeout=30)) as connection:
            while not over.is_set():
                try:
                    seen.add(connection.execute("SELECT sum(id) FROM a").fetchone())
                except sqlite3.Error as error:
                    errors.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(2):
            restore(shop, backup.id)
            shop.undo()
    finally:
        over.set()
        thread.join()
    assert (errors, seen) == ([], {(1,), (3,)})
    assert len(list_backups(shop)) == 1
