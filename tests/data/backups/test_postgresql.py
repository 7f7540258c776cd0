"""Backups of PostgreSQL databases, on a real server."""

from __future__ import annotations

import subprocess
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from backing import back_up, claim, list_backups, open_shelf, read, restore
from migrating import TABLE, make_chain, make_project
from postgresql import require_password
from resetting import ServerShop, Shop
from sceneshift.core.errors import ComponentError, SceneshiftError, UsageError
from sceneshift.data.backups import taking
from sceneshift.data.backups.archive import unpack
from sceneshift.data.postgresql import content as pgcontent
from sceneshift.data.postgresql import tools as pgtools
from support import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from postgresql import Server

pytestmark = pytest.mark.needs("postgresql")

ODD = """
CREATE SCHEMA "o'dd";
CREATE TYPE "o'dd".mood AS ENUM ('good', 'bad');
CREATE TABLE "o'dd"."Tab""le" (id serial PRIMARY KEY, mood "o'dd".mood, data bytea);
INSERT INTO "o'dd"."Tab""le" (mood, data) VALUES ('good', '\\x00ff'), ('bad', NULL);
CREATE VIEW seen AS SELECT * FROM "o'dd"."Tab""le";
CREATE TABLE a (id int PRIMARY KEY);
INSERT INTO a VALUES (1);
CREATE TABLE alembic_version AS SELECT 'r1' AS version_num;
"""


@pytest.fixture(name="made", scope="module")
def make_shop(tmp_path_factory: pytest.TempPathFactory, server: Server) -> ServerShop:
    """Return a project with a database, at a revision."""
    shop = ServerShop(tmp_path_factory.mktemp("backups"), server=server)
    shop.run(ODD)
    claim(shop)
    return shop


@pytest.fixture
def shop(made: ServerShop) -> ServerShop:
    """Return the same again, without backups."""
    made.run("TRUNCATE a; INSERT INTO a VALUES (1); DROP TABLE IF EXISTS b")
    for each in list_backups(made):
        open_shelf(made).remove(each)
    return made


def test_all_of_it_comes_back_and_is_taken_back(shop: ServerShop) -> None:
    """Schemas, types, sequences and bytes too."""
    backup = back_up(shop, "mine")
    one = read(backup)
    assert (one.rows, one.revisions) == ({"a": 1, "o'dd.Tab\"le": 2}, ("r1",))
    assert (one.system, one.server.partition(".")[0]) == ("postgresql", "15")
    assert b"".join(unpack(backup.file, one.raw_sha256)).startswith(b"PGDMP")
    shop.run("DROP VIEW seen; DELETE FROM a; INSERT INTO a VALUES (7)")
    restore(shop, backup.id)
    assert shop.run("SELECT * FROM a") == [(1,)]
    shop.run("""INSERT INTO "o'dd"."Tab""le" (mood) VALUES ('bad')""")
    found = shop.run("SELECT id, mood, data FROM seen")
    assert found == [(1, "good", b"\x00\xff"), (2, "bad", None), (3, "bad", None)]
    shop.undo()
    assert shop.run("SELECT * FROM a") == [(7,)]
    shop.undo(is_redo=True)
    assert shop.run("SELECT * FROM a") == [(1,)]
    assert shop.beside("sbn") == []


def test_rows_are_counted_in_what_is_dumped(
    shop: ServerShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes meanwhile is in both as a whole or not at all; big ones too."""
    monkeypatch.setattr(pgcontent, "_BIG", -1)
    shop.run("CREATE TABLE b AS SELECT 1 AS id; ANALYZE")
    over, errors = threading.Event(), []

    def write() -> None:
        with shop.server.connect(shop.name) as connection:
            number = 1
            while not over.is_set():
                number += 1
                try:
                    with connection.transaction():
                        connection.execute("INSERT INTO a VALUES (%s)", (number,))
                        connection.execute("INSERT INTO b VALUES (2)")
                except psycopg.Error as error:
                    errors.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        wait_until(lambda: shop.run("SELECT count(*) FROM b") > [(1,)])
        backup = back_up(shop)
    finally:
        over.set()
        thread.join()
    rows = read(backup).rows
    assert errors == []
    assert rows["a"] == rows["b"] > 1
    restore(shop, backup.id)
    assert shop.run("SELECT count(*) FROM a") == [(rows["a"],)]


def test_a_user_with_a_password_may_have_one(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is in no argument; what the user may not set is left out."""
    shop = ServerShop(tmp_path, server=server)
    shop.run("CREATE TABLE a AS SELECT 1 AS id")
    claim(shop)
    user, password = f"{shop.name}_dev", "p@ss w/o%rd"
    require_password(shop.server, user, password)
    shop.run(f"ALTER ROLE {user} CREATEDB; GRANT pg_read_all_data TO {user}")
    shop.run(f"ALTER DATABASE {shop.name} OWNER TO {user}")
    shop.run(f"GRANT ALL ON SCHEMA public TO {user}")
    url = f"postgresql+psycopg://{user}:p%40ss%20w%2Fo%25rd@/{shop.name}"
    url += f"?host={shop.server.folder}"
    (shop.root / "pyproject.toml").write_text(TABLE.format(url=url))
    seen: list[list[str]] = []

    class Noting(subprocess.Popen[bytes]):
        def __init__(self, argv: list[str], **options: Any) -> None:
            seen.append(argv)
            super().__init__(argv, **options)

    monkeypatch.setattr(subprocess, "Popen", Noting)
    backup = back_up(shop)
    shop.run("DELETE FROM a")
    restore(shop, backup.id)
    assert shop.run("SELECT * FROM a") == [(1,)]
    tries = [argv for argv in seen if any(word.startswith("--db") for word in argv)]
    # First as who owned it, which this user may not.
    assert ["--no-owner" in argv for argv in tries] == [False, True]
    assert not any("ss w" in word for argv in seen for word in argv)


def test_what_cannot_be_had_leaves_nothing(
    shop: ServerShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that somebody locks, a server that is gone, tools that are missing."""
    with shop.server.connect(shop.name) as connection, connection.transaction():
        connection.execute("LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
        monkeypatch.setattr(
            "sceneshift.data.postgresql.session._SETTINGS", "SET lock_timeout = '50ms'"
        )
        with pytest.raises(SceneshiftError, match="postgresql says: canceling"):
            back_up(shop)
    monkeypatch.setattr(pgtools, "FOLDERS", ("/nowhere/{}",))
    monkeypatch.setenv("PATH", "/nowhere")
    shop.run("UPDATE alembic_version SET version_num = 'r2'; SELECT lo_create(1)")
    with pytest.raises(SceneshiftError, match="large objects cannot be backed up"):
        back_up(shop)
    shop.run("SELECT lo_unlink(1); ALTER TABLE alembic_version RENAME TO kept")
    try:
        with pytest.raises(ComponentError, match="there is no pg_dump of version 15"):
            back_up(shop)
    finally:
        shop.run("ALTER TABLE kept RENAME TO alembic_version")
    assert [each.name for each in open_shelf(shop).folder.iterdir()] == [".lock"]


def test_one_of_another_system_or_a_later_version_is_refused(
    shop: ServerShop, tmp_path: Path
) -> None:
    """In one line, before anything is made."""
    backup = back_up(shop)
    path = backup.folder / "manifest.json"
    path.write_text(path.read_text().replace('"server": "15', '"server": "99'))
    with pytest.raises(SceneshiftError) as caught:
        restore(shop, backup.id)
    assert caught.value.message == (
        f"`{backup.id}` is of PostgreSQL 99, and this server is 15"
    )
    other = Shop(tmp_path / "other")
    other.run("CREATE TABLE a AS SELECT 1 AS id")
    with pytest.raises(UsageError, match="is of sqlite, and `default` is a database"):
        restore(shop, back_up(other).folder)
    with pytest.raises(UsageError, match="is of postgresql, and `default` is a"):
        restore(other, backup.folder)
    assert shop.beside("sbn") == []


def test_a_file_of_pg_dump_is_restored(shop: ServerShop, tmp_path: Path) -> None:
    """As it is; one that is damaged is told of, and all is as it was."""
    one = read(backup := back_up(shop))
    path = tmp_path / "mine.dump"
    path.write_bytes(b"".join(unpack(backup.file, one.raw_sha256)))
    shop.run("DELETE FROM a")
    restore(shop, path)
    assert shop.run("SELECT * FROM a") == [(1,)]
    path.write_bytes(path.read_bytes()[:-2000])
    shop.run("DELETE FROM a")
    with pytest.raises(SceneshiftError, match="pg_restore says: "):
        restore(shop, path)
    assert shop.run("SELECT * FROM a") == []
    assert shop.beside("sbn") == []


def test_a_restore_that_does_not_hold_is_not_put_in_place(shop: ServerShop) -> None:
    """It is compared with the manifest, and dropped."""
    backup = back_up(shop)
    path = backup.folder / "manifest.json"
    path.write_text(path.read_text().replace('"a": 1', '"a": 2'))
    shop.run("DELETE FROM a")
    with pytest.raises(SceneshiftError, match="its manifest says: a 1, not 2"):
        restore(shop, backup.id)
    assert shop.run("SELECT * FROM a") == []
    assert shop.beside("sbn") == []


ROWS = """
op.execute("CREATE TABLE a (id serial PRIMARY KEY, up int REFERENCES a, data bytea)")
    op.execute("CREATE TABLE b (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        "a int REFERENCES a, twice int GENERATED ALWAYS AS (a * 2) STORED)")
    op.execute("ALTER TABLE a ADD FOREIGN KEY (up) REFERENCES b (id)")
    op.execute("CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM b")
    op.execute("INSERT INTO a VALUES (1, NULL, NULL)")
"""


def test_without_pg_dump_the_rows_are_copied(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Into what the migrations make: circles, sequences and identities too."""
    shop = ServerShop(tmp_path, server=server)
    make_project(tmp_path, make_chain(ROWS.strip()))
    shop.reset()
    shop.run("INSERT INTO a (id, data) VALUES (7, '\\x000a5c2e0a')")
    shop.run("INSERT INTO b (a) SELECT 7 FROM generate_series(1, 2000)")
    shop.run("UPDATE a SET up = 7 WHERE id = 1; SELECT setval('a_id_seq', 70)")
    monkeypatch.setattr(pgtools, "FOLDERS", ("/nowhere/{}",))
    monkeypatch.setenv("PATH", "/nowhere")
    taking.back_up(taking.BackupRequest(root=tmp_path, environ=shop.environ))
    assert "it has the rows alone" in capsys.readouterr().err
    (backup,) = list_backups(shop)
    assert read(backup).rows == {"a": 2, "b": 2_000}
    before = shop.run("SELECT * FROM a ORDER BY id")
    shop.run("TRUNCATE a, b")
    restore(shop, backup.id)
    assert shop.run("SELECT * FROM a ORDER BY id") == before
    assert shop.run("SELECT DISTINCT a, twice FROM b") == [(7, 14)]
    assert shop.run("SELECT * FROM m") == [(2_000,)]
    assert shop.run("INSERT INTO a DEFAULT VALUES RETURNING id") == [(71,)]
    assert shop.run("INSERT INTO b (a) VALUES (1) RETURNING id") == [(2_001,)]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        shop.run("INSERT INTO b (a) VALUES (99)")
    make_project(tmp_path, make_chain(ROWS.strip(), "pass"))
    with pytest.raises(SceneshiftError) as caught:
        restore(shop, backup.id)
    assert caught.value.message == (
        f"`{backup.id}` has the rows of `r1` alone, and the code makes the tables of "
        "`r2`"
    )
