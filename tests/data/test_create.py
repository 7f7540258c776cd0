from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from migrating import TABLE
from sceneshift.core.errors import RefusedError, SceneshiftError
from sceneshift.data.create import create
from sceneshift.data.sqlite.files import reading
from sceneshift.data.target import Request
from watching import git

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server

MARK = "SELECT project, environment, state FROM sceneshift_marker"


def configure(root: Path, url: str, more: str = "") -> Path:
    """Write a project with one database; return its folder."""
    root.mkdir(exist_ok=True)
    head = '[project]\nname = "shop"\nversion = "1"\n'
    (root / "pyproject.toml").write_text(head + TABLE.format(url=url) + more)
    return root


def ask(
    root: Path, capsys: pytest.CaptureFixture[str], **options: Any
) -> tuple[str, str]:
    """Create; return both outputs."""
    create(Request(root=root, environ={}, **options))
    return capsys.readouterr()


def test_a_file_is_made_with_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says whose it is; the second time nothing is changed."""
    root = configure(tmp_path, "sqlite:///var/a b/shop.db")
    path = tmp_path / "var/a b/shop.db"
    assert ask(root, capsys, is_dry=True)[0] == "create shop.db\n"
    assert not path.parent.exists()
    assert ask(root, capsys)[1] == "done: shop.db is there, empty\n"
    with reading(path) as connection:
        assert connection is not None
        assert connection.execute(MARK).fetchall() == [("shop", "development", "")]
    before = path.read_bytes()
    assert ask(root, capsys)[1] == "shop.db is there already\n"
    assert path.read_bytes() == before
    said = ask(root, capsys, is_dry=True)
    assert said == ("", "nothing is to be done: they are there\n")
    assert json.loads(ask(root, capsys, is_dry=True, as_json=True)[0]) == {
        "actions": []
    }


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("name", ["shop-1", 'sh"op %s', "größe"])
def test_one_is_made_on_a_server(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """In UTF-8, whatever the server's own encoding, for whoever asks for it."""
    root = configure(tmp_path, server.url(name, "psycopg"))
    planned = ask(root, capsys, is_dry=True, as_json=True)[0]
    (action,) = json.loads(planned)["actions"]
    assert (action["action"], action["database"]) == ("create", "default")
    made = json.loads(ask(root, capsys, as_json=True)[0])
    assert made["environment"] == "development"
    assert [each["is_created"] for each in made["databases"]] == [True]
    assert server.run(name, MARK) == [("shop", "development", "")]
    look = (
        "SELECT pg_encoding_to_char(encoding), pg_get_userbyid(datdba) "
        "FROM pg_database WHERE datname = current_database()"
    )
    assert server.run(name, look) == [("UTF8", "postgres")]
    server.run(name, "CREATE TABLE mine ()")
    again = json.loads(ask(root, capsys, as_json=True)[0])
    assert [each["is_created"] for each in again["databases"]] == [False]
    assert server.run(name, "SELECT * FROM mine") == []


@pytest.mark.needs("postgresql")
def test_it_begins_with_what_every_new_one_has(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where that is of the same encoding."""
    server.run("postgres", "CREATE DATABASE fit ENCODING 'UTF8' TEMPLATE template0")
    server.run("fit", "CREATE TABLE usual ()")
    swap = (
        "ALTER DATABASE template1 RENAME TO former",
        "ALTER DATABASE fit RENAME TO template1",
    )
    back = (
        "ALTER DATABASE template1 RENAME TO fit",
        "ALTER DATABASE former RENAME TO template1",
    )
    server.run("postgres", "ALTER DATABASE template1 IS_TEMPLATE false")
    for each in swap:
        server.run("postgres", each)
    try:
        ask(configure(tmp_path, server.url("usual")), capsys)
    finally:
        for each in back:
            server.run("postgres", each)
        server.run("postgres", "ALTER DATABASE template1 IS_TEMPLATE true")
    assert server.run("usual", "SELECT * FROM usual") == []


@pytest.mark.needs("postgresql")
def test_a_user_who_may_not_is_told_what_would_help(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is left of it."""
    server.run("postgres", "CREATE ROLE small LOGIN")
    url = server.url("smallish").replace("postgres@", "small@")
    with pytest.raises(SceneshiftError) as caught:
        ask(configure(tmp_path, url), capsys)
    assert caught.value.message == (
        "`smallish` cannot be made: permission denied to create database"
    )
    assert caught.value.hint == ("may its user make databases? ALTER ROLE … CREATEDB")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql:///", "`` can be no database's name: it has 0 bytes"),
        ("postgresql:///" + "ä" * 32, "can be no database's name: it has 64 bytes"),
        ("oracle://localhost/shop", "it is a database of `oracle`"),
        ("sqlite:///file/shop.db", "`shop.db` cannot be made: .*/file: file exists"),
        ("sqlite:///loop/shop.db", "`shop.db` cannot be made: .*: too many levels"),
    ],
)
def test_what_cannot_be_made_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, message: str
) -> None:
    """Before anything is done: a name that is too long would be cut off."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SceneshiftError, match=message):
        ask(configure(tmp_path, url), capsys)


def test_one_in_memory_is_always_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever opens it makes it."""
    root = configure(tmp_path, "sqlite://")
    assert "is there already" in ask(root, capsys)[1]
    assert ask(root, capsys, is_dry=True)[0] == ""


def test_a_protected_environment_has_to_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is active was perhaps forgotten."""
    root = configure(tmp_path, "sqlite:///shop.db", "protected = true\n")
    with pytest.raises(RefusedError) as caught:
        ask(root, capsys)
    assert caught.value.hint == "if it is meant: inv data.create --env development"
    assert not (tmp_path / "shop.db").exists()
    ask(root, capsys, environment="dev")
    assert (tmp_path / "shop.db").exists()


def test_that_of_a_worktree_is_a_copy_or_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty one would be taken for it from then on."""
    main, tree = tmp_path / "main", tmp_path / "tree"
    configure(main, "sqlite:///shop.db")
    (main / ".gitignore").write_text("*.db\n")
    git(main, "init", "-q")
    git(main, "add", ".")
    git(main, "commit", "-q", "-m", "one")
    git(main, "worktree", "add", "-q", "../tree")
    (main / "shop.db").write_text("a text of some length, which is no database")
    with pytest.raises(SceneshiftError) as caught:
        ask(tree, capsys)
    assert caught.value.message == "a database of this worktree cannot be made"
    assert not (tree / "shop.db").exists()
    (main / "shop.db").unlink()
    create(Request(root=main, environ={}))
    assert f"is a copy of {main}/shop.db" in ask(tree, capsys)[1]
