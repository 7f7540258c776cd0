"""Backups of databases of MariaDB, on a real server, and of MySQL, by what they say."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from backing import back_up, claim, list_backups, open_shelf, read, restore
from migrating import TABLE
from resetting import MysqlShop, Shop
from sceneshift.core.errors import ComponentError, SceneshiftError, UsageError
from sceneshift.data.backups import mysql as medium
from sceneshift.data.backups.archive import unpack
from sceneshift.data.backups.mydump import drop_definers, read_dump
from sceneshift.data.engine import parse_url
from sceneshift.data.mysql import exchange as myexchange
from sceneshift.data.mysql import session as mysession
from sceneshift.data.mysql import tools as mytools
from sceneshift.data.mysql.session import quote_name, quote_text
from sceneshift.data.system import find_system
from sceneshift.data.target import load_targets
from sceneshift.data.versions import VersionTable
from support import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from mariadb import Server

pytestmark = pytest.mark.needs("mariadb")

NOWHERE = "/nowhere"
ODD = "o'd``d (x.`-"
RICH = (
    "SET sql_mode = ''",
    (
        "CREATE TABLE a (id INT PRIMARY KEY, bits BIT(9), data BLOB, "
        "old VARCHAR(50) CHARACTER SET latin1, said JSON, place GEOMETRY, part DOUBLE, "
        "day DATE NOT NULL, twice INT AS (id * 2) STORED, note TEXT)"
    ),
    (
        "INSERT INTO a (id, bits, data, old, said, place, part, day, note) VALUES "
        "(0, b'101010101', x'00ff0a0d275c28292c', 'ä(''\\\\', '{\"a\": \"(\"}', "
        "ST_GeomFromText('POINT(1 2)'), 1.1e300, '0000-00-00', "
        "'😀 \\r\\nINSERT INTO `a` VALUES\\n(1),(2)')"
    ),
    (
        f"CREATE TABLE {quote_name(ODD)} (id INT AUTO_INCREMENT PRIMARY KEY, "
        "a INT, FOREIGN KEY (a) REFERENCES a (id))"
    ),
    f"INSERT INTO {quote_name(ODD)} (a) VALUES (0), (NULL)",  # noqa: S608
    "CREATE TABLE alembic_version AS SELECT 'r1' AS version_num",
    "CREATE SEQUENCE numbers START WITH 5",
    "CREATE FUNCTION half(n INT) RETURNS INT DETERMINISTIC RETURN n DIV 2",
    (
        "CREATE PROCEDURE fill() BEGIN\n"
        "INSERT INTO `a` VALUES\n(1);\nINSERT INTO `a` VALUES\n(2); END"
    ),
    "CREATE VIEW halves AS SELECT half(id) AS id, note FROM a",
    "CREATE TRIGGER noted BEFORE INSERT ON a FOR EACH ROW SET NEW.part = 7",
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM a",
)


@pytest.fixture(name="made", scope="module")
def make_shop(tmp_path_factory: pytest.TempPathFactory, mysql: Server) -> MysqlShop:
    """Return a project with a database, at a revision."""
    shop = MysqlShop(tmp_path_factory.mktemp("backups"), server=mysql)
    shop.run(*RICH)
    claim(shop)
    return shop


@pytest.fixture
def shop(made: MysqlShop) -> MysqlShop:
    """Return the same again, without backups."""
    for each in list_backups(made):
        open_shelf(made).remove(each)
    return made


def describe(shop: MysqlShop) -> object:
    """Return all that a database has."""
    (target,) = load_targets(shop.root, shop.environ)
    queries = (
        "* FROM a",
        f"* FROM {quote_name(ODD)}",
        "* FROM halves",
        "nextval(numbers) > 4",
    )
    return find_system(target).read_schema(None), [
        shop.run(f"SELECT {each}") for each in queries
    ]


@pytest.mark.parametrize("path", [None, NOWHERE])
def test_all_of_it_comes_back_and_is_taken_back(
    shop: MysqlShop, monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    """By the server's own programs, or without them by the driver."""
    if path is not None:
        monkeypatch.setenv("PATH", path)
    before = describe(shop)
    backup = back_up(shop, "mine")
    one = read(backup)
    assert (one.rows, one.revisions) == ({"a": 1, ODD: 2}, ("r1",))
    assert one.system == "mysql"
    assert one.server.endswith("-MariaDB")
    assert one.file == ("data.sql.zst" if path is None else "data.statements.zst")
    assert backup.file.stat().st_mode & 0o777 == 0o600
    shop.run("DROP VIEW halves", "DROP EVENT nightly", "DROP PROCEDURE fill")
    shop.run("SET foreign_key_checks = 0", "DELETE FROM a")
    restore(shop, backup.id)
    assert describe(shop) == before
    shop.undo()
    assert shop.run("SELECT * FROM a") == []
    shop.undo(is_redo=True)
    assert describe(shop) == before
    assert set(shop.beside()) == {"former"}


def write_on(shop: MysqlShop, is_over: threading.Event) -> None:
    """Have two tables have the same number of rows, again and again another one."""
    with contextlib.closing(shop.server.connect(shop.name)) as other:
        cursor = other.cursor()
        while not is_over.is_set():
            other.begin()
            cursor.execute("INSERT INTO b VALUES (NULL)")
            cursor.execute("INSERT INTO c VALUES (NULL)")
            other.commit()


@pytest.mark.parametrize("path", [None, NOWHERE])
def test_it_is_what_was_there_at_one_moment(
    tmp_path: Path, mysql: Server, monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    """Whoever writes meanwhile is in it as a whole or not at all."""
    if path is not None:
        monkeypatch.setenv("PATH", path)
    shop = MysqlShop(tmp_path, server=mysql)
    for each in "bc":
        shop.run(f"CREATE TABLE {each} (id INT AUTO_INCREMENT PRIMARY KEY)")
    claim(shop)
    is_over = threading.Event()
    thread = threading.Thread(target=write_on, args=(shop, is_over))
    thread.start()
    try:
        wait_until(lambda: shop.run("SELECT count(*) FROM b") > [(9,)])
        backup = back_up(shop)
    finally:
        is_over.set()
        thread.join()
    rows = read(backup).rows
    assert rows["b"] == rows["c"] > 9
    restore(shop, backup.id)
    assert shop.run("SELECT count(*) FROM b") == [(rows["b"],)]


def test_a_dump_can_be_loaded_by_hand(shop: MysqlShop, mysql: Server) -> None:
    """It is plain SQL, with all that it takes."""
    one = read(backup := back_up(shop))
    name = mysql.make()
    argv = ["mariadb", "--no-defaults", f"--socket={mysql.socket}", "--user=root", name]
    text = b"".join(unpack(backup.file, one.raw_sha256))
    subprocess.run(argv, input=text, check=True)
    assert mysql.run(name, "SELECT id FROM halves") == [(0,)]


def test_a_user_with_a_password_may_have_one(
    shop: MysqlShop,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Which is in no argument; what is another user's becomes this one's."""
    user, password = f"{shop.name}_dev", 'p@ss w/o%r"d\\'
    quoted = quote_text(password)
    stars = shop.name.replace("_", "\\_")
    shop.run(
        f"CREATE USER {user}@'%' IDENTIFIED BY {quoted}",
        f"GRANT ALL ON `{stars}`.* TO {user}@'%'",
        f"GRANT ALL ON `{stars}\\_\\_d\\_%`.* TO {user}@'%'",
        f"GRANT SELECT ON mysql.* TO {user}@'%'",
    )
    before = describe(shop)
    url = shop.server.url(shop.name, user=f"{user}:p%40ss%20w%2Fo%25r%22d%5C")
    toml = shop.root / "pyproject.toml"
    kept = toml.read_text()
    seen: list[Any] = []

    class Noting(subprocess.Popen[bytes]):
        def __init__(self, argv: list[str], **options: Any) -> None:
            seen.append((argv, options.get("env")))
            super().__init__(argv, **options)

    try:
        toml.write_text(TABLE.format(url=url))
        monkeypatch.setattr(subprocess, "Popen", Noting)
        monkeypatch.setenv("MYSQL_HOST", "nowhere")
        backup = back_up(shop)
        restore(shop, backup.id)
    finally:
        toml.write_text(kept)
    assert "become those of this user" in capsys.readouterr().err
    assert describe(shop)[1] == before[1]  # type: ignore[index]
    assert shop.run("SHOW EVENTS")[0][2:3] == (f"{user}@%",)
    assert [argv[0].rpartition("/")[2] for argv, _ in seen if "--batch" in argv] == [
        "mariadb",
        "mariadb",
    ]
    assert "ss w" not in str(seen)


def test_what_cannot_be_had_leaves_nothing(
    shop: MysqlShop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table that cannot be read at one moment, a program that fails, or none."""
    monkeypatch.setattr(mysession, "LOCK_WAIT_S", 1)
    shop.run("CREATE TABLE slow (id INT) ENGINE=MyISAM")
    try:
        with contextlib.closing(shop.server.connect(shop.name)) as other:
            other.cursor().execute("LOCK TABLES slow WRITE")
            with pytest.raises(SceneshiftError, match="Lock wait timeout"):
                back_up(shop)
        assert "`slow`: not of InnoDB, so who writes" in capsys.readouterr().err
        assert read(back_up(shop)).rows["slow"] == 0
    finally:
        shop.run("DROP TABLE slow")
    for each in list_backups(shop):
        open_shelf(shop).remove(each)
    shop.run("CREATE VIEW broken AS SELECT * FROM alembic_version")
    shop.run("RENAME TABLE alembic_version TO kept")
    try:
        with pytest.raises(SceneshiftError, match=r"mariadb-dump says: .*broken"):
            back_up(shop)
    finally:
        shop.run("RENAME TABLE kept TO alembic_version", "DROP VIEW broken")
    monkeypatch.setattr(medium, "can_read", lambda _: False)
    monkeypatch.setenv("PATH", NOWHERE)
    with pytest.raises(ComponentError) as caught:
        back_up(shop)
    assert caught.value.message == (
        "there is no program `mariadb-dump` of MariaDB's, whose the server is"
    )
    assert [each.name for each in open_shelf(shop).folder.iterdir()] == [".lock"]


def test_where_alembic_is_in_another_database_it_is_not_told(shop: MysqlShop) -> None:
    """What is in this one is a table as others are."""
    (target,) = load_targets(shop.root, shop.environ)
    one = medium.MysqlMedium(target)
    content = one.look(target.database, VersionTable(schema="elsewhere"))
    assert content.revisions is None
    assert content.rows == {"a": 1, ODD: 2, "alembic_version": 1}
    own = VersionTable(schema=shop.name)
    assert one.look(target.database, own).revisions == ("r1",)


def test_one_that_does_not_fit_is_refused(
    shop: MysqlShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another vendor or system, or with another number of rows: nothing is left."""
    before = shop.beside()
    backup = back_up(shop)
    path = backup.folder / "manifest.json"
    text = path.read_text()
    path.write_text(text.replace(read(backup).server, "8.0.36"))
    with pytest.raises(SceneshiftError) as caught:
        restore(shop, backup.id)
    assert caught.value.message == (
        f"`{backup.id}` is of MySQL, and this server is MariaDB's"
    )
    path.write_text(text.replace('"a": 1', '"a": 2'))
    with pytest.raises(SceneshiftError, match="its manifest says: a 1, not 2"):
        restore(shop, backup.id)
    monkeypatch.setattr(mytools, "_LOAD", ("--nonsense",))
    with pytest.raises(SceneshiftError, match="mariadb says: unknown option"):
        restore(shop, backup.id)
    with pytest.raises(UsageError, match="is of mysql, and `default` is a database"):
        restore(Shop(tmp_path), backup.folder)
    assert shop.beside() == before


def test_a_program_that_fails_is_told_of(shop: MysqlShop) -> None:
    """In its own words, and with what it had no time to read."""
    (target,) = load_targets(shop.root, shop.environ)
    url = parse_url(target.database.url, target.root)
    tools = mytools.find_tools("MariaDB", "/usr/bin")
    with pytest.raises(SceneshiftError) as caught:
        mytools.load(tools, url, shop.name, [b"SELECT;\n", *[b"x" * 99_999] * 9])
    assert caught.value.message.startswith("mariadb says: ERROR 1064")
    local = url.update_query_dict({"unix_socket": str(shop.server.socket)})
    mytools.load(tools, local, shop.name, [b"SELECT 1;\n"])
    sure = url.update_query_dict({"ssl_ca": "/nowhere/ca.pem"})
    with pytest.raises(SceneshiftError, match="mariadb says: ERROR 2026"):
        mytools.load(tools, sure, shop.name, [b"SELECT 1;\n"])
    with pytest.raises(ComponentError, match="no program `mysqldump` of MySQL's"):
        mytools.find_tools("MySQL", "/usr/bin")  # it is there, and MariaDB's


class Cut(BaseException):
    """The program is gone."""


def test_what_was_cut_off_is_done_to_the_end_before(
    tmp_path: Path, mysql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the triggers and views of what is there would be missing."""
    shop = MysqlShop(tmp_path, "a", server=mysql)
    shop.reset()
    trigger = "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @a = 1"
    shop.write("a", a=f"op.execute({trigger!r})")

    def cut(*_: object) -> None:
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(myexchange, "_finish", cut)
        with pytest.raises(Cut):
            shop.reset()
    assert shop.run("SHOW TRIGGERS") == []
    one = read(backup := back_up(shop))
    assert b"TRIGGER `t` BEFORE" in b"".join(unpack(backup.file, one.raw_sha256))
    assert shop.run("SHOW TRIGGERS")[0][0] == "t"


OF_MYSQL = r"""-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
CREATE TABLE `a` (
  `id` int NOT NULL COMMENT '),('
);
INSERT INTO `a` VALUES (1,'(''\\',NULL),(2,'),(\'',_binary '\0(\n');
INSERT INTO `a` VALUES (3,'',0x28);
CREATE TABLE `b``(` (
INSERT INTO `b``(` (`x`, `(y`) VALUES (1,2),(3,4);
CREATE TABLE `c` (
CREATE TABLE `alembic_version` (
INSERT INTO `alembic_version` VALUES ('r2'),('r1');
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`me`@`%` SQL SECURITY DEFINER */
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`me`@`%`*/ /*!50003 TRIGGER `t` BEGIN
INSERT INTO `c` VALUES (1);
END */;;
DELIMITER ;
-- Dump completed on 2026-11-28 16:48:53
"""


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("10.11.19-MariaDB-0+deb12u1", "10.11.19-MariaDB"),
        ("5.5.5-10.6.1-MariaDB", "10.6.1-MariaDB"),
        ("8.0.36-0ubuntu0.22.04.1", "8.0.36"),
    ],
)
def test_who_has_built_a_server_is_no_matter(said: str, version: str) -> None:
    """But whose it is."""
    assert mytools.trim_version(said) == version


def test_what_mysql_writes_is_understood() -> None:
    """All rows of a statement are in one line there."""
    text = OF_MYSQL.encode()
    content = read_dump([text[:200], text[200:]], "alembic_version", {"c"})
    assert content.rows == {"a": 3, "b`(": 2}
    assert content.revisions == ("r1", "r2")
    assert read_dump([text], None, ()).revisions is None
    with pytest.raises(SceneshiftError, match="has no end"):
        read_dump([text[:-60]], None, ())
    said = b"".join(drop_definers([text])).decode()
    assert "DEFINER=" not in said
    assert "/*!50013 SQL SECURITY DEFINER */" in said
    assert "/*!50003 CREATE*/ /*!50017 */ /*!50003 TRIGGER" in said
