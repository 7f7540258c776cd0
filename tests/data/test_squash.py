from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from migrating import READING, describe_revision, make_project
from resetting import MysqlShop, ServerShop, Shop
from sceneshift.core.errors import (
    ComponentError,
    RefusedError,
    SceneshiftError,
    UsageError,
)
from sceneshift.data.migrations import migrate
from sceneshift.data.revision import read_revision
from sceneshift.data.revisions import load_history
from sceneshift.data.scripts import INI, read_scripts
from sceneshift.data.squash import mycontents
from sceneshift.data.squash.baseline import name_replaced
from sceneshift.data.squash.command import SquashRequest, choose_path, squash
from sceneshift.data.squash.contents import Contents, read_contents
from sceneshift.data.squash.plan import plan
from sceneshift.data.system import find_system
from sceneshift.data.target import load_targets
from watching import git

if TYPE_CHECKING:
    from pathlib import Path

    import mariadb
    from postgresql import Server

MODELS = """\
from sqlalchemy import Column, Integer, MetaData, Table

metadata = MetaData()
Table("a", metadata, Column("id", Integer), Column("size", Integer, index=True))
"""
COMPARING = "import models\n" + READING.replace(
    "connection=connection", "connection=connection, target_metadata=models.metadata"
)
TEMPLATE = '''\
"""${message}"""
from alembic import op
import sqlalchemy as sa

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}

def upgrade():
    ${upgrades if upgrades else "pass"}

def downgrade():
    ${downgrades if downgrades else "pass"}
'''


def make(
    root: Path, *does: str, env: str = READING, url: str = "sqlite:///shop.db"
) -> Shop:
    """Return a project in git whose revisions do these, one after another."""
    revisions = {
        f"rev{number}": describe_revision(
            f"rev{number}",
            f"rev{number - 1}" if number > 1 else None,
            does=each,
            labels=("main",) if number == 1 else None,
        )
        for number, each in enumerate(does, 1)
    }
    make_project(root, revisions, url=url, env=env)
    (root / "migrations/script.py.mako").write_text(TEMPLATE)
    (root / ".gitignore").write_text("*.db*\n.sceneshift\n__pycache__\nran\n")
    git(root, "init", "-q")
    commit(root)
    return Shop.open(root)


def commit(root: Path) -> None:
    """Commit all that there is."""
    git(root, "add", "-A")
    git(root, "commit", "-qm", "More")


def run(shop: Shop, **options: Any) -> None:
    """Squash, without a question."""
    request = SquashRequest(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
        **options,
    )
    squash(request)


def names(shop: Shop) -> list[str]:
    """Return all that is in the folder of revisions."""
    folder = shop.root / "migrations/versions"
    return sorted(each.name for each in folder.iterdir() if each.is_file())


TABLE = "op.execute('CREATE TABLE a (id INTEGER)')"
COLUMN = "op.execute('ALTER TABLE a ADD COLUMN size INTEGER')"
INDEX = "op.execute('CREATE INDEX ix_a_size ON a (size)')"
MORE = "op.execute('CREATE TABLE b (id INTEGER)')"


def test_one_revision_by_the_models_takes_the_place_of_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Databases that are at the last of them go on; others are told what to do."""
    (tmp_path / "models.py").write_text(MODELS)
    shop = make(tmp_path, TABLE, COLUMN, INDEX, MORE, env=COMPARING)
    (tmp_path / "migrations/versions/rev4.py").rename(tmp_path / "rev4.py")
    shop.reset()
    (tmp_path / "rev4.py").rename(tmp_path / "migrations/versions/rev4.py")
    capsys.readouterr()
    run(shop, to="rev3", as_json=True)
    said = json.loads(capsys.readouterr().out)
    path = "migrations/versions/rev3_baseline.py"
    assert said == {
        "environment": "development",
        "database": "default",
        "revision": "rev3",
        "path": path,
        "replaces": ["rev1", "rev2"],
        "rows": 0,
        "is_portable": True,
    }
    assert names(shop) == ["rev3_baseline.py", "rev4.py"]
    assert "op.create_table('a'," in (tmp_path / path).read_text()
    status = shop.status()
    assert (status["revisions"], status["pending"]) == (["rev3"], ["rev4 Do rev4"])
    shop.run("UPDATE alembic_version SET version_num = 'rev1'")
    assert shop.status()["problem"] == "it is at `rev1`, which `rev3` has replaced"
    with pytest.raises(SceneshiftError) as caught:
        migrate(shop.root, shop.environ, "development")
    assert str(caught.value.hint).startswith("make it anew: inv data.reset; or check")
    run(shop, to="rev3")
    assert "nothing to squash" in capsys.readouterr().err


FILLED = """op.execute("CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT)")
    op.execute("CREATE TABLE c (p_id INTEGER REFERENCES p, b BLOB, f REAL)")
    op.execute("INSERT INTO p VALUES (7, 'at 10\\\\:30, 5 % of ''it''')")
    op.execute("INSERT INTO p VALUES (9, NULL)")
    op.execute("DELETE FROM p WHERE id = 9")
    op.execute("INSERT INTO c VALUES (7, X'00ff', 0.1)")"""
LOOKING = """op.execute("CREATE VIEW v AS SELECT n FROM p WHERE n LIKE '%\\\\:x%'")
    op.execute("CREATE TRIGGER t AFTER INSERT ON c BEGIN DELETE FROM p; END")"""


def test_what_models_do_not_make_becomes_sql(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the rows that migrations leave, views, triggers and counters."""
    shop = make(tmp_path, FILLED, LOOKING)
    shop.reset()
    queries = (
        "SELECT p.*, hex(b), f FROM p JOIN c ON p_id = p.id",
        "SELECT name, sql FROM sqlite_master WHERE name <> 'sceneshift_marker'",
        "SELECT * FROM sqlite_sequence",
    )
    before = [sorted(shop.run(each), key=str) for each in queries]
    assert before[0] == [(7, "at 10:30, 5 % of 'it'", "00FF", 0.1)]
    run(shop, message="Begin")
    said = capsys.readouterr()
    assert said.out == "migrations/versions/rev2_begin.py\n"
    assert "it is SQL of sqlite, with 4 rows" in said.err
    assert names(shop) == ["rev2_begin.py"]
    shop.reset(is_rebuilt=True)
    after = [sorted(shop.run(each), key=str) for each in queries]
    assert after == before


def test_what_is_not_safe_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What git has not, a protected environment, a plan, SQL for another system."""
    (tmp_path / "models.py").write_text(MODELS)
    shop = make(tmp_path, TABLE, COLUMN, env=COMPARING)
    before = names(shop)
    run(shop, is_dry=True)
    first, _ = capsys.readouterr().out.splitlines()
    assert first == "replace migrations/versions/rev1.py"
    run(shop, is_dry=True, as_json=True)
    (action,) = json.loads(capsys.readouterr().out)["actions"]
    assert (action["revision"], action["replaces"]) == ("rev2", ["rev1"])
    file = tmp_path / "migrations/versions/rev1.py"
    file.write_text(file.read_text() + "\n")
    with pytest.raises(RefusedError) as caught:
        run(shop)
    assert caught.value.message.endswith("replaced: migrations/versions/rev1.py")
    with (tmp_path / "pyproject.toml").open("a") as written:
        written.write(
            "[tool.sceneshift.environments.staging]\n"
            'databases = { default = "postgresql://h/d" }\n'
        )
    commit(tmp_path)
    with pytest.raises(SceneshiftError) as failed:
        run(shop)
    text = "a baseline would be SQL of sqlite, and `staging` has postgresql"
    assert failed.value.message.startswith(text)
    assert "the baseline makes something else: besides `index" in failed.value.message
    table = "[tool.sceneshift.environments.development]\n"
    text = (tmp_path / "pyproject.toml").read_text()
    text = text.replace(table, f"{table}protected = true\n")
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(RefusedError, match="is protected, and this squashes it"):
        run(shop)
    assert names(shop) == before


def test_what_is_left_has_to_come_after_the_last_one(tmp_path: Path) -> None:
    """No branch may go off before it, and nothing need what would be gone."""
    shop = make(tmp_path, TABLE, COLUMN, INDEX)
    folder = tmp_path / "migrations/versions"

    def look(to: str | None) -> Any:
        return plan(load_history(read_scripts(shop.root, INI)), to)

    assert look(None).replaces == ("rev1", "rev2")
    assert look("rev2").labels == ("main",)
    with pytest.raises(UsageError, match="`rev9` is no revision"):
        look("rev9")
    with pytest.raises(UsageError, match="`rev` is the beginning of several"):
        look("rev")
    (folder / "side.py").write_text(
        describe_revision("side", None, needs="rev2", labels=("other",))
    )
    with pytest.raises(SceneshiftError, match="there are several heads"):
        look(None)
    with pytest.raises(SceneshiftError) as caught:
        look("rev3")
    assert caught.value.message.startswith("side.py comes after `rev2`")
    assert look("rev2").last.id == "rev2"
    for each in folder.iterdir():
        each.unlink()
    with pytest.raises(SceneshiftError, match="there is no revision yet"):
        look(None)


def test_where_there_is_nothing_to_squash_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One revision alone; or no migrations at all, which is an error."""
    shop = make(tmp_path, TABLE)
    run(shop, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"revision": None}
    run(shop, as_json=True, is_dry=True)
    assert json.loads(capsys.readouterr().out) == {"actions": []}
    (tmp_path / "alembic.ini").unlink()
    with pytest.raises(SceneshiftError, match="`default` has no migrations"):
        run(shop)


def test_a_baseline_has_a_name_of_its_own(tmp_path: Path) -> None:
    """Else that of the revision that it replaces; and it names all others."""
    shop = make(tmp_path, TABLE, COLUMN)
    planned = plan(load_history(read_scripts(shop.root, INI)), None)
    assert choose_path(planned, "new.py").name == "new.py"
    assert choose_path(planned, "rev1.py").name == "rev2.py"
    file = tmp_path / "new.py"
    file.write_text("revision = 'rev2'\ndown_revision = None\n")
    ids = tuple(f"{number:020}" for number in range(5))
    name_replaced(file, ids)
    assert read_revision(file).replaces == ids
    file.write_text("revision = 'rev2'\nreplaces = print()\n")  # somebody else's
    assert read_revision(file).replaces == ()
    with pytest.raises(SceneshiftError, match=r"^script\.py\.mako has no line"):
        name_replaced(file, ids)


def test_what_differs_is_told() -> None:
    """In a few words each."""
    old = Contents(statements=(), likeness=frozenset({"a", "b " * 50}))
    new = Contents(statements=(), likeness=frozenset({"a", "c"}))
    assert old.list_differences(new) == [f"without `{'b ' * 28}b…`", "besides `c`"]


def test_a_virtual_table_cannot_be_written(tmp_path: Path) -> None:
    """Its rows are in tables that it makes by itself."""
    shop = make(tmp_path, TABLE)
    shop.run("CREATE VIRTUAL TABLE f USING fts4(x)")
    (target,) = load_targets(shop.root, shop.environ)
    with pytest.raises(SceneshiftError, match="`f` is a virtual table"):
        read_contents(target, find_system(target), target.database, path="")
    shop.file.unlink()
    found = read_contents(target, find_system(target), target.database, path="")
    assert found.statements == ()


KILLED = """
import json, os, signal, sys
from pathlib import Path

from sceneshift.core import paths
from sceneshift.core.blake2 import digest
from sceneshift.data import renaming
from sceneshift.data.squash import exchange

root = Path(sys.argv[1])
files = {each.__file__ for each in (exchange, paths, renaming)}
old = {f"r{number}.py": f"old {number}" for number in range(1, 5)}
(root / "draft").write_text("new")

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
    gone = {root / "v" / name: digest(old[name].encode()) for name in list(old)[:3]}
    place = root / "v/r4.py"
    exchange.exchange(
        root, root / "draft", place=place, path=root / "v/r4_new.py", gone=gone
    )
    os._exit(0)

def read():
    return {each.name: each.read_text() for each in (root / "v").iterdir()}

seen, left, status = [], 0, 1
while status:
    left += 2
    (root / "v").mkdir(exist_ok=True)
    for each in (root / "v").iterdir():
        each.unlink()
    for name, text in old.items():
        (root / "v" / name).write_text(text)
    pid = os.fork()
    if not pid:
        run(left)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    exchange.resume(root)
    assert read() in (old, {"r4_new.py": "new"}), read()
    seen.append(read() != old)
assert not (root / ".sceneshift/data/squash.json").exists()
print(json.dumps(seen))
"""


def test_wherever_it_is_killed_all_old_ones_are_there_or_the_new_one(
    tmp_path: Path,
) -> None:
    """After the next command, which does to the end what was begun."""
    words = [sys.executable, "-c", KILLED, str(tmp_path)]
    ended = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 0
    seen = json.loads(ended.stdout.splitlines()[-1])
    assert len(seen) > 20
    assert set(seen) == {True, False}


FUNCTION = """op.execute(\"\"\"CREATE FUNCTION f() RETURNS trigger AS $x$
    BEGIN  NEW.at := '10\\\\:30; -- no comment'; RETURN NEW; END $x$
    LANGUAGE plpgsql\"\"\")
    op.execute("CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW "
    "EXECUTE FUNCTION f()")
    op.execute("CREATE VIEW v AS SELECT id\\\\:\\\\:text, kind FROM a")"""
SERIAL = """op.execute("CREATE TYPE kind AS ENUM ('x', 'y')")
    op.execute("CREATE SEQUENCE own INCREMENT 5")
    op.execute("CREATE TABLE a (id SERIAL PRIMARY KEY, at TEXT DEFAULT 'a;b', "
    "kind kind, CHECK (id < 100))")
    op.execute("INSERT INTO a (kind) VALUES ('x'), ('y')")
    op.execute("DELETE FROM a WHERE id = 2")"""


@pytest.mark.needs("postgresql")
def test_a_server_has_what_pg_dump_knows(
    tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Types, functions, sequences and where they are; rows that refer to each other."""
    name = server.make()
    make(tmp_path, SERIAL, FUNCTION, url=server.url(name, "psycopg"))
    shop = ServerShop.open_on(tmp_path, server, name)
    run(shop, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["is_portable"], said["rows"]) == (False, 1)
    assert names(shop) == ["rev2_baseline.py"]
    assert shop.tables() == []
    assert shop.beside("bnx") == []
    shop.reset()
    shop.run("INSERT INTO a (kind) VALUES ('y')")
    assert shop.run("SELECT * FROM a ORDER BY id") == [
        (1, "a;b", "x"),
        (3, "10:30; -- no comment", "y"),
    ]
    assert shop.run("SELECT * FROM v") == [("1", "x"), ("3", "y")]


RICH = (
    (
        "CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, b INT, day DATE NOT NULL, "
        "kind VARCHAR(20) DEFAULT '10:30; 5 %', data BLOB)"
    ),
    "CREATE TABLE b (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES a (id))",
    "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b (id)",
    "SET sql_mode = ''",
    "INSERT INTO a (day, data) VALUES ('0000-00-00', x'00275c'), ('2026-01-01', NULL)",
    "DELETE FROM a WHERE id = 2",
    "CREATE VIEW z AS SELECT id, kind FROM a",
    "CREATE VIEW v AS SELECT id FROM z",
    (
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW "
        "BEGIN SET NEW.b = NULL; SET NEW.day = '2026-02-02'; END"
    ),
)


@pytest.mark.needs("mariadb")
def test_in_mariadb_it_is_what_the_server_says_that_makes_it(
    tmp_path: Path, mysql: mariadb.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables that refer to each other, views that do, triggers, rows and counters."""
    name = mysql.make()
    does = "\n    ".join(f"op.execute({each!r})" for each in RICH)
    make(tmp_path, does, MORE.replace("b", "c"), url=mysql.url(name))
    shop = MysqlShop.open_on(tmp_path, mysql, name)
    shop.reset()
    tables = shop.run("SELECT * FROM a"), shop.tables()
    run(shop, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["is_portable"], said["rows"]) == (False, 1)
    assert names(shop) == ["rev2_baseline.py"]
    shop.run("UPDATE a SET kind = 'mine'")
    shop.reset()
    assert (shop.run("SELECT * FROM a"), shop.tables()) == tables
    shop.run("INSERT INTO a (day) VALUES ('2026-01-01')")
    assert shop.run("SELECT v.id, day FROM v JOIN a USING (id) WHERE id > 1") == [
        (3, dt.date(2026, 2, 2))
    ]
    assert set(shop.beside()) == {"former", "snapshot"}


@pytest.mark.needs("mariadb")
def test_in_mariadb_what_cannot_be_written_is_told(
    tmp_path: Path, mysql: mariadb.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A default that names a database, and rows without the driver that reads them."""
    name = mysql.make()
    series = "op.execute('CREATE SEQUENCE s'); "
    series += "op.execute('CREATE TABLE a (id INT DEFAULT nextval(s))')"
    make(tmp_path, series, "pass", url=mysql.url(name))
    shop = MysqlShop.open_on(tmp_path, mysql, name)
    with pytest.raises(SceneshiftError, match="`a` names its own database"):
        run(shop)
    monkeypatch.setattr(mycontents, "can_read", lambda _: False)
    with pytest.raises(ComponentError, match="by PyMySQL alone"):
        run(shop)
    assert names(shop) == ["rev1.py", "rev2.py"]
    assert shop.beside() == []
    monkeypatch.undo()
    path = tmp_path / "migrations/versions/rev1.py"
    path.write_text(path.read_text().replace(series, "pass"))
    commit(tmp_path)
    run(shop)
    assert names(shop) == ["rev2_baseline.py"]


@pytest.mark.needs("mariadb")
def test_in_mariadb_the_models_make_it_where_they_make_the_same(
    tmp_path: Path, mysql: mariadb.Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """The order of columns may be another."""
    name = mysql.make()
    (tmp_path / "models.py").write_text(MODELS)
    make(tmp_path, TABLE, COLUMN, INDEX, url=mysql.url(name), env=COMPARING)
    shop = MysqlShop.open_on(tmp_path, mysql, name)
    run(shop, as_json=True)
    assert json.loads(capsys.readouterr().out)["is_portable"]
    assert names(shop) == ["rev3_baseline.py"]
    assert (shop.tables(), shop.beside()) == ([], [])


def test_what_was_begun_is_done_by_the_next_command(tmp_path: Path) -> None:
    """Whichever that is: all of them ask for the databases."""
    shop = make(tmp_path, TABLE)
    folder = tmp_path / ".sceneshift/data"
    folder.mkdir(parents=True)
    gone = tmp_path / "migrations/versions/.#sceneshift-x.py"
    gone.write_text("")
    journal = folder / "squash.json"
    order = {"draft": os.fspath(gone), "digest": "x", "place": "x", "path": "x"}
    journal.write_text(json.dumps({**order, "gone": {}}))
    shop.status()
    assert names(shop) == ["rev1.py"]
    assert not journal.exists()
    gone.mkdir()
    journal.write_text(json.dumps({**order, "gone": {}}))
    with pytest.raises(SceneshiftError, match="the revisions could not be exchanged"):
        shop.status()
