from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest

from migrating import TABLE
from resetting import Shop
from sceneshift.core.errors import RefusedError, SceneshiftError
from sceneshift.data.drop import drop
from sceneshift.data.target import Request, load_targets

if TYPE_CHECKING:
    from pathlib import Path

    from stacks import Project


def ask(shop: Shop, **options: Any) -> None:
    """Drop it, as from a script."""
    named = {"environment": "development", "is_confirmed": True, **options}
    drop(Request(root=shop.root, environ=shop.environ, **named))


def test_nothing_is_left_but_whose_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it is taken back, and made again."""
    shop = Shop(tmp_path, "a", "b")
    shop.reset()
    shop.insert("a", 2)
    capsys.readouterr()
    ask(shop)
    said = capsys.readouterr().err
    assert said.startswith("done: shop.db is empty: it held 3 rows: a 2, b 1; dropped")
    assert said.endswith("take it back: inv data.undo\n")
    assert shop.run("SELECT name FROM sqlite_master") == [("sceneshift_marker",)]
    assert shop.run("SELECT environment FROM sceneshift_marker") == [("development",)]
    assert (shop.status()["revisions"], shop.status()["undo"][0]["change"]) == (
        None,
        "drop",
    )
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.undo(is_redo=True)
    assert shop.tables() == []
    shop.undo()
    shop.undo()
    assert shop.tables() == []


def test_what_has_nothing_in_it_is_not_dropped_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would push out what can be taken back; nor is one made that is not there."""
    shop = Shop(tmp_path, "a")
    ask(shop, is_confirmed=False)
    assert not shop.file.exists()
    assert capsys.readouterr().err == "shop.db has nothing in it already\n"
    shop.reset()
    shop.insert("a", 2)
    for _ in range(5):
        ask(shop)
    assert len(shop.status()["undo"]) == 2
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]


def test_what_came_after_a_drop_is_dropped(tmp_path: Path) -> None:
    """Tables, or only where migrations stand."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    ask(shop)
    shop.run("CREATE TABLE mine AS SELECT 5 AS id")
    ask(shop)
    assert shop.tables() == []
    shop.undo()
    assert shop.run("SELECT id FROM mine") == [(5,)]
    shop.run("DROP TABLE mine")
    shop.run("CREATE TABLE alembic_version AS SELECT 'r1' AS version_num")
    ask(shop)
    assert shop.run("SELECT name FROM sqlite_master") == [("sceneshift_marker",)]


def test_it_says_what_it_would_do_and_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people and for programs."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    capsys.readouterr()
    ask(shop, is_dry=True)
    assert capsys.readouterr().out == "drop shop.db: 1 row: a 1\n"
    ask(shop, is_dry=True, as_json=True)
    described = {"database": "default", "place": "shop.db"}
    action = {"action": "drop", **described, "rows": {"a": 1}}
    assert json.loads(capsys.readouterr().out) == {"actions": [action]}
    assert shop.tables() == ["a"]
    ask(shop, as_json=True)
    said = json.loads(capsys.readouterr().out)
    (done,) = said["databases"]
    assert done.pop("duration_s") >= 0
    undo = shop.status()["undo"][0]["id"]
    kept = {"rows": {"a": 1}, "undo": undo, "paused": []}
    assert done == {**described, "is_dropped": True, **kept}
    ask(shop, as_json=True)
    (done,) = json.loads(capsys.readouterr().out)["databases"]
    assert (done["is_dropped"], done["rows"], done["undo"]) == (False, {}, None)
    ask(shop, is_dry=True)
    said = capsys.readouterr()
    assert said == ("", "nothing is to be done: they have nothing in them\n")


@pytest.mark.parametrize("options", [{"environment": None}, {"is_confirmed": False}])
def test_guards_stand_before_it(tmp_path: Path, options: dict[str, Any]) -> None:
    """The same as before a reset, and it is said what would have been destroyed."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    with pytest.raises(RefusedError) as caught:
        ask(shop, **options)
    assert caught.value.message == (
        "this drops `shop.db` of development, and nobody can be asked here: "
        "it holds 1 row: a 1"
    )
    assert caught.value.hint == "confirm it: inv data.drop --yes --env development"
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write("protected = true\n")
    with pytest.raises(RefusedError, match="is protected, and this drops it"):
        ask(shop)
    assert shop.tables() == ["a"]


def test_a_terminal_is_asked_for_its_name(project: Project) -> None:
    """Anything else leaves all as it was."""
    project.write({"pyproject.toml": TABLE.format(url="sqlite:///shop.db")})
    file = project.root / "shop.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE a AS SELECT 1 AS id")
    for typed, code in ((b"shop\n", 4), (b"shop.db\n", 0)):
        terminal = project.start_in_terminal("data.drop")
        terminal.wait_for("it holds 1 row: a 1; type `shop.db`:")
        terminal.type(typed)
        assert terminal.wait() == code
    assert "nothing in it already" in project.inv("data.drop").stderr


def test_none_of_a_server_is_dropped_yet(tmp_path: Path) -> None:
    """And no other one of the environment either."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    two = 'sqlite:///shop.db", more = "oracle://localhost/shop'
    (tmp_path / "pyproject.toml").write_text(TABLE.format(url=two))
    with pytest.raises(SceneshiftError, match="is a database of `oracle`"):
        ask(shop)
    assert shop.tables() == ["a"]


def test_who_works_with_it_sees_the_old_or_the_new(tmp_path: Path) -> None:
    """And goes on in the same file, whose size is given back."""
    shop = Shop(tmp_path, "a", "b")
    shop.reset()
    shop.run("PRAGMA journal_mode = WAL")
    over, seen, errors = threading.Event(), set(), []
    look = "SELECT count(*) FROM sqlite_master WHERE type = 'table'"

    def read() -> None:
        with contextlib.closing(sqlite3.connect(shop.file, timeout=30)) as connection:
            while not over.is_set():
                try:
                    seen.add(connection.execute(look).fetchone())
                except sqlite3.Error as error:
                    errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    node = shop.file.stat().st_ino
    try:
        for _ in range(5):
            ask(shop)
            shop.undo()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert seen == {(0,), (3,)}
    assert shop.file.stat().st_ino == node


def test_what_cannot_be_kept_is_not_dropped(tmp_path: Path) -> None:
    """And what was taken back before can still be made again."""
    shop = Shop(tmp_path, "a")
    shop.reset()
    shop.insert("a", 2)
    shop.reset()
    shop.undo()
    (target,) = load_targets(shop.root, shop.environ)
    drafts = target.folder / "drafts"
    drafts.rmdir()
    drafts.touch()
    with pytest.raises(SceneshiftError) as caught:
        ask(shop)
    assert caught.value.message.startswith("the state folder cannot be made")
    drafts.unlink()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.undo(is_redo=True)
    assert shop.run("SELECT id FROM a") == [(1,)]
    ask(shop)
    with pytest.raises(SceneshiftError, match="can be made again"):
        shop.undo(is_redo=True)
