"""States of a database of MariaDB."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
import pymysql
import pytest

from migrating import describe_revision, make_project
from resetting import MysqlShop
from sceneshift.core.errors import (
    BusyError,
    DriftError,
    RefusedError,
    SceneshiftError,
)
from sceneshift.data import migrations, refill, reset
from sceneshift.data.claim import claim
from sceneshift.data.create import create
from sceneshift.data.drift import check
from sceneshift.data.drop import drop
from sceneshift.data.migrate import migrate_all
from sceneshift.data.mysql import code as mycode
from sceneshift.data.mysql import session as mysession
from sceneshift.data.mysql.session import Place
from sceneshift.data.seeding import command as seeding
from sceneshift.data.system import find_system
from sceneshift.data.target import Request, load_targets
from support import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from mariadb import Server

pytestmark = pytest.mark.needs("mariadb")


@pytest.fixture
def shop(tmp_path: Path, mysql: Server) -> MysqlShop:
    """Return a project with a table, in a database that is its own."""
    return MysqlShop(tmp_path, "tasks", server=mysql)


@pytest.mark.parametrize("is_by_sqlalchemy", [False, True])
def test_a_reset_is_taken_back_and_made_again(
    shop: MysqlShop, monkeypatch: pytest.MonkeyPatch, *, is_by_sqlalchemy: bool
) -> None:
    """All of it is there again, and what is new is not; by any driver."""
    if is_by_sqlalchemy:
        monkeypatch.setattr(mysession, "find_arguments", lambda _url: None)
    done = shop.reset()
    assert (done.is_built, shop.ran(), shop.tables()) == (True, ["tasks"], ["tasks"])
    shop.insert("tasks", 7)

    done = shop.reset()
    assert (done.is_built, shop.ran()) == (False, [])
    assert shop.run("SELECT id FROM tasks") == [(1,)]

    shop.undo()
    assert shop.run("SELECT id FROM tasks ORDER BY id") == [(1,), (7,)]
    shop.undo(is_redo=True)
    assert shop.run("SELECT id FROM tasks") == [(1,)]
    shop.undo()
    shop.undo()
    assert shop.tables() == []
    assert shop.beside() == ["former", "former", "snapshot"]


RICH = (
    (
        "CREATE TABLE parents (id INT PRIMARY KEY, "
        "name VARCHAR(20) COLLATE utf8mb4_bin) COMMENT 'it''s'"
    ),
    (
        "CREATE TABLE children (id INT AUTO_INCREMENT PRIMARY KEY, "
        "parent INT NOT NULL, twice INT AS (parent * 2) STORED, "
        "day DATE NOT NULL DEFAULT '0000-00-00', CONSTRAINT small CHECK (parent < 99), "
        "CONSTRAINT known FOREIGN KEY (parent) REFERENCES parents (id) "
        "ON DELETE CASCADE) AUTO_INCREMENT = 40"
    ),
    "CREATE TABLE log (id INT, said TEXT) PARTITION BY HASH (id) PARTITIONS 2",
    "CREATE SEQUENCE numbers START WITH 5",
    "CREATE FUNCTION half(n INT) RETURNS INT DETERMINISTIC RETURN n DIV 2",
    "CREATE PROCEDURE clean() BEGIN DELETE FROM log; DELETE FROM children; END",
    "CREATE VIEW above AS SELECT half(id) AS id FROM children WHERE parent > 0",
    "CREATE VIEW above_all AS SELECT count(*) AS n FROM above",
    (
        "CREATE TRIGGER noted AFTER INSERT ON children FOR EACH ROW "
        "INSERT INTO log VALUES (NEW.id, CONCAT('new: ', NEW.id))"
    ),
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM log",
    "INSERT INTO parents VALUES (0, 'ä'), (1, 'b')",
    "INSERT INTO children (parent, day) VALUES (0, '0000-00-00'), (1, '2026-01-01')",
)


def describe(shop: MysqlShop) -> object:
    """Return all that a database has, as the server tells of it."""
    (target,) = load_targets(shop.root, shop.environ)
    system = find_system(target)
    queries = (
        "SELECT * FROM parents ORDER BY id",
        "SELECT * FROM children ORDER BY id",
        "SELECT * FROM log ORDER BY id",
        "SELECT * FROM above ORDER BY id",
        "SELECT * FROM above_all",
        "SELECT next_not_cached_value FROM numbers",
        (
            "SELECT table_name, auto_increment FROM information_schema.tables "
            "WHERE table_schema = database() AND auto_increment > 1 ORDER BY table_name"
        ),
    )
    return system.read_schema(None), [shop.run(each) for each in queries]


def test_all_that_a_database_has_comes_and_goes_with_its_state(
    tmp_path: Path, mysql: Server
) -> None:
    """Views, triggers, routines and events too, which the server does not move."""
    shop = MysqlShop(tmp_path, server=mysql)
    does = "; ".join(f"op.execute({each!r})" for each in ("SET sql_mode = ''", *RICH))
    make_project(shop.root, {"r1": describe_revision("r1", does=does)})
    shop.reset()
    built = describe(shop)
    assert len(built[0]) > 15  # type: ignore[index]

    shop.run("INSERT INTO children (parent) VALUES (1)")
    shop.run("DROP VIEW above_all", "DROP EVENT nightly", "DROP TRIGGER noted")
    shop.run("CREATE VIEW other AS SELECT 1 AS one")
    shop.run("CREATE TRIGGER other BEFORE DELETE ON log FOR EACH ROW SET @a = 1")
    shop.run("CREATE OR REPLACE VIEW above_all AS SELECT 7 AS n")
    changed = describe(shop)
    shop.reset()
    assert describe(shop) == built
    shop.undo()
    assert describe(shop) == changed
    shop.undo(is_redo=True)
    assert describe(shop) == built

    shop.run("DELETE FROM parents WHERE id = 0")
    assert shop.run("SELECT id FROM children") == [(41,)]
    with pytest.raises(pymysql.Error, match="foreign key constraint fails"):
        shop.run("INSERT INTO children (parent) VALUES (9)")
    shop.run("INSERT INTO children (parent) VALUES (1)")
    assert shop.run("SELECT said FROM log ORDER BY id DESC LIMIT 1") == [("new: 43",)]


def test_a_session_that_works_with_a_table_is_named(
    shop: MysqlShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is as it was then: the triggers, too, and nothing is left beside it."""
    shop.reset()
    shop.run(
        "CREATE TRIGGER noted AFTER INSERT ON tasks FOR EACH ROW SET @a = 1",
    )
    monkeypatch.setattr(mysession, "LOCK_WAIT_S", 1)
    with contextlib.closing(shop.server.connect(shop.name)) as other:
        other.begin()
        other.cursor().execute("SELECT * FROM tasks")
        with pytest.raises(BusyError, match="in use all the time: root@") as caught:
            shop.reset()
        assert f"KILL {other.thread_id()}" in str(caught.value.hint)
    assert shop.run("SHOW TRIGGERS")[0][0] == "noted"
    assert shop.beside() == ["former", "snapshot"]
    shop.reset()
    assert shop.run("SHOW TRIGGERS") == []


def test_what_has_to_be_waited_for_is_made_by_the_next_command(
    shop: MysqlShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trigger is not given up because somebody works with its table."""
    place = Place(url=shop.server.url(shop.name), root=shop.root)
    shop.reset()
    shop.run("CREATE TRIGGER noted AFTER INSERT ON tasks FOR EACH ROW SET @a = 1")
    codes = mycode.read_code(place, shop.name)
    monkeypatch.setattr(mysession, "LOCK_WAIT_S", 1)
    with contextlib.closing(shop.server.connect(shop.name)) as other:
        other.begin()
        other.cursor().execute("UPDATE tasks SET id = 2")
        with pytest.raises(mysession.StatementError) as caught:
            mycode.make_code(place, shop.name, codes)
        assert caught.value.is_passing
        shop.write("tasks", "notes")
        with pytest.raises(BusyError, match="as it was, for its tables are in use"):
            migrate(shop)
    assert shop.tables() == ["tasks"]
    assert shop.beside() == ["former", "snapshot"]


def test_a_reset_needs_neither_sqlalchemy_nor_alembic(shop: MysqlShop) -> None:
    """Not where the snapshot is known: they take longer than all the rest."""
    shop.reset()
    program = (
        "import sys; from pathlib import Path; import os\n"
        "from sceneshift.data import reset\n"
        "request = reset.ResetRequest(root=Path.cwd(), environ=dict(os.environ))\n"
        "(done,) = reset.apply(reset.plan(request))\n"
        "assert not done.is_built\n"
        "assert not {'sqlalchemy', 'alembic'} & set(sys.modules)\n"
    )
    argv = [sys.executable, "-c", program]
    done = subprocess.run(
        argv, cwd=shop.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_nobody_sees_a_mixture_of_two_states(shop: MysqlShop) -> None:
    """Who is connected stays connected, and what is written is there as a whole."""
    shop.write("tasks", "notes")
    shop.reset()
    seen: set[Any] = set()
    errors: list[str] = []
    is_over = threading.Event()

    def read() -> None:
        with contextlib.closing(shop.server.connect(shop.name)) as other:
            cursor = other.cursor()
            while not is_over.is_set():
                cursor.execute(
                    "SELECT (SELECT max(id) FROM tasks), (SELECT max(id) FROM notes)"
                )
                seen.add(cursor.fetchone())

    def write() -> None:
        with contextlib.closing(shop.server.connect(shop.name)) as other:
            cursor, number = other.cursor(), 1
            while not is_over.is_set():
                number += 1
                try:
                    other.begin()
                    cursor.execute("UPDATE notes SET id = %s", (number,))
                    cursor.execute("UPDATE tasks SET id = %s", (number,))
                    other.commit()
                except pymysql.Error as error:
                    errors.append(str(error.args[0]))
                    other.rollback()

    threads = [threading.Thread(target=each) for each in (read, read, write)]
    for each in threads:
        each.start()
    try:
        for _ in range(3):
            before = len(seen)
            wait_until(lambda known=before: len(seen) > known)  # type: ignore[misc]
            shop.reset()
    finally:
        is_over.set()
        for each in threads:
            each.join()
    assert all(one == other for one, other in seen)
    assert {*errors} <= {"1213"}  # two that wait for each other: a retry does it


def test_resets_at_once_follow_each_other(shop: MysqlShop) -> None:
    """By a lock of the server: they need not be of one machine."""
    shop.reset()
    others = [shop.root.with_name(f"other{number}") for number in range(3)]
    for each in others:
        shutil.copytree(shop.root, each)
    with ThreadPoolExecutor(len(others)) as pool:
        shops = [MysqlShop.open_on(each, shop.server, shop.name) for each in others]
        done = list(pool.map(lambda one: one.reset(), shops))
    assert len(done) == len(others)
    assert shop.tables() == ["tasks"]
    assert shop.beside().count("draft") == 0


def migrate(shop: MysqlShop) -> None:
    """Apply what is pending."""
    (done,) = migrations.migrate(shop.root, shop.environ, None)
    assert (done.obstacle, done.undo is not None) == (None, True)


def test_a_migration_is_taken_back(shop: MysqlShop) -> None:
    """What others wrote before it is there again, and what they wrote after it kept."""
    migrate(shop)  # nothing was there: it becomes this project's
    shop.insert("tasks", 2)
    shop.write("tasks", "notes")
    migrate(shop)
    shop.insert("tasks", 3)

    shop.undo()
    assert shop.tables() == ["tasks"]
    assert shop.run("SELECT id FROM tasks ORDER BY id") == [(1,), (2,)]
    assert shop.status()["pending"] == ["r2 Do r2"]
    shop.undo(is_redo=True)
    assert shop.tables() == ["notes", "tasks"]
    assert shop.run("SELECT id FROM tasks ORDER BY id") == [(1,), (2,), (3,)]


def test_what_a_migration_did_that_fails_is_taken_back(shop: MysqlShop) -> None:
    """The server cannot: the copy is put in place, and what was written is kept."""
    shop.reset()
    shop.insert("tasks", 2)
    fails = 'op.execute("INSERT INTO tasks VALUES (3)"); op.execute("nonsense")'
    shop.write("tasks", "notes", "more", more=fails)
    with pytest.raises(SceneshiftError, match=r"failed: .* is in place again"):
        migrate(shop)
    assert shop.tables() == ["tasks"]
    assert shop.run("SELECT id FROM tasks ORDER BY id") == [(1,), (2,)]
    assert shop.status()["undo"] is not None

    shop.undo(is_redo=True)
    assert shop.tables() == ["more", "notes", "tasks"]
    shop.undo()
    shop.undo()
    assert shop.tables() == []


def test_rows_that_a_failed_migration_has_changed_are_as_they_were(
    shop: MysqlShop,
) -> None:
    """What fails commits what was done before it, and the schema is the same."""
    shop.run(
        "CREATE TABLE places (id INT PRIMARY KEY, at POINT, share FLOAT, name TEXT)",
        "INSERT INTO places VALUES (1, Point(1, 2), 0.1, 'a'), (2, NULL, NULL, NULL)",
    )
    claim(
        reset.ResetRequest(
            root=shop.root,
            environ=shop.environ,
            environment="development",
            is_confirmed=True,
        )
    )
    migrate(shop)
    shop.write("tasks", "notes")
    path = shop.root / "migrations/versions/r2.py"
    written = path.read_text()
    for change in ("at = Point(2, 2)", "share = 0.1000001"):
        fails = (
            f"UPDATE places SET {change} WHERE id = 1",  # noqa: S608
            "ALTER TABLE places ADD COLUMN id INT",
        )
        does = "; ".join(f"op.execute({each!r})" for each in fails)
        path.write_text(re.sub(r"op\.execute\(.*\)", does, written))
        rows = shop.run("SELECT * FROM places ORDER BY id")
        with pytest.raises(SceneshiftError, match=r"failed: .* is in place again"):
            migrate(shop)
        assert shop.run("SELECT * FROM places ORDER BY id") == rows
    path.write_text(re.sub(r"op\.execute\(.*\)", f"op.execute({fails[1]!r})", written))
    with pytest.raises(SceneshiftError, match="failed") as caught:
        migrate(shop)
    assert "in place again" not in caught.value.message


def test_a_migration_that_did_nothing_leaves_all_as_it_was(shop: MysqlShop) -> None:
    """No table is moved then, so who works with them is not waited for."""
    shop.reset()
    shop.write("tasks", "notes")
    path = shop.root / "migrations/versions/r2.py"
    path.write_text(path.read_text().replace("CREATE TABLE", "nonsense"))
    with contextlib.closing(shop.server.connect(shop.name)) as other:
        other.begin()
        other.cursor().execute("SELECT * FROM tasks")
        with pytest.raises(SceneshiftError, match="failed") as caught:
            migrate(shop)
    assert "in place again" not in caught.value.message
    assert shop.beside() == ["former", "snapshot"]
    shop.undo()


def test_a_dataset_is_a_part_of_the_state(shop: MysqlShop) -> None:
    """And seeding what is there is taken back by itself."""
    (shop.root / "seeds/development").mkdir(parents=True)
    (shop.root / "seeds/development/dataset.toml").write_text(
        '[keys]\ntasks = ["id"]\n'
    )
    rows = shop.root / "seeds/development/tasks.csv"
    rows.write_text("id\n1\n5\n")
    toml = shop.root / "pyproject.toml"
    toml.write_text(toml.read_text() + 'dataset = "development"\n')
    done = shop.reset()
    assert done.snapshot.rows == {"tasks": 2}
    rows.write_text("id\n1\n5\n6\n")
    done = shop.reset()
    assert (shop.ran(), done.snapshot.rows) == (["tasks"], {"tasks": 3})


def test_a_seed_is_taken_back_and_changes_nothing_a_second_time(
    shop: MysqlShop,
) -> None:
    """Files of SQL are as dumps of the system have them."""
    shop.reset()
    shop.run("ALTER TABLE tasks ADD PRIMARY KEY (id), ADD COLUMN note VARCHAR(20)")
    folder = shop.root / "seeds/more"
    folder.mkdir(parents=True)
    (folder / "1.sql").write_text(
        "LOCK TABLES tasks WRITE;\nINSERT INTO tasks VALUES (5, 'it\\'s; 100 %') "
        "ON DUPLICATE KEY UPDATE note = VALUES(note);\nUNLOCK TABLES;\n"
    )
    (folder / "tasks.csv").write_text("id,note\n1,one\n6,six\n")
    request = seeding.SeedRequest(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
        dataset="more",
    )
    seeding.seed(request)
    rows = [(1, "one"), (5, "it's; 100 %"), (6, "six")]
    assert shop.run("SELECT * FROM tasks ORDER BY id") == rows
    former = shop.status()["undo"]
    (folder / "1.sql").unlink()  # of such it is not told
    seeding.seed(request)
    assert shop.status()["undo"] == former
    shop.undo()
    assert shop.run("SELECT * FROM tasks") == [(1, None)]

    (folder / "0.sql").write_text("DELETE FROM tasks;\n# all\nTRUNCATE TABLE tasks;\n")
    with pytest.raises(SceneshiftError, match=r"0.sql:3: .*would end its transaction"):
        seeding.seed(request)
    assert shop.run("SELECT * FROM tasks") == [(1, None)]


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("connection.exec_driver_sql(END)", r"0.py:5: `ALTER` in a seed would end"),
        (
            "connection.connection.cursor().execute(END)",
            r"0.py: a seed has ended the transaction",
        ),
    ],
)
def test_a_seed_for_which_the_server_would_commit_is_refused(
    shop: MysqlShop, does: str, said: str
) -> None:
    """What it says to the driver is noticed afterwards: nothing comes after it."""
    shop.reset()
    folder = shop.root / "seeds/more"
    folder.mkdir(parents=True)
    (folder / "0.py").write_text(
        "END = 'ALTER TABLE tasks AUTO_INCREMENT = 9'\n\n"
        "def seed(context):\n    context.connection.info\n    context." + does
    )
    (folder / "1.sql").write_text("DELETE FROM tasks;\n")
    request = seeding.SeedRequest(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
        dataset="more",
    )
    with pytest.raises(SceneshiftError, match=said):
        seeding.seed(request)
    assert shop.run("SELECT * FROM tasks") == [(1,)]


def test_other_rows_come_into_the_same_schema(shop: MysqlShop) -> None:
    """Whatever has made that; numbers begin anew."""
    shop.run("CREATE TABLE mine (id INT AUTO_INCREMENT PRIMARY KEY)")
    shop.run("INSERT INTO mine VALUES (7)")
    request = reset.ResetRequest(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
    )
    claim(request)
    refill.refill(request)
    shop.run("INSERT INTO mine VALUES ()")
    assert shop.run("SELECT id FROM mine") == [(1,)]
    shop.undo()
    assert shop.run("SELECT id FROM mine") == [(7,)]


def test_migrations_are_rehearsed(
    shop: MysqlShop, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a copy: what a downgrade leaves is told, and the database not touched."""
    shop.reset()
    shop.write("tasks", "notes")
    request = Request(root=shop.root, environ=shop.environ, is_dry=True)
    with pytest.raises(SceneshiftError, match="the rehearsal went wrong"):
        migrate_all(request, is_rehearsed=True)
    said = capsys.readouterr()
    assert "r2" in said.out
    assert "its downgrade is not its inverse: column notes.id is there" in said.err
    path = shop.root / "migrations/versions/r2.py"
    path.write_text(
        path.read_text().removesuffix("pass\n") + 'op.drop_table("notes")\n'
    )
    migrate_all(request, is_rehearsed=True)
    assert shop.tables() == ["tasks"]
    assert shop.beside() == ["former", "snapshot"]


def test_a_user_needs_rights_on_databases_beside_it(
    tmp_path: Path, mysql: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """What helps is said; what is another user's is this one's then, and told."""
    name = mysql.make()
    mysql.run(
        "",
        f"CREATE USER {name}",
        f"GRANT ALL ON {name}.* TO {name}",
    )
    shop = MysqlShop(
        tmp_path, "tasks", server=mysql, name=name, url=mysql.url(name, user=name)
    )
    with pytest.raises(SceneshiftError, match="that takes databases beside it") as told:
        shop.reset()
    hint = str(told.value.hint)
    assert "GRANT ALL ON `test\\_" in hint
    beside = hint.partition(" ON ")[2].partition(" TO ")[0]
    mysql.run("", f"GRANT ALL ON {beside} TO {name}")
    shop.reset()
    shop.run("CREATE VIEW roots AS SELECT 1 AS id")
    shop.reset()
    shop.undo()
    assert "not kept: the definer of view roots: " in capsys.readouterr().err
    assert shop.run("SELECT id FROM roots") == [(1,)]


def test_what_is_dropped_is_empty_and_comes_back(
    shop: MysqlShop, capsys: pytest.CaptureFixture[str]
) -> None:
    """The database itself stays: rights on it stay with it."""
    shop.reset()
    request = Request(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
    )
    drop(request)
    assert "is empty: it held 1 row: tasks 1" in capsys.readouterr().err
    assert shop.run("SHOW FULL TABLES") == [("sceneshift_marker", "VIEW")]
    drop(request)
    assert "has nothing in it already" in capsys.readouterr().err
    shop.undo()
    assert shop.tables() == ["tasks"]


def test_one_that_is_not_there_is_made(
    tmp_path: Path, mysql: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of any name that is one, in a character set that has all letters."""
    name = f"Täg-{mysql.make()}"
    shop = MysqlShop(tmp_path, "tasks", server=mysql, name=name)
    request = Request(root=tmp_path, environ=shop.environ)
    create(msgspec.structs.replace(request, is_dry=True))
    assert capsys.readouterr().out == f"create {quote(name)}\n"
    create(request)
    create(request)
    assert "is there already" in capsys.readouterr().err
    assert shop.run("SELECT @@character_set_database") == [("utf8mb4",)]
    assert shop.run("SELECT project FROM sceneshift_marker") == [(tmp_path.name,)]
    shop.reset()
    shop.undo()
    mysql.run("", f"DROP DATABASE `{name}`")
    shop.reset()
    assert shop.tables() == ["tasks"]


def test_it_is_compared_with_what_its_migrations_make(
    shop: MysqlShop, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing of ours counts."""
    shop.reset()
    request = Request(root=shop.root, environ=shop.environ)
    check(request)
    assert "as the migrations make it" in capsys.readouterr().out
    shop.run("ALTER TABLE tasks ADD COLUMN more INT, ADD INDEX quick (more)")
    with pytest.raises(DriftError):
        check(request)
    said = capsys.readouterr().out
    assert "column tasks.more is there besides, index tasks.quick is there" in said
    assert shop.beside() == ["former", "snapshot"]


def test_another_ones_database_is_not_touched(tmp_path: Path, mysql: Server) -> None:
    """Whose it is stands in it, and what it holds is said."""
    shop = MysqlShop(tmp_path, "tasks", server=mysql)
    shop.run("CREATE TABLE mine AS SELECT 1 AS id")
    request = reset.ResetRequest(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
    )
    with pytest.raises(RefusedError, match=r"does not say whose .* 1 row: mine 1"):
        reset.reset(request)
    claim(request)
    reset.reset(request)
    assert shop.tables() == ["tasks"]
