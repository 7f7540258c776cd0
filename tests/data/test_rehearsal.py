"""Migrations on a copy first."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from migrating import READING, describe_revision, make_project
from resetting import MysqlShop, ServerShop, Shop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.migrate import migrate_all
from sceneshift.data.sqlite.schema import STRUCTURE, describe_structure
from sceneshift.data.system import find_system
from sceneshift.data.target import Request, load_targets

if TYPE_CHECKING:
    from pathlib import Path

    import mariadb
    from postgresql import Server

MODELS = """\
import sqlalchemy as sa
metadata = sa.MetaData()
sa.Table("people", metadata, sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(80)), sa.Column("age", sa.Integer, nullable=False))
sa.Table("pets", metadata, sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("owner", sa.Integer, sa.ForeignKey("people.id")))
"""
ENV = "import models\n" + READING.replace(
    "connection=connection", "connection=connection, target_metadata=models.metadata"
)
PEOPLE = """\
op.create_table("people", sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(80)), sa.Column("age", sa.Integer))"""
PETS = """\
op.create_table("pets", sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner", sa.Integer, sa.ForeignKey("people.id")))"""
ALTER = """\
with op.batch_alter_table("people") as batch:
        batch.alter_column("age", existing_type=sa.Integer, nullable={})"""
CLEAN = """\
op.execute("UPDATE people SET age = 0 WHERE age IS NULL")
    op.execute("DELETE FROM people WHERE id = 1")
    """
MADE = """\
CREATE TABLE people (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(80), age INTEGER)"""
REVISIONS = {
    "r1": (PEOPLE, 'op.drop_table("people")'),
    "r2": (PETS, 'op.drop_table("pets")'),
    "r3": (CLEAN + ALTER.format(False), ALTER.format(True)),
}


def write(shop: Shop, revisions: dict[str, tuple[str, str]]) -> None:
    """Write revisions that do and undo something."""
    texts, down = {}, None
    for name, (does, undoes) in revisions.items():
        text = describe_revision(name, down, does=does)
        head, _, _ = text.rpartition("pass")
        head = head.replace(
            "from alembic import op", "import sqlalchemy as sa\nfrom alembic import op"
        )
        texts[name], down = f"{head}{undoes}\n", name
    make_project(shop.root, texts, env=ENV)


def fill(shop: Shop) -> None:
    """Have a database at the first revision, with rows in it."""
    (shop.root / "models.py").write_text(MODELS)
    write(shop, REVISIONS)
    for statement in (
        MADE,
        "INSERT INTO people VALUES (1, 'Ann', 7), (2, 'Bob', NULL)",
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
        "INSERT INTO alembic_version VALUES ('r1')",
    ):
        shop.run(statement)


def rehearse(
    shop: Shop,
    capsys: pytest.CaptureFixture[str],
    to: str | None = None,
    **options: Any,
) -> Any:
    """Rehearse what is pending, and return what is printed."""
    capsys.readouterr()
    request = Request(root=shop.root, environ=shop.environ, as_json=True, **options)
    error = None
    try:
        migrate_all(request, to=to, is_rehearsed=True)
    except SceneshiftError as raised:
        error = raised.message
    return json.loads(capsys.readouterr().out), error


def test_what_batch_mode_writes_otherwise_is_the_same() -> None:
    """A key, a reference and a default may be written in many ways."""
    one = """CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INT REFERENCES a (id),
        c TEXT DEFAULT '' NOT NULL UNIQUE CHECK (c <> 'x'), d DATETIME DEFAULT 7)"""
    two = """CREATE TABLE "b" (d DATETIME DEFAULT (7), a_id INT, id INTEGER NOT NULL,
        c TEXT DEFAULT ('') NOT NULL, PRIMARY KEY (id), UNIQUE (c), CHECK (c<>'x'),
        FOREIGN KEY(a_id) REFERENCES a (id))"""
    others = (("''", "'y'"), ("'x'", "'z'"), (" UNIQUE", ""), ("a (id)", "b (id)"))
    found = []
    for text in (one, two, *(one.replace(*pair) for pair in others)):
        with contextlib.closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("CREATE TABLE a (id INTEGER PRIMARY KEY)")
            connection.execute(text)
            found.append(describe_structure(connection.execute(STRUCTURE)))
    assert found[0] == found[1]
    assert all(each != found[0] for each in found[2:])


def test_all_is_told_and_then_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--dry-run` it is told alone."""
    shop = Shop(tmp_path)
    fill(shop)
    (target,) = load_targets(shop.root, shop.environ)
    drafts = target.make_folder("drafts")
    find_system(target).copy()  # as one that was killed then
    assert len([*drafts.iterdir()]) == 1
    said, error = rehearse(shop, capsys)
    assert error is None
    (one,) = said["rehearsals"]
    assert (one["is_good"], one["models"], one["problems"]) == (True, [], [])
    second, third = one["revisions"]
    assert (second["revision"], second["rows"]) == ("r2 Do r2", [])
    assert third["rows"] == [
        {"table": "people", "inserted": 0, "updated": 1, "removed": 1}
    ]
    assert (third["rewritten"], third["locks"]) == (["people"], None)
    assert second["duration_s"] > 0
    assert [*drafts.iterdir()] == []
    assert said["databases"][0]["revisions"] == ["r2 Do r2", "r3 Do r3"]
    assert shop.tables() == ["people", "pets"]
    said, _ = rehearse(shop, capsys, to="-1", is_dry=True)
    (one,) = said["rehearsals"]
    assert [each["revision"] for each in one["revisions"]] == ["r3 Do r3"]
    assert (one["is_good"], one["models"]) == (True, None)
    migrate_all(Request(root=shop.root, environ=shop.environ), is_rehearsed=True)
    assert "nothing is pending\n" in capsys.readouterr().err


@pytest.mark.needs("postgresql")
def test_locks_are_told_by_migration(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of tables that were there before: nobody waits for a new one."""
    shop = ServerShop(tmp_path, server=server)
    fill(shop)
    with server.connect(shop.name):  # a client need not leave
        said, error = rehearse(shop, capsys, is_dry=True)
    assert error is None
    (one,) = said["rehearsals"]
    assert (one["is_good"], one["models"]) == (True, [])
    second, third = one["revisions"]
    # The foreign key is a trigger on the other table.
    assert second["locks"] == [{"table": "people", "mode": "ShareRowExclusiveLock"}]
    assert third["locks"] == [{"table": "people", "mode": "AccessExclusiveLock"}]
    assert third["rows"] == [
        {"table": "people", "inserted": 0, "updated": 1, "removed": 1}
    ]
    assert second["rewritten"] == third["rewritten"] == []
    assert second["has_committed"] is third["has_committed"] is False
    assert shop.tables() == ["people"]
    assert shop.beside("bnx") == []
    (target,) = load_targets(shop.root, shop.environ)
    find_system(target).copy()  # as one that was killed then
    assert len(shop.beside("b")) == 1
    find_system(target).sweep()
    assert shop.beside("bnx") == []


@pytest.mark.needs("postgresql")
def test_what_commits_by_itself_is_told(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So is what is written anew as a whole."""
    shop = ServerShop(tmp_path, server=server)
    fill(shop)
    block = "with op.get_context().autocommit_block(): op.execute({!r})"
    index = block.format("CREATE INDEX CONCURRENTLY i ON people (age)")
    wide = "op.execute('ALTER TABLE people ALTER age TYPE {}')"
    own = (f"{index}\n    {wide.format('bigint')}", wide.format("int"))
    write(shop, {**REVISIONS, "r2": own, "r3": ("pass", "pass")})
    said, error = rehearse(shop, capsys)
    assert error is not None
    one, other = said["rehearsals"][0]["revisions"]
    assert other["problems"] == []
    assert (one["has_committed"], one["rewritten"]) == (True, ["people"])
    assert one["problems"] == [
        "its downgrade is not its inverse: index i is there besides"
    ]
    assert shop.beside("bnx") == []


@pytest.mark.needs("mariadb")
def test_what_mariadb_tells_is_told(
    mysql: mariadb.Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of locks nothing, which is said; and whose downgrade is not its inverse."""
    shop = MysqlShop(tmp_path, server=mysql)
    fill(shop)
    shop.run("ALTER TABLE people MODIFY id INT AUTO_INCREMENT")
    said, error = rehearse(shop, capsys, is_dry=True)
    assert error is None
    (one,) = said["rehearsals"]
    assert (one["is_good"], one["models"], one["problems"]) == (True, [], [])
    second, third = one["revisions"]
    assert third["rows"] == [
        {"table": "people", "inserted": 0, "updated": 1, "removed": 1}
    ]
    assert second["locks"] is third["locks"] is None
    assert (shop.tables(), shop.beside()) == (["people"], [])

    copies = "op.execute('ALTER TABLE people MODIFY age BIGINT NOT NULL')"
    index = "op.execute('CREATE INDEX i ON people (name)')"
    write(shop, {**REVISIONS, "r3": (f"{CLEAN}{copies}\n    {index}", copies)})
    request = Request(root=shop.root, environ=shop.environ, is_dry=True)
    with pytest.raises(SceneshiftError):
        migrate_all(request, is_rehearsed=True)
    shown = capsys.readouterr()
    assert "people ~1 -1, people written anew  -" in shown.out
    assert "its downgrade is not its inverse: column people.age is " in shown.err
    assert "index people.i is there besides" in shown.err
    assert "the server does not tell of locks that are gone" in shown.err
    assert shop.beside() == []


@pytest.mark.parametrize(
    ("revision", "undoes", "problem"),
    [
        ("r2", "pass", "its downgrade is not its inverse: column pets.id is there bes"),
        ("r3", "1 / 0", "its downgrade fails: the migration of `default` failed: "),
    ],
)
def test_what_cannot_be_undone_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    revision: str,
    undoes: str,
    problem: str,
) -> None:
    """By whose fault; and nothing is done to the database."""
    shop = Shop(tmp_path)
    fill(shop)
    does, _ = REVISIONS[revision]
    write(shop, {**REVISIONS, revision: (does, undoes)})
    before = shop.status()["undo"]
    said, error = rehearse(shop, capsys)
    assert error == "the rehearsal went wrong for `default`, and nothing was done"
    (one,) = said["rehearsals"]
    assert not one["is_good"]
    bad = {each["revision"]: each["problems"] for each in one["revisions"]}
    (found,) = bad.pop(f"{revision} Do {revision}")
    assert found.startswith(problem)
    assert [*bad.values()] == [[]]
    assert (shop.tables(), shop.status()["undo"]) == (["people"], before)


def test_what_fails_or_is_not_what_the_models_have_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A migration that fails, and models that no migration makes."""
    shop = Shop(tmp_path)
    fill(shop)
    models = (tmp_path / "models.py").read_text()
    (tmp_path / "models.py").write_text(models.replace("(80)", "(80), index=True"))
    request = Request(root=shop.root, environ=shop.environ)
    capsys.readouterr()
    with pytest.raises(SceneshiftError):
        migrate_all(request, is_rehearsed=True)
    said = capsys.readouterr()
    assert "people ~1 -1, people written anew" in said.out
    assert "the whole file, at the end" in said.out
    assert said.err == (
        "shop.db: the models have another: add index ix_people_name of people\n"
    )
    write(shop, {**REVISIONS, "r3": ("1 / 0", "pass")})
    found, _ = rehearse(shop, capsys)
    (problem,) = found["rehearsals"][0]["problems"]
    assert problem == (
        "r3 Do r3: its upgrade fails: the migration of `default` failed: "
        "ZeroDivisionError: division by zero"
    )
    assert found["rehearsals"][0]["revisions"][1]["duration_s"] is None
    assert shop.tables() == ["people"]
