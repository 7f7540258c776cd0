"""What states of MariaDB and MySQL are made with, part by part."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from migrating import TABLE, describe_revision, make_project
from resetting import MysqlShop
from sceneshift.core.databases import Database
from sceneshift.core.errors import SceneshiftError
from sceneshift.data import migrations, reset
from sceneshift.data.create import create
from sceneshift.data.mysql import copying as mycopying
from sceneshift.data.mysql import journal as myjournal
from sceneshift.data.mysql import system as mysql
from sceneshift.data.mysql.aim import aim
from sceneshift.data.mysql.beside import Beside
from sceneshift.data.mysql.journal import find_pending
from sceneshift.data.mysql.names import Kind, Names, read_note, write_note
from sceneshift.data.mysql.system import MysqlSystem
from sceneshift.data.scripts import Scripts
from sceneshift.data.target import Request, load_targets
from sceneshift.data.upgrade import Upgrade

if TYPE_CHECKING:
    from pathlib import Path

    from mariadb import Server
    from sceneshift.data.mysql.session import Session


@pytest.mark.parametrize(
    "base", ["shop", "Shop", "my shop", "ä" * 64, "x" * 64, "shop__d_0123456789abcdef"]
)
def test_names_beside_a_database_are_plain_and_its_own(base: str) -> None:
    """In small letters: some servers know no others."""
    names = Names(base)
    name = names.draw()
    assert len(name) <= 64
    assert name == name.lower()
    assert name.isascii()
    assert names.has(name)
    assert not Names(f"{base[:-1]}z").has(name)
    assert not names.has(f"{names.start}more")
    assert not names.has(base)


def test_a_note_is_read_again(tmp_path: Path) -> None:
    """And what is none is none."""
    text = write_note(Kind.SNAPSHOT, id="a", of="shop", project="p", root=tmp_path)
    note = read_note(text)
    assert note is not None
    assert (note.kind, note.id, note.is_from(tmp_path)) == (Kind.SNAPSHOT, "a", True)
    assert not note.is_from(tmp_path / "other")
    assert read_note("{}") is None


def point(
    root: Path, url: str, env: dict[str, str], *, is_cased: bool = True
) -> dict[str, str]:
    """Return the variables that name a draft then."""
    program = Upgrade(
        root=root,
        scripts=Scripts(config=root, folder=root, location=root, versions=()),
        database=Database(name="default", url=url),
        env=env,
        log=root / "log",
    )
    draft = Database(name="default", url=url.replace("/shop", "/draft"))
    found = aim(program, draft, root, is_cased=is_cased)
    assert found.database == draft
    return {name: text for name, text in found.env.items() if env[name] != text}


def test_all_variables_that_name_the_database_name_the_draft(tmp_path: Path) -> None:
    """In whatever spelling; those of other servers and databases do not."""
    url = "mysql+aiomysql://me@localhost/shop?charset=utf8mb4"
    env = {
        "DATABASE_URL": url,
        "SYNC_URL": "mariadb+pymysql://other:x@127.0.0.1:3306/shop",
        "SOCKET": "mysql://me@/shop?unix_socket=/run/my",
        "MYSQL_DATABASE": "shop",
        "APP_DB_NAME": "shop",
        "NAME": "shop",
        "OTHER": "mysql://localhost/other",
        "OTHER_CASE": "mysql://localhost/Shop",
        "FAR": "mysql://far/shop",
        "PORT": "mysql://localhost:3307/shop",
        "ODD": "mysql://localhost:port/shop",
    }
    expected = {
        "DATABASE_URL": url.replace("/shop", "/draft"),
        "SYNC_URL": "mariadb+pymysql://other:x@127.0.0.1:3306/draft",
        "SOCKET": "mysql://me@/draft?unix_socket=/run/my",
        "MYSQL_DATABASE": "draft",
        "APP_DB_NAME": "draft",
    }
    assert point(tmp_path, url, env) == expected
    expected["OTHER_CASE"] = "mysql://localhost/draft"
    assert point(tmp_path, url, env, is_cased=False) == expected


def test_a_socket_may_be_that_of_any_port(tmp_path: Path) -> None:
    """What is taken for another server by mistake would be changed."""
    (tmp_path / "link").symlink_to(tmp_path / "my")
    env = {
        "TCP": "mysql://127.0.0.1:3307/shop",
        "LINK": f"mysql://me@/shop?unix_socket={tmp_path}/link",
        "FAR": "mysql://far/shop",
        "OTHER": "mysql://me@/shop?unix_socket=/run/other",
    }
    found = point(tmp_path, f"mysql://me@/shop?unix_socket={tmp_path}/my", env)
    assert found.keys() == {"TCP", "LINK"}


def load(root: Path, url: str) -> Any:
    """Return the database of a project."""
    (root / "pyproject.toml").write_text(TABLE.format(url=url))
    (target,) = load_targets(root, {})
    return target


@pytest.mark.parametrize("name", ["", "mysql", "Information_Schema", "x" * 65])
def test_a_servers_own_databases_have_no_states(tmp_path: Path, name: str) -> None:
    """Nor what can be none."""
    with pytest.raises(SceneshiftError, match="is no database of a project's"):
        MysqlSystem(load(tmp_path, f"mysql+pymysql://localhost/{name}"))


@pytest.mark.needs("mariadb")
def test_an_old_server_is_refused(
    tmp_path: Path, mysql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would not move many tables as one, where it is killed."""
    shop = MysqlShop(tmp_path, "tasks", server=mysql)
    monkeypatch.setitem(mysql_oldest(), "mariadb", (99, 0))
    with pytest.raises(SceneshiftError, match="too old for states: 1") as caught:
        shop.reset()
    assert caught.value.hint == "have one of mariadb 99.0 or newer"


def mysql_oldest() -> dict[str, tuple[int, int]]:
    """Return the oldest versions that will do."""
    return mysql._OLDEST


@pytest.mark.needs("mariadb")
def test_what_no_copy_has_is_refused(tmp_path: Path, mysql: Server) -> None:
    """A default that names its database, and a history that the server keeps."""
    shop = MysqlShop(tmp_path, server=mysql)
    does = (
        'op.execute("CREATE SEQUENCE s"); '
        'op.execute("CREATE TABLE t (id INT DEFAULT nextval(s))")'
    )
    make_project(shop.root, {"r1": describe_revision("r1", does=does)})
    with pytest.raises(SceneshiftError, match=r"no state is kept of `t.id`"):
        shop.reset()
    assert shop.beside() == []

    shop.run("CREATE TABLE old (id INT) WITH SYSTEM VERSIONING")
    shop.run("CREATE TABLE plain AS SELECT 1 AS id")
    with contextlib.closing(shop.server.connect(shop.name)):
        (target,) = load_targets(shop.root, shop.environ)
        with pytest.raises(SceneshiftError, match="no copy has the history of `old`"):
            MysqlSystem(target).copy()
    MysqlSystem(target).sweep()
    assert shop.beside() == []


@pytest.mark.needs("mariadb")
@pytest.mark.parametrize("is_ever", [False, True])
def test_a_table_that_is_changed_while_it_is_copied_is_copied_again(
    tmp_path: Path, mysql: Server, monkeypatch: pytest.MonkeyPatch, *, is_ever: bool
) -> None:
    """Until nobody may change it; not for ever."""
    shop = MysqlShop(tmp_path, server=mysql)
    shop.run(
        "CREATE TABLE one (id INT AUTO_INCREMENT PRIMARY KEY)",
        "CREATE TABLE two (id INT)",
        "CREATE SEQUENCE three",
        "INSERT INTO one VALUES (7)",
    )
    changes = [
        ["DROP TABLE two"],
        ["ALTER TABLE one ADD note INT", "CREATE TABLE new (id INT)"],
        ["ALTER TABLE one ADD other INT"] if is_ever else ["DELETE FROM one"],
    ]
    list_locks = mycopying._list_locks

    def change(*names: Any) -> str:
        locks = list_locks(*names)
        shop.run(*changes.pop(0))
        return locks

    monkeypatch.setattr(mycopying, "_list_locks", change)
    (target,) = load_targets(shop.root, shop.environ)
    system = MysqlSystem(target)
    if is_ever:
        with pytest.raises(SceneshiftError, match="are being changed all the time"):
            system.copy()
    else:
        draft = system.copy()
        assert system.read_schema(draft) == system.read_schema(None)
        assert system.count_rows(draft) == {"new": 0, "one": 0}
        system.drop(draft)
    assert (changes, shop.beside()) == ([], [])


@pytest.mark.needs("mariadb")
def test_a_table_whose_rows_are_elsewhere_is_neither_copied_nor_emptied(
    tmp_path: Path, mysql: Server
) -> None:
    """They would be written, and removed, there: on another server, for one."""
    shop = MysqlShop(tmp_path, server=mysql)
    shop.run(
        "CREATE TABLE one (id INT) ENGINE = MyISAM",
        "CREATE TABLE many (id INT) ENGINE = MERGE UNION = (one) INSERT_METHOD = LAST",
        "INSERT INTO one VALUES (1)",
    )
    (target,) = load_targets(shop.root, shop.environ)
    system = MysqlSystem(target)
    for act in (system.copy, lambda: system.empty(target.database)):
        with pytest.raises(SceneshiftError, match="with `many` of MRG_MyISAM: what"):
            act()
    assert shop.run("SELECT id FROM one") == [(1,)]
    draft = system.begin(None)
    make = "CREATE TABLE one (id INT) ENGINE = MERGE"
    mysql.run(draft.url.rpartition("/")[2], make)
    with pytest.raises(SceneshiftError, match="with `one` of MRG_MyISAM"):
        system.keep(draft, "a")
    system.drop(draft)
    assert shop.beside() == []


@pytest.mark.needs("mariadb")
def test_foreign_keys_between_databases_are_left_alone(
    tmp_path: Path, mysql: Server
) -> None:
    """A table that is moved would take the key of another database's along."""
    shop = MysqlShop(tmp_path, "tasks", server=mysql)
    shop.reset()
    shop.run("ALTER TABLE tasks ADD PRIMARY KEY (id)")
    other = f"my-{mysql.make()}"
    mysql.run("", f"CREATE DATABASE `{other}`")
    key = f"FOREIGN KEY (id) REFERENCES {shop.name}.tasks (id)"
    mysql.run(other, f"CREATE TABLE `o 1` (id INT, {key})")
    said = f"join it to another database: {other}.o 1 to {shop.name}.tasks"
    for act in (shop.reset, shop.undo):
        with pytest.raises(SceneshiftError, match=said):
            act()
    shop.write("tasks", "notes")
    (done,) = migrations.migrate(shop.root, shop.environ, None)
    assert said in str(done.obstacle)
    ((_, made),) = mysql.run(other, "SHOW CREATE TABLE `o 1`")
    assert f"REFERENCES `{shop.name}`.`tasks`" in made
    assert shop.beside() == ["former", "snapshot"]


@pytest.mark.needs("mariadb")
def test_a_draft_that_refers_to_another_database_is_not_kept(
    tmp_path: Path, mysql: Server
) -> None:
    """Also of a user who sees no more than what is granted."""
    user = mysql.make()
    mysql.run("", f"CREATE USER {user}", f"GRANT ALL ON `{user}%`.* TO {user}")
    mysql.run(user, "CREATE TABLE parents (id INT PRIMARY KEY)")
    mysql.run("", f"CREATE DATABASE {user}b")
    shop = MysqlShop(
        tmp_path, server=mysql, name=f"{user}b", url=mysql.url(f"{user}b", user=user)
    )
    does = f"id INT, FOREIGN KEY (id) REFERENCES {user}.parents (id)"
    step = describe_revision("r1", does=f"op.execute('CREATE TABLE t ({does})')")
    make_project(shop.root, {"r1": step}, url=mysql.url(f"{user}b", user=user))
    with pytest.raises(SceneshiftError, match=f"another database: .*{user}.parents"):
        shop.reset()
    assert shop.beside() == []


@pytest.mark.needs("mariadb")
def test_a_migration_whose_copy_may_not_be_put_back_is_done_without(
    tmp_path: Path, mysql: Server
) -> None:
    """And that is told: of a protected environment, and of another machine's."""
    shop = MysqlShop(tmp_path, "tasks", server=mysql)
    toml = shop.root / "pyproject.toml"
    toml.write_text(f"{toml.read_text()}protected = true\n")
    (done,) = migrations.migrate(shop.root, shop.environ, "development")
    assert (done.undo, done.obstacle) == (None, "`development` is protected")
    assert shop.tables() == ["tasks"]


@pytest.mark.needs("mariadb")
def test_who_may_not_make_a_database_is_told_what_would_help(
    tmp_path: Path, mysql: Server
) -> None:
    """As its administrator would type it."""
    user = mysql.make()
    mysql.run("", f"CREATE USER {user}")
    make_project(tmp_path, {}, url=mysql.url("missing", user=user))
    with pytest.raises(SceneshiftError, match="`missing` cannot be made") as caught:
        create(Request(root=tmp_path, environ={}))
    assert caught.value.hint == "may its user? GRANT ALL ON `missing`.* TO …"
    make_project(tmp_path, {}, url=mysql.url("x" * 65))
    with pytest.raises(SceneshiftError, match="no database's name: it has 65 char"):
        create(Request(root=tmp_path, environ={}))


@pytest.mark.needs("mariadb")
def test_what_was_removed_is_told(tmp_path: Path, mysql: Server) -> None:
    """A snapshot that somebody has dropped is built anew."""
    shop = MysqlShop(tmp_path, "tasks", server=mysql)
    shop.reset()
    (target,) = load_targets(shop.root, shop.environ)
    system = MysqlSystem(target)
    with pytest.raises(SceneshiftError, match="the former `no` is no more there"):
        system.put_back("no", system.read_marker(), "other")  # type: ignore[arg-type]
    for name in mysql.list_databases(f"{shop.name}__d_"):
        mysql.run("", f"DROP DATABASE {name}")
    mysql.run("", f"CREATE DATABASE {Names(shop.name).draw()}")  # cut off in the middle
    assert system.list_snapshots() == {}
    assert shop.reset().is_built
    assert system.list_snapshots().keys() == {
        each.id for each in reset.plan(ask(shop))[0].order.store.list_all()
    }
    assert shop.beside() == ["former", "snapshot"]


@pytest.mark.needs("mariadb")
def test_what_is_not_known_to_be_ours_is_left_alone(
    tmp_path: Path, mysql: Server
) -> None:
    """A note of a later version, or one thing that is not a table."""
    shop = MysqlShop(tmp_path, server=mysql)
    (target,) = load_targets(shop.root, shop.environ)
    system = MysqlSystem(target)
    things = {
        "later": 'CREATE VIEW sceneshift_note AS SELECT \'{"kind": "new"}\' AS note',
        "routine": "CREATE PROCEDURE p() SELECT 1",
        "event": "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        "view": "CREATE VIEW v AS SELECT 1",
    }
    names = Names(shop.name)
    made = {what: names.draw() for what in (*things, "nothing")}
    for what, name in made.items():
        mysql.run("", f"CREATE DATABASE {name}")
        if what in things:
            mysql.run(name, things[what])
    with system.hold():
        system.sweep()
    left = mysql.list_databases(names.start)
    assert sorted(left) == sorted(made[what] for what in things)


@pytest.mark.needs("mariadb")
def test_who_looks_without_the_lock_sees_what_is_there_then(
    tmp_path: Path, mysql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reset moves and removes things between two questions."""
    shop = MysqlShop(tmp_path, "tasks", server=mysql)
    shop.reset()
    gone = [("gone", "sceneshift_journal")]
    monkeypatch.setattr(
        myjournal,
        "find_pending",
        lambda *them: gone.pop() if gone else find_pending(*them),
    )
    list_names = Beside._list_names
    left = [*mysql.list_databases(f"{shop.name}__d_")]

    def forget(self: Beside, session: Session) -> dict[str, bool]:
        found = list_names(self, session)
        for name in (left.pop(),) if left else ():
            mysql.run("", f"DROP DATABASE {name}")
        return found

    monkeypatch.setattr(Beside, "_list_names", forget)
    found = shop.status()
    assert (found["problem"], found["undo"]) == (None, [])
    assert (gone, left) == ([], [])
    monkeypatch.undo()
    monkeypatch.setattr(myjournal, "find_pending", lambda *_: ("gone", "journal"))
    assert "gone.journal" in str(shop.status()["problem"])


def ask(shop: MysqlShop) -> reset.ResetRequest:
    """Return what asks for a reset."""
    return reset.ResetRequest(root=shop.root, environ=shop.environ)
