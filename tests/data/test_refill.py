"""Other rows, the schema as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resetting import ServerShop, Shop
from sceneshift.core.errors import RefusedError, SceneshiftError, UsageError
from sceneshift.data import claim, takeback
from sceneshift.data.parting import list_parted
from sceneshift.data.refill import refill
from sceneshift.data.reset import ResetRequest
from sceneshift.data.target import Request, load_targets
from sceneshift.data.undo import UndoLog
from support import wait_until

if TYPE_CHECKING:
    from postgresql import Server

SCHEMA = """\
CREATE TABLE people (id integer PRIMARY KEY, name text);
CREATE TABLE pets (id integer PRIMARY KEY, owner integer REFERENCES people (id));
CREATE TABLE audit (said text);
CREATE TABLE alembic_version (version_num text);
INSERT INTO people VALUES (1, 'Ann');
INSERT INTO pets VALUES (1, 1);
INSERT INTO alembic_version VALUES ('unknown');
"""

WATCH = """\
CREATE TRIGGER watch AFTER DELETE ON people
BEGIN INSERT INTO audit VALUES (old.name); END"""


def run(shop: Shop, **options: object) -> None:
    """Fill it anew, without a question."""
    request = ResetRequest(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        **{"is_confirmed": True, **options},  # type: ignore[arg-type]
    )
    refill(request)


def write(root: Path, rows: str = '[{"id": 7, "name": "Bob"}]') -> None:
    """Write a dataset."""
    folder = root / "seeds/small"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "people.json").write_text(rows)


def make(root: Path) -> Shop:
    """Return a database that no migration has made."""
    shop = Shop(root)
    for statement in SCHEMA.split(";\n"):
        shop.run(statement)
    return shop


def test_rows_are_other_ones_and_the_schema_is_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With triggers, indexes of texts and numbers; and all is taken back."""
    shop = make(tmp_path)
    for statement in (
        "CREATE TABLE counted (id integer PRIMARY KEY AUTOINCREMENT)",
        "INSERT INTO counted VALUES (41)",
        WATCH,
        "CREATE VIRTUAL TABLE texts USING fts5 (body)",
        "CREATE VIRTUAL TABLE names USING fts5 (name, content='people')",
        "INSERT INTO texts VALUES ('one')",
        "INSERT INTO names (names) VALUES ('rebuild')",
    ):
        shop.run(statement)
    look = "SELECT type, name, sql FROM sqlite_master WHERE type <> 'view' ORDER BY 2"
    schema = shop.run(look)
    write(tmp_path)
    run(shop, dataset="small", is_dry=True)
    said = "refill shop.db with dataset small, its schema as it is\n"
    assert capsys.readouterr().out == said
    run(shop, dataset="small")
    said = capsys.readouterr().err
    assert said.startswith("done: shop.db has other rows: dataset small, ")
    assert said.endswith("\ntake it back: inv data.undo\n")
    assert shop.run(look) == schema
    assert shop.run("SELECT * FROM people") == [(7, "Bob")]
    for table in ("audit", "counted", "pets", "texts"):
        assert shop.run(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608
    for name in ("texts WHERE texts MATCH 'one'", "names WHERE names MATCH 'Ann'"):
        assert shop.run(f"SELECT * FROM {name}") == []  # noqa: S608
    assert shop.run("SELECT * FROM alembic_version") == [("unknown",)]
    shop.run("INSERT INTO counted DEFAULT VALUES")
    assert shop.run("SELECT id FROM counted") == [(1,)]
    shop.undo()
    assert shop.run("SELECT name FROM people") == [("Ann",)]
    assert shop.run("SELECT count(*) FROM texts WHERE texts MATCH 'one'") == [(1,)]
    shop.undo(is_redo=True)
    assert shop.run("SELECT name FROM people") == [("Bob",)]


def test_without_a_dataset_there_are_no_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is guarded as any reset; what fails leaves all as it was."""
    shop = make(tmp_path)
    with pytest.raises(RefusedError) as caught:
        run(shop, is_confirmed=False)
    assert caught.value.message == (
        "this replaces all rows of `shop.db` of development, and nobody can be asked "
        "here: it holds 2 rows: people 1, pets 1"
    )
    write(tmp_path, '[{"id": 7, "nothing": 1}]')
    with pytest.raises(SceneshiftError, match="nothing"):
        run(shop, dataset="small")
    assert shop.run("SELECT count(*) FROM people") == [(1,)]
    with pytest.raises(UsageError):
        run(shop, is_rebuilt=True)
    capsys.readouterr()
    run(shop, is_dry=True, as_json=True)
    (action,) = json.loads(capsys.readouterr().out)["actions"]
    assert (action["action"], action["dataset"]) == ("refill", None)
    run(shop, as_json=True)
    (done,) = json.loads(capsys.readouterr().out)["databases"]
    assert set(done["rows"].values()) == {0}
    assert done["paused"] == []
    assert done["undo"] == shop.status()["undo"][0]["id"]
    assert list(tmp_path.glob(".sceneshift/data/*/snapshots/*")) == []


@pytest.mark.needs("postgresql")
def test_a_database_of_a_server_has_other_rows(server: Server, tmp_path: Path) -> None:
    """Who works with it sees the old ones or the new ones; none is lost to an undo."""
    shop = ServerShop(tmp_path, server=server)
    shop.run(SCHEMA)
    shop.run(
        "CREATE TABLE counted (id serial); INSERT INTO counted DEFAULT VALUES;"
        "CREATE MATERIALIZED VIEW names AS SELECT name FROM people;"
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'no'; END $$;"
        "CREATE TRIGGER stay BEFORE TRUNCATE ON people EXECUTE FUNCTION refuse()"
    )
    write(tmp_path)
    request = {"root": shop.root, "environ": shop.environ, "is_confirmed": True}
    claim.claim(Request(environment="development", **request))  # type: ignore[arg-type]
    with server.connect(shop.name) as client:
        client.execute("INSERT INTO audit VALUES ('mine')")
        run(shop, dataset="small")
    assert shop.run("SELECT * FROM people") == [(7, "Bob")]
    for table in ("audit", "counted", "pets", "names"):
        assert shop.run(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608
    assert shop.run("SELECT * FROM alembic_version") == [("unknown",)]
    assert shop.run("INSERT INTO counted DEFAULT VALUES RETURNING id") == [(1,)]
    shop.undo()
    assert shop.run("SELECT * FROM audit") == [("mine",)]
    assert shop.run("SELECT name FROM names") == [("Ann",)]
    assert shop.beside("bns") == []


# Forks, and has the fork die in the nth line of what changes something, for each n.
KILLED = """
import json, os, signal, sys
from pathlib import Path

sys.path[:0] = sys.argv[2:4]
from resetting import Shop
from sceneshift.core import paths
from sceneshift.data import refill, undo
from sceneshift.data.sqlite import aside as aside
from sceneshift.data.sqlite import system as sqlite
from sceneshift.data.sqlite import emptying as sqliteempty
from sceneshift.data.sqlite import copying as sqlitecopy
from test_refill import run

shop = Shop.open(Path(sys.argv[1]))
modules = (aside, paths, refill, sqlite, sqliteempty, sqlitecopy, undo)
files = {each.__file__ for each in modules}

def work(left):
    def trace(frame, event, argument):
        nonlocal left
        if frame.f_code.co_filename not in files:
            return None
        left -= event == "line"
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)
    run(shop)
    os._exit(0)

seen, left, status = [], 0, 1
while status:
    left += 13
    pid = os.fork()
    if not pid:
        work(left)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    assert shop.run("PRAGMA integrity_check") == [("ok",)]
    found = [shop.run(f"SELECT count(*) FROM {name}") for name in ("people", "pets")]
    assert found in ([[(1,)], [(1,)]], [[(0,)], [(0,)]]), found
    seen.append(found[0] == [(0,)])
    if seen[-1]:
        shop.undo()
run(shop)
folder = Path(sys.argv[1]) / ".sceneshift/data"
kept = [*folder.glob("*/drafts/*"), *folder.glob("*/snapshots/*")]
print(json.dumps([seen, [str(each) for each in kept]]))
"""


@pytest.mark.timeout(300)
def test_a_kill_at_any_line_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """And whichever it is, the next command sweeps what is left."""
    make(tmp_path)
    here = Path(__file__).parent
    words = [sys.executable, "-c", KILLED, str(tmp_path), str(here.parent), str(here)]
    ended = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 0
    seen, left = json.loads(ended.stdout.splitlines()[-1])
    assert len(seen) > 20
    assert set(seen) == {True, False}
    assert left == []


def test_what_is_let_go_is_looked_at_soon(tmp_path: Path) -> None:
    """After this command and an undo, too: not when another one comes."""
    shop = make(tmp_path)
    write(tmp_path)
    for _ in range(4):
        run(shop, dataset="small")
    (target,) = load_targets(shop.root, shop.environ)
    wait_until(lambda: not list_parted(target))
    entry = UndoLog(target.folder / "undo").begin(
        "reset", "cut off", environment="development", before="nothing"
    )
    assert entry.id
    takeback.undo(
        takeback.UndoRequest(
            root=shop.root,
            environ=shop.environ,
            environment="development",
            is_confirmed=True,
        )
    )
    wait_until(lambda: not list_parted(target))
    assert len(shop.status()["undo"]) == 2
