"""Changes of PostgreSQL databases where they are, and the ways back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resetting import ServerShop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data import claim
from sceneshift.data.change import change_database
from sceneshift.data.migrate import migrate_all
from sceneshift.data.postgresql.duplicate import find_obstacle
from sceneshift.data.postgresql.session import Place, open_maintenance
from sceneshift.data.postgresql.settings import find_database
from sceneshift.data.seeding.command import SeedRequest, seed
from sceneshift.data.target import Request, Target, load_targets
from sceneshift.data.undo import UnkeptError

if TYPE_CHECKING:
    from postgresql import Server
    from sceneshift.core.databases import Database

pytestmark = pytest.mark.needs("postgresql")


def migrate(shop: ServerShop) -> None:
    """Apply what is pending."""
    migrate_all(Request(root=shop.root, environ=shop.environ))


def mark(shop: ServerShop) -> None:
    """Have it say whose it is."""
    request = Request(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
    )
    claim.claim(request)


def load(shop: ServerShop) -> Target:
    """Return the database."""
    (target,) = load_targets(shop.root, shop.environ)
    return target


def change(shop: ServerShop, statement: str, *, is_insisting: bool = False) -> str:
    """Run a statement as a change; return why it cannot be taken back."""

    def work(database: Database) -> None:
        assert database == load(shop).database
        shop.run(statement)

    target = load(shop)
    changed = change_database(
        target, "migrate", "work", work, is_insisting=is_insisting
    )
    return changed.obstacle or ""


def test_a_migration_is_taken_back_while_clients_work(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody has to leave for it, and nothing that they have written is lost."""
    shop = ServerShop(tmp_path, "a", server=server)
    migrate(shop)  # the first one of a database that has nothing makes it ours
    assert "take it back: inv data.undo\n" in capsys.readouterr().err
    with server.connect(shop.name) as client:
        client.execute("INSERT INTO a VALUES (2)")
        shop.write("a", "b")
        migrate(shop)
        client.execute("INSERT INTO b VALUES (3)")
        assert shop.status()["undo"][0]["change"] == "migration `r2 Do r2`"
    shop.undo()
    assert (shop.tables(), shop.run("SELECT id FROM a")) == (["a"], [(1,), (2,)])
    shop.undo(is_redo=True)
    assert shop.run("SELECT id FROM b") == [(1,), (3,)]


def test_a_migration_that_fails_is_no_change(server: Server, tmp_path: Path) -> None:
    """But where it has committed a part, which is then what can be taken back."""
    shop = ServerShop(tmp_path, "a", server=server)
    mark(shop)
    shop.write("a", a="1 / 0")
    with pytest.raises(SceneshiftError, match=r"division by zero$"):
        migrate(shop)
    assert (shop.tables(), shop.status()["undo"]) == ([], [])
    assert shop.beside("btn") == []
    half = "with op.get_context().autocommit_block(): op.execute('CREATE TABLE c ()')"
    revision = tmp_path / "migrations/versions/r1.py"
    revision.write_text(
        revision.read_text()
        .replace("1 / 0", "1 / 0\n")
        .replace("    open(", f"    {half}\n    open(")
    )
    with pytest.raises(SceneshiftError, match="a part of it is done") as caught:
        migrate(shop)
    assert (caught.value.hint or "").startswith("take that back: inv data.undo; all ")
    assert shop.tables() == ["c"]
    shop.undo()
    assert shop.tables() == []


def test_what_is_set_on_a_database_stays(server: Server, tmp_path: Path) -> None:
    """In the copy that is put back too: settings, comment, owner."""
    shop = ServerShop(tmp_path, server=server)
    mark(shop)
    role = f"{shop.name}_owner"
    for statement in (
        f"CREATE ROLE {role}",
        f"ALTER DATABASE {shop.name} SET work_mem TO '8MB'",
        f"COMMENT ON DATABASE {shop.name} IS 'mine'",
        f"ALTER DATABASE {shop.name} OWNER TO {role}",
    ):
        server.run("postgres", statement)
    look = (
        "SELECT setconfig, shobj_description(d.oid, 'pg_database'), "  # noqa: S608
        "pg_get_userbyid(datdba), datallowconn FROM pg_database d "
        "JOIN pg_db_role_setting ON setdatabase = d.oid "
        f"WHERE datname = '{shop.name}'"
    )
    before = server.run("postgres", look)
    assert change(shop, "CREATE TABLE a ()") == ""
    shop.undo()
    assert shop.tables() == []
    assert server.run("postgres", look) == before


def test_where_no_way_back_can_be_kept_that_is_said(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the change is made, unless the way back was insisted on."""
    shop = ServerShop(tmp_path, "a", server=server)
    shop.run("CREATE TABLE mine AS SELECT 1")
    migrate(shop)
    assert (
        "no undo takes default back: it does not say whose it is (make it this "
        "one's: inv data.claim)\n"
    ) in capsys.readouterr().err
    mark(shop)
    user = f"{shop.name}_dev"
    server.run("postgres", f"CREATE ROLE {user} LOGIN CREATEDB")
    server.run("postgres", f"ALTER DATABASE {shop.name} OWNER TO {user}")
    toml = tmp_path / "pyproject.toml"
    toml.write_text(toml.read_text().replace("postgres@", f"{user}@"))
    shop.run("ALTER SCHEMA public OWNER TO postgres")
    with pytest.raises(UnkeptError):
        change(shop, "CREATE TABLE c ()", is_insisting=True)
    assert change(shop, "CREATE TABLE c ()") == (
        "its mark cannot be written: postgresql says: must be owner of view "
        "sceneshift_marker"
    )
    assert "c" in shop.tables()
    assert shop.beside("btn") == []


@pytest.mark.parametrize(
    ("added", "obstacle"),
    [
        ("protected = true\n", "`development` is protected"),
        ('env = { PGHOSTADDR = "192.0.2.1" }\n', "it is on 192.0.2.1"),
    ],
)
def test_what_no_undo_would_touch_is_not_copied(
    server: Server, tmp_path: Path, added: str, obstacle: str
) -> None:
    """That would be a long wait for nothing."""
    shop = ServerShop(tmp_path, server=server)
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write(added)
    place = Place(url=server.url(shop.name), root=tmp_path)
    with open_maintenance(place) as session:
        found = find_database(session.ask, shop.name)
        assert found is not None
        assert find_obstacle(load(shop), session, found) == obstacle


def test_a_dataset_is_taken_back(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second time changes nothing, and there is nothing to be taken back."""
    shop = ServerShop(tmp_path, server=server)
    mark(shop)
    shop.run("CREATE TABLE people (id int PRIMARY KEY, name text)")
    shop.run("INSERT INTO people VALUES (2, 'Ann')")
    folder = tmp_path / "seeds/small"
    folder.mkdir(parents=True)
    (folder / "1.sql").write_text("CREATE TABLE IF NOT EXISTS more (id int);")
    (folder / "people.json").write_text('[{"id": 1, "name": "Bob"}]')
    request = SeedRequest(
        root=shop.root, environ=shop.environ, dataset="small", as_json=True
    )
    seed(request)
    (one,) = json.loads(capsys.readouterr().out)["databases"]
    assert shop.status()["undo"][0]["id"] == one["undo"]
    seed(request)
    (again,) = json.loads(capsys.readouterr().out)["databases"]
    assert again["undo"] is None
    assert len(shop.status()["undo"]) == len(shop.beside("t")) == 1
    shop.undo()
    assert (shop.tables(), shop.run("SELECT id FROM people")) == (["people"], [(2,)])


# Forks, and has the fork die before or after the nth statement, for each n.
KILLED = """
import json, os, signal, sys
from pathlib import Path

sys.path[:0] = sys.argv[1:3]
from postgresql import Server
from resetting import ServerShop
from sceneshift.core import paths
from sceneshift.data import undo
from sceneshift.data.postgresql import inplace as pginplace
from sceneshift.data.postgresql import driverline as pgline
from test_inplace import change

server = Server(Path(sys.argv[4]))
shop = ServerShop.open_on(Path(sys.argv[3]), server, sys.argv[5])
files = {each.__file__ for each in (paths, pginplace, undo)}

def counts(code):
    return code.co_filename in files or (
        code.co_filename == pgline.__file__ and code.co_name == "execute"
    )

def run(left):
    def trace(frame, event, argument):
        nonlocal left
        if not counts(frame.f_code):
            return None
        left -= event == "line"
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)
    change(shop, "CREATE TABLE b AS SELECT 1 AS id")
    os._exit(0)

seen, left, status = [], 0, 1
while status:
    left += 23
    pid = os.fork()
    if not pid:
        run(left)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    assert shop.run("SELECT count(*) FROM a") == [(2,)]
    is_new = "b" in shop.tables()
    if is_new:
        shop.undo()
        assert shop.tables() == ["a"] and shop.run("SELECT count(*) FROM a") == [(2,)]
    seen.append(is_new)
change(shop, "SELECT 1")
print(json.dumps([seen, shop.beside("bn")]))
"""


@pytest.mark.timeout(300)
def test_a_kill_at_any_step_leaves_a_way_back(server: Server, tmp_path: Path) -> None:
    """Once it is changed, and nothing of what was begun is left."""
    shop = ServerShop(tmp_path, server=server)
    mark(shop)
    shop.run("CREATE TABLE a AS SELECT generate_series(1, 2) AS id")
    here = Path(__file__).parent
    words = [str(here.parent), str(here), str(tmp_path), str(server.folder), shop.name]
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, *words],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert ended.returncode == 0
    seen, left = json.loads(ended.stdout.splitlines()[-1])
    assert len(seen) > 8
    assert set(seen) == {True, False}
    assert left == []
