"""What becomes of states that are let go."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backing import claim as claim_again
from backing import list_backups, read, restore
from branching import BranchedServerShop
from resetting import MysqlShop, ServerShop, Shop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data import claim, reset
from sceneshift.data.backups import parted
from sceneshift.data.backups.myrows import have_same_rows
from sceneshift.data.backups.mysql import MysqlMedium
from sceneshift.data.mysql.session import Place as MysqlPlace
from sceneshift.data.parting import list_parted
from sceneshift.data.postgresql import content as pgcontent
from sceneshift.data.postgresql.session import Place, open_session
from sceneshift.data.target import Request, load_targets
from sceneshift.data.undo import UndoLog
from support import wait_until

if TYPE_CHECKING:
    import mariadb
    from postgresql import Server
    from sceneshift.data.backups.manifest import Manifest
    from sceneshift.data.target import Target


def load(shop: Shop) -> Target:
    """Return the database."""
    (target,) = load_targets(shop.root, shop.environ)
    return target


def forget_migrations(shop: Shop) -> None:
    """Have it be reset to an empty database, which is there at once."""
    (shop.root / "alembic.ini").unlink()


def let_go(shop: Shop) -> list[Manifest]:
    """Have states be let go; return what there are backups of, the newest first."""
    parted.let_go(load(shop))
    assert list_parted(load(shop)) == []
    return [read(each) for each in list_backups(shop)]


def tell_story(shop: Shop) -> Manifest:
    """Reset a database that a migration has made, changed or not; return a backup."""
    shop.reset()
    shop.reset()
    shop.run("UPDATE a SET id = 7")
    for _ in range(3):
        shop.reset()
    assert let_go(shop) == []  # what the migration made, and what can be taken back
    shop.reset()
    (one,) = let_go(shop)
    assert (one.rows, one.is_automatic) == ({"a": 1}, True)
    assert one.note.startswith("before reset to 1 migration at 20")
    shop.insert("a", 8)
    shop.undo()
    shop.reset()
    last, _ = let_go(shop)
    assert last.rows == {"a": 2}
    assert last.note.startswith("after reset to 1 migration at 20")
    return one


def test_rows_that_nobody_can_make_again_are_kept(tmp_path: Path) -> None:
    """In a backup, before the last state that has them goes."""
    shop = Shop(tmp_path, "a")
    one = tell_story(shop)
    kept = list((tmp_path / ".sceneshift/data").glob("*/former/*"))
    assert len(kept) == len(shop.status()["undo"]) == 3
    restore(shop, one.id)
    assert shop.run("SELECT id FROM a") == [(7,)]


@pytest.mark.needs("postgresql")
def test_so_are_those_of_a_server(server: Server, tmp_path: Path) -> None:
    """Its former states let nobody in until then."""
    shop = ServerShop(tmp_path, server=server)
    forget_migrations(shop)
    shop.run("CREATE TABLE a AS SELECT 1 AS id")
    for _ in range(4):
        shop.reset()
    (one,) = let_go(shop)
    assert (one.rows, one.is_automatic) == ({"a": 1}, True)
    assert one.note.startswith("before reset to 0 migrations at 20")
    assert len(shop.beside("tl")) == 3


@pytest.mark.needs("mariadb")
@pytest.mark.parametrize("path", [None, "/nowhere"])
def test_so_are_those_of_mariadb(
    mysql: mariadb.Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str | None,
) -> None:
    """Of a former state, views and triggers are text, and made from that again."""
    shop = MysqlShop(tmp_path, "a", server=mysql)
    shop.reset()
    shop.run("CREATE VIEW seen AS SELECT id FROM a", "UPDATE a SET id = 7")
    shop.run("CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @a = 1")
    for _ in range(4):
        shop.reset()
    if path is not None:
        monkeypatch.setenv("PATH", path)
    (one,) = let_go(shop)
    assert (one.rows, one.is_automatic) == ({"a": 1}, True)
    last = UndoLog(load(shop).folder / "undo").list_all()[-1]
    medium = MysqlMedium(load(shop))
    assert not medium.has_own_rows(last.former, last.origin)
    assert medium.has_own_rows(last.former, None)
    restore(shop, one.id)
    assert shop.run("SELECT id FROM seen") == [(7,)]
    assert shop.run("SHOW TRIGGERS")[0][0] == "t"
    assert set(shop.beside()) == {"former", "snapshot"}


@pytest.mark.needs("mariadb")
def test_in_mariadb_it_is_told_by_comparing_them(
    mysql: mariadb.Server, tmp_path: Path
) -> None:
    """And by their texts to the letter, whatever the server takes for the same."""
    shop = MysqlShop(tmp_path, server=mysql)
    one, other = mysql.make(), mysql.make()
    place = MysqlPlace(url=mysql.url(shop.name), root=tmp_path)
    for name in (one, other):
        mysql.run(name, "CREATE TABLE a (b VARCHAR(9), c INT INVISIBLE DEFAULT 1)")
        mysql.run(name, "CREATE SEQUENCE s")
        mysql.run(name, "INSERT INTO a VALUES ('a'), ('b'), (NULL)")
    assert have_same_rows(place, one, other)
    for change in (
        "UPDATE a SET c = 2",
        "UPDATE a SET c = 1, b = 'A' WHERE b = 'a'",
        "DELETE FROM a",
        "ALTER TABLE a ADD COLUMN d INT",
        "DROP TABLE a",
    ):
        mysql.run(one, change)
        assert not have_same_rows(place, one, other), change
    with pytest.raises(SceneshiftError, match="says: Unknown database 'nowhere'"):
        have_same_rows(place, one, "nowhere")


@pytest.mark.needs("postgresql")
def test_in_postgresql_it_is_told_by_who_has_written_them(
    server: Server, tmp_path: Path
) -> None:
    """And not by how many there are; what was removed is nobody's any more."""
    shop = ServerShop(tmp_path, server=server)
    shop.run('CREATE TABLE "{od}d%" AS SELECT 1 AS id')
    shop.run("CREATE TABLE p (id int) PARTITION BY LIST (id)")
    shop.run("CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)")
    shop.run("INSERT INTO p VALUES (1)")
    place = Place(url=server.url(shop.name), root=tmp_path)

    def has_later_rows() -> bool:
        with open_session(place) as session:
            return pgcontent.has_later_rows(session)

    assert has_later_rows()  # it does not say whose it is
    for statement, is_later in (
        ("SELECT 1", False),
        ('DELETE FROM "{od}d%"', False),
        ("CREATE TABLE b (id int)", False),
        ("UPDATE p SET id = 1", True),
        ('INSERT INTO "{od}d%" VALUES (1)', True),
        ("SELECT lo_create(0)", True),
    ):
        claim_again(shop)
        shop.run(statement)
        assert has_later_rows() is is_later, statement


@pytest.mark.needs("postgresql")
def test_so_it_is_not_for_what_another_branch_has_left(
    server: Server, tmp_path: Path
) -> None:
    """It has another mark when it comes back, and so has what a branch begins with."""
    shop = BranchedServerShop(tmp_path, server=server)
    forget_migrations(shop)
    toml = tmp_path / "pyproject.toml"
    toml.write_text(toml.read_text().replace('alembic = "alembic.ini"', ""))
    shop.commit()
    shop.reset()
    assert shop.went() == "label"
    shop.run("CREATE TABLE a AS SELECT 2 AS id")
    shop.begin("feature")
    for way in ("copy", "return"):
        assert shop.went() == way
        for _ in range(4):
            shop.reset()
        shop.check_out("main")
    assert [each.rows for each in let_go(shop)] == [{"a": 1}] * 2


def test_after_a_claim_nothing_is_known_of_the_rows(tmp_path: Path) -> None:
    """The mark is later than they are then, and no measure any more."""
    shop = Shop(tmp_path)
    forget_migrations(shop)
    shop.reset()
    shop.reset()
    log = UndoLog(load(shop).folder / "undo")
    assert log.list_all()[-1].origin is not None
    text = (tmp_path / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "new"\n{text}')
    request = Request(
        root=tmp_path,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
    )
    claim.claim(request)
    assert {(each.snapshot, each.origin) for each in log.list_all()} == {(None, None)}
    shop.undo()


def test_a_state_that_cannot_be_backed_up_stays(tmp_path: Path) -> None:
    """It is told why, and goes when it can be."""
    shop = Shop(tmp_path)
    forget_migrations(shop)
    shop.run("CREATE TABLE a AS SELECT randomblob(90000) AS id")
    for _ in range(4):
        shop.reset()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, old[1]))
    try:
        with pytest.raises(SceneshiftError):
            parted.let_go(load(shop))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    said = str(shop.status()["backup_problem"])
    assert "`shop.db` cannot be copied" in said or "no backup was made" in said
    assert len(list_parted(load(shop))) == 1
    (one,) = let_go(shop)
    assert (one.rows, shop.status()["backup_problem"]) == ({"a": 1}, None)


def test_what_was_written_down_and_is_damaged_loses_nothing(tmp_path: Path) -> None:
    """The states are there by its name."""
    shop = Shop(tmp_path)
    forget_migrations(shop)
    shop.run("CREATE TABLE a AS SELECT 1 AS id")
    for _ in range(4):
        shop.reset()
    (path,) = list_parted(load(shop))
    path.write_text("{")
    (one,) = let_go(shop)
    assert one.rows == {"a": 1}


def test_a_command_has_it_done_when_it_has_ended(tmp_path: Path) -> None:
    """By a program of its own: nobody waits for it."""
    shop = Shop(tmp_path)
    forget_migrations(shop)
    shop.run("CREATE TABLE a AS SELECT 1 AS id")
    request = reset.ResetRequest(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
    )
    for _ in range(4):
        reset.reset(request)
    wait_until(lambda: bool(list_backups(shop)))
    wait_until(lambda: not list_parted(load(shop)))
    assert read(list_backups(shop)[0]).rows == {"a": 1}


# Forks, and has the fork die in the nth line of what changes something, for each n.
KILLED = """
import json, os, signal, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from backing import claim as claim_again
from backing import list_backups, read
from resetting import Shop
from sceneshift.data import parting, undo
from sceneshift.data.sqlite import system as sqlite
from sceneshift.data.sqlite import files as sqlitefiles
from sceneshift.data.backups import parted, shelf, taking
from sceneshift.data.target import load_targets

root = Path(sys.argv[2])
shop = Shop.open(root)
modules = (parted, parting, shelf, sqlite, sqlitefiles, taking, undo)
files = {each.__file__ for each in modules}
(target,) = load_targets(root, shop.environ)

def run(left):
    def trace(frame, event, argument):
        nonlocal left
        if frame.f_code.co_filename not in files:
            return None
        left -= event == "line"
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)
    shop.reset()
    parted.let_go(target)
    os._exit(0)

seen, left, status = [], 0, 1
while status:
    left += 61
    pid = os.fork()
    if not pid:
        run(left)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    found = [read(each).rows for each in list_backups(shop)]
    files_left = [*root.glob(".sceneshift/data/*/former/*.sqlite")]
    rows = [one.get("a") for one in found]
    for path in files_left:
        other = Shop.open(root)
        other.file = path
        if "a" in other.tables():
            rows += [sum(other.run("SELECT count(*) FROM a")[0])]
    seen.append([len(found), 2 in rows])
parted.let_go(target)
print(json.dumps([seen, [read(each).rows for each in list_backups(shop)]]))
"""


@pytest.mark.timeout(300)
def test_a_kill_at_any_line_loses_no_row(tmp_path: Path) -> None:
    """They are in the state, or in a whole backup."""
    shop = Shop(tmp_path)
    forget_migrations(shop)
    shop.run("CREATE TABLE a AS SELECT 1 AS id")
    shop.insert("a", 2)
    for _ in range(3):
        shop.reset()
    tests = str(Path(__file__).parent.parent.parent)
    words = [sys.executable, "-c", KILLED, tests, str(tmp_path)]
    ended = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 0
    seen, rows = json.loads(ended.stdout.splitlines()[-1])
    assert len(seen) > 5
    assert all(is_there for _, is_there in seen)
    assert {"a": 2} in rows
