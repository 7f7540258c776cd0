"""States of PostgreSQL databases whose users may make no others, on a real server."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import psycopg
import pytest
from msgspec.structs import replace

from killing import kill_at_each
from resetting import ServerShop, make_user
from sceneshift.core.databases import Database
from sceneshift.core.errors import (
    BusyError,
    ComponentError,
    SceneshiftError,
)
from sceneshift.core.services.service import Service
from sceneshift.core.services.use import release
from sceneshift.data import claim, drop, refill, reset
from sceneshift.data.backups.medium import get_version_table
from sceneshift.data.backups.parted import let_go
from sceneshift.data.backups.pgfile import FileMedium
from sceneshift.data.backups.restoring import RestoreRequest, restore
from sceneshift.data.backups.shelf import Shelf
from sceneshift.data.backups.taking import BackupRequest, back_up
from sceneshift.data.change import change_database
from sceneshift.data.locking import hold_lock
from sceneshift.data.marker import Marker
from sceneshift.data.migrate import migrate_all
from sceneshift.data.postgresql import own as pgown
from sceneshift.data.postgresql.aim import lead
from sceneshift.data.postgresql.replace import Coming, replace_content
from sceneshift.data.postgresql.server import StatementError
from sceneshift.data.postgresql.session import Place, open_session
from sceneshift.data.postgresql.within import PostgresqlWithin
from sceneshift.data.system import find_system
from sceneshift.data.target import Request, Target, load_targets
from sceneshift.data.undo import place_state
from sceneshift.data.upgrade import Upgrade
from serving_services import find_major, stop
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from postgresql import Server
    from sceneshift.data.postgresql.session import Session

pytestmark = pytest.mark.needs("postgresql")


@pytest.fixture(scope="module", name="home")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder whose server of its own all projects in it have."""
    home = tmp_path_factory.mktemp("within")
    service = Service(home=home, major=find_major())
    yield home
    release(service)
    stop(service)
    shutil.rmtree(service.socket, ignore_errors=True)


@pytest.fixture(name="make")
def make_shop(server: Server, home: Path) -> Callable[..., ServerShop]:
    """Return what makes a project whose user may make no databases."""

    def make(*tables: str) -> ServerShop:
        for path in home.iterdir():
            if path.name != ".sceneshift":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shop = ServerShop(home, *tables, server=server)
        make_user(server, shop, "")
        return shop

    return make


def load(shop: ServerShop) -> Target:
    """Return the database."""
    (target,) = load_targets(shop.root, shop.environ)
    return target


def list_dumps(shop: ServerShop) -> list[str]:
    """Return what states are made of, but for snapshots."""
    names = (path.name for path in (load(shop).folder / "dumps").iterdir())
    return sorted(name for name in names if not name.startswith("snapshot"))


def run_as(shop: ServerShop, statement: str) -> None:
    """Run a statement as the database's user."""
    with shop.server.connect(shop.name, f"{shop.name}_dev") as connection:
        connection.execute(statement)


def test_a_change_is_taken_back_and_made_again(
    make: Callable[..., ServerShop],
) -> None:
    """With what was written meanwhile, and without a database beside it."""
    shop = make("a")
    built = shop.reset()
    assert (built.is_built, shop.ran(), shop.tables()) == (True, ["a"], ["a"])
    shop.run("INSERT INTO a VALUES (2)")
    again = shop.reset()
    assert (again.is_built, shop.ran()) == (False, [])
    assert shop.run("SELECT id FROM a") == [(1,)]
    shop.run("INSERT INTO a VALUES (3)")
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.undo()
    assert shop.tables() == []
    # Who may make databases later can still take back what was done before.
    shop.server.run("postgres", f"ALTER ROLE {shop.name}_dev CREATEDB")
    shop.undo(is_redo=True)
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.undo(is_redo=True)
    assert shop.run("SELECT id FROM a") == [(1,), (3,)]
    assert shop.beside() == []
    shop.write("a", "b")
    assert (shop.reset().is_built, shop.ran()) == (True, ["b"])  # on what is kept


def test_all_that_is_its_user_s_goes_and_comes_back(
    make: Callable[..., ServerShop],
) -> None:
    """What is an extension's, or another user's, stays where it is."""
    shop = make("a")
    for statement in (
        "CREATE EXTENSION hstore",
        "CREATE TABLE theirs (id int)",
        f"GRANT CREATE ON DATABASE {shop.name} TO {shop.name}_dev",
    ):
        shop.run(statement)
    for statement in (
        "CREATE TYPE mood AS ENUM ('good', 'bad')",
        "CREATE TYPE pair AS (a mood, b int)",
        "CREATE DOMAIN short AS text CHECK (length(value) < 9)",
        """CREATE TABLE mine (id int GENERATED ALWAYS AS IDENTITY, a mood, b short,
        c hstore DEFAULT 'a=>1', d serial PRIMARY KEY)""",
        "INSERT INTO mine (a, b) VALUES ('good', E'x\\ty'), ('bad', NULL)",
        "CREATE VIEW seen AS SELECT * FROM mine",
        "CREATE MATERIALIZED VIEW kept AS SELECT a, count(*) FROM mine GROUP BY a",
        """CREATE FUNCTION twice(short) RETURNS text LANGUAGE sql AS
        $$ SELECT $1 || $1; $$""",
        "CREATE AGGREGATE all_of (text) (sfunc = textcat, stype = text)",
        "CREATE SCHEMA more CREATE TABLE mine (id int)",
        "CREATE SCHEMA with_extension",
        "CREATE EXTENSION citext SCHEMA with_extension",
        "CREATE TABLE with_extension.names (name with_extension.citext)",
        "GRANT SELECT ON mine TO PUBLIC",
        "COMMENT ON TABLE mine IS 'of mine'",
        "SELECT lo_from_bytea(4711, 'large')",
    ):
        run_as(shop, statement)
    before = describe(shop)
    shop.reset()
    assert shop.tables() == ["a", "theirs"]
    assert shop.run("SELECT 1 FROM pg_largeobject_metadata") == []
    assert shop.run("SELECT count(*) FROM pg_extension") == [(3,)]
    look = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^(more|with)'"
    assert shop.run(look) == [("with_extension",)]
    shop.undo()
    assert describe(shop) == before
    assert shop.run("SELECT lo_get(4711)") == [(b"large",)]
    # What of others depends on it would go, and nothing could bring it back.
    shop.run("CREATE VIEW theirs_too AS SELECT id FROM mine")
    with pytest.raises(SceneshiftError, match=r"depends on .*: `public\.theirs_too`$"):
        shop.reset()
    assert describe_rows(shop) == before[0]
    assert [each for each in list_dumps(shop) if "coming" in each] == []


def test_what_others_have_is_not_taken_apart(make: Callable[..., ServerShop]) -> None:
    """A column, or what else of it depends on a type or a function of the user's."""
    shop = make("a")
    for statement in (
        "CREATE TYPE mood AS ENUM ('good', 'bad')",
        "CREATE TABLE mine (id int PRIMARY KEY)",
        "CREATE FUNCTION one() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION at() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE FUNCTION ev() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
    ):
        run_as(shop, statement)
    shop.run("CREATE SCHEMA reports")
    shop.run("CREATE TABLE reports.daily (id int)")
    shop.run("CREATE TYPE reports.pair AS (a int)")
    shop.run("CREATE DOMAIN reports.short AS int")
    shop.run("ALTER TABLE mine ADD FOREIGN KEY (id) REFERENCES mine")
    daily = "ALTER TABLE reports.daily"
    url = load(shop).database.url
    for statement, undoing in (
        (f"{daily} ADD status mood", f"{daily} DROP status"),
        ("ALTER TYPE reports.pair ADD ATTRIBUTE b mood", "DROP TYPE reports.pair"),
        (f"{daily} ALTER id SET DEFAULT one()", f"{daily} ALTER id DROP DEFAULT"),
        (f"{daily} ADD CONSTRAINT k CHECK (one() > 0)", f"{daily} DROP CONSTRAINT k"),
        (
            f"{daily} ADD CONSTRAINT k FOREIGN KEY (id) REFERENCES mine",
            f"{daily} DROP CONSTRAINT k",
        ),
        ("CREATE INDEX i ON reports.daily ((id + one()))", "DROP INDEX reports.i"),
        (
            "CREATE TRIGGER t BEFORE INSERT ON reports.daily EXECUTE FUNCTION at()",
            "DROP TRIGGER t ON reports.daily",
        ),
        (
            "CREATE POLICY p ON reports.daily USING (one() > 0)",
            "DROP POLICY p ON reports.daily",
        ),
        (
            "CREATE RULE r AS ON INSERT TO reports.daily DO ALSO SELECT one()",
            "DROP RULE r ON reports.daily",
        ),
        (
            "ALTER DOMAIN reports.short ADD CHECK (value > one())",
            "DROP DOMAIN reports.short",
        ),
        (
            "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION ev()",
            "DROP EVENT TRIGGER e",
        ),
    ):
        shop.run(statement)
        with (
            open_session(Place(url=url, root=shop.root)) as session,
            pytest.raises(SceneshiftError, match="depends on what would be"),
        ):
            drop_all(session)
        shop.run(undoing)
    shop.run(f"{daily} ADD status mood DEFAULT 'good'")
    shop.run("INSERT INTO reports.daily DEFAULT VALUES")
    with pytest.raises(SceneshiftError, match=r"column reports\.daily\.status`$"):
        shop.reset()
    assert shop.run("SELECT status FROM reports.daily") == [("good",)]
    shop.run(f"{daily} DROP status")
    shop.reset()
    assert shop.tables() == ["a"]


def drop_all(session: Session) -> None:
    """Drop what is the user's own."""
    with session.transaction():
        others, parts = pgown.list_others(session), pgown.list_parts(session)
        session.run(*pgown.list_drops(session))
        pgown.check_others(session, others, parts)


def describe_rows(shop: ServerShop) -> object:
    """Return the rows that the test above has made."""
    return shop.run("SELECT id, a, b, c, d, twice(b) FROM seen ORDER BY 1")


def describe(shop: ServerShop) -> list[object]:
    """Return what it has made."""
    queries = (
        "SELECT * FROM kept ORDER BY 1",
        """SELECT n.nspname, relname, relkind, relowner, relacl, obj_description(c.oid)
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE nspname !~ '^(pg_|info)' AND relname <> 'sceneshift_marker'
        ORDER BY 1, 2""",
        "SELECT last_value, is_called FROM mine_d_seq",
        "SELECT all_of(b) FROM mine",
    )
    return [describe_rows(shop), *(shop.run(each) for each in queries)]


def test_what_its_user_may_not_make_is_told(make: Callable[..., ServerShop]) -> None:
    """All is as it was then; what somebody has made for it is used."""
    shop = make("a")
    shop.reset()
    shop.insert("a", 2)
    making = "op.execute('CREATE EXTENSION IF NOT EXISTS pageinspect')"
    shop.write("a", "b", b=making)
    with pytest.raises(SceneshiftError, match="permission denied to create extension"):
        shop.reset()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.run("CREATE EXTENSION pageinspect")
    assert shop.reset().is_built
    assert shop.tables() == ["a", "b"]
    assert shop.status()["snapshot"] is not None


def test_what_its_migrations_make_by_themselves_is_built_again(
    make: Callable[..., ServerShop],
) -> None:
    """An extension stays, and is made anew in the draft; grants reach what stays."""
    shop = make()
    reader = f"{shop.name}_reader"
    shop.run(f"CREATE ROLE {reader}")
    shop.run(f"GRANT CREATE ON DATABASE {shop.name} TO {shop.name}_dev")
    made = (
        "op.execute('CREATE EXTENSION hstore'); "
        f"op.execute('GRANT USAGE, CREATE ON SCHEMA public TO {reader}'); "
        f"op.execute('GRANT SELECT ON a TO {reader}')"
    )
    shop.write("a", a=made)
    shop.reset()
    assert shop.reset(is_rebuilt=True).is_built
    look = (
        f"SELECT has_schema_privilege('{reader}', 'public', 'CREATE'), "
        f"has_table_privilege('{reader}', 'a', 'SELECT')"
    )
    assert shop.run(look) == [(True, True)]
    shop.run(f"REVOKE ALL ON SCHEMA public FROM {reader}")
    shop.run(f"GRANT CREATE ON SCHEMA public TO {shop.name}_dev")
    shop.run("ALTER SCHEMA public OWNER TO postgres")
    shop.reset()
    assert shop.run(look) == [(False, True)]  # what is another's it may not grant


def test_what_cannot_be_loaded_changes_nothing(make: Callable[..., ServerShop]) -> None:
    """By whatever address the server is reached."""
    shop = make("a")
    toml = shop.root / "pyproject.toml"
    toml.write_text(toml.read_text().replace("?host", "?keepalives=1&host"))
    shop.reset()
    shop.insert("a", 2)
    failing = """pass
    op.execute('''CREATE FUNCTION f() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
        IF current_database() !~ 'workshop' THEN
            RAISE 'full' USING ERRCODE = (
                SELECT shobj_description(oid, 'pg_database') FROM pg_database
                WHERE datname = current_database());
        END IF; RETURN true; END $$''')
    op.execute("ALTER TABLE b ADD CHECK (public.f())")"""
    shop.write("a", "b", b=failing)
    for code, said in (("53200", "more tables than its server"), ("P0001", "is as it")):
        shop.run(f"COMMENT ON DATABASE {shop.name} IS '{code}'")
        with pytest.raises(SceneshiftError, match=f"{said}.*: full"):
            shop.reset()
        assert (shop.tables(), shop.run("SELECT id FROM a")) == (["a"], [(1,), (2,)])


def test_who_loses_the_right_loses_no_state(make: Callable[..., ServerShop]) -> None:
    """Nothing is changed then, for what is beside would be forgotten, and dropped."""
    shop = make("a")
    user = f"{shop.name}_dev"
    shop.server.run("postgres", f"ALTER ROLE {user} CREATEDB")
    shop.reset()
    shop.insert("a", 2)
    shop.reset()
    shop.server.run("postgres", f"ALTER ROLE {user} NOCREATEDB")
    for _ in range(2):
        with pytest.raises(SceneshiftError, match="may not make databases"):
            shop.reset()
    shop.server.run("postgres", f"ALTER ROLE {user} CREATEDB")
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    # What leads to nothing keeps nobody from going on within the database.
    for name in shop.beside():
        shop.server.run("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    shop.server.run("postgres", f"ALTER ROLE {user} NOCREATEDB")
    (load(shop).folder / "makes-databases").unlink()
    assert isinstance(find_system(load(shop)), PostgresqlWithin)


def test_what_is_damaged_is_not_put_back(make: Callable[..., ServerShop]) -> None:
    """All is as it was; what is gone cannot be, either."""
    shop = make("a")
    shop.reset()
    shop.insert("a", 2)
    shop.reset()
    (path, _) = sorted((load(shop).folder / "dumps").glob("2*.zst"), reverse=True)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(SceneshiftError, match="is damaged"):
        shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,)]
    path.unlink()
    with pytest.raises(SceneshiftError, match="not there any more"):
        shop.undo()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    former, medium = path.name.partition(".")[0], FileMedium(load(shop))
    with pytest.raises(SceneshiftError, match="is damaged: it is not what was"):
        medium.save(shop.root, get_version_table(load(shop)), former)
    path.write_bytes(whole)
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]


def test_a_snapshot_that_is_damaged_is_built_again(
    make: Callable[..., ServerShop],
) -> None:
    """Whether it was cut off, or is another one of the same size."""
    shop = make("a")
    snapshot = shop.reset().snapshot.id
    path = load(shop).folder / f"dumps/snapshot-{snapshot}.pgdump.zst"
    for is_cut in (True, False):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + (b"" if is_cut else bytes([whole[-1] ^ 1])))
        assert shop.reset().is_built
        assert not shop.reset().is_built


def test_what_was_left_behind_is_swept(make: Callable[..., ServerShop]) -> None:
    """Drafts of builds, snapshots without a name, and files that were being written."""
    shop = make("a")
    shop.reset()
    system = find_system(load(shop))
    draft = system.begin(None)
    system.keep(draft, "nobody")
    folder = load(shop).folder
    (folder / "dumps/1.draft").touch()
    (folder / "dumps/1.pgdump.zst").touch()
    (folder / "dumps/snapshot-1.sum").touch()
    shop.reset()
    assert "nobody" not in system.list_snapshots()
    assert list(folder.glob("drafts/*.workshop")) == []
    assert [*folder.glob("dumps/1.*"), *folder.glob("dumps/snapshot-1.*")] == []
    service = Service(home=shop.root, major=find_major())
    with psycopg.connect(service.describe_address("", "postgres")) as connection:
        found = connection.execute("SELECT datname FROM pg_database").fetchall()
    assert [name for (name,) in found if name.startswith("workshop")] == []


def test_a_database_that_is_not_there_is_told(make: Callable[..., ServerShop]) -> None:
    """With what makes it."""
    shop = make("a")
    shop.server.run("postgres", f"DROP DATABASE {shop.name}")
    with pytest.raises(SceneshiftError, match="is not there, and its user") as caught:
        shop.reset()
    assert (caught.value.hint or "").startswith("have it made: CREATE DATABASE")


def test_others_wait_and_are_ended_where_they_would_not(
    make: Callable[..., ServerShop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody sees an error but who holds on to a table; what they write is kept."""
    shop = make("a")
    shop.reset()
    user = f"{shop.name}_dev"
    over, written = threading.Event(), 0
    seen: set[tuple[object, ...]] = set()

    def work() -> None:
        nonlocal written
        with shop.server.connect(shop.name, user) as client:
            while not over.is_set():
                client.execute("INSERT INTO a VALUES (2)")
                written += 1

    def look() -> None:
        with shop.server.connect(shop.name, user) as client:
            while not over.is_set():
                seen.update(client.execute("SELECT count(*) > 0 FROM a"))

    threads = [threading.Thread(target=each) for each in (work, look)]
    with shop.server.connect(shop.name, user) as idle:
        idle.execute("BEGIN")
        idle.execute("SELECT * FROM a")
        for each in threads:
            each.start()
        wait_until(lambda: written > 3)
        shop.reset()
        over.set()
        with pytest.raises(psycopg.OperationalError):
            idle.execute("INSERT INTO a VALUES (3)")
    for each in threads:
        each.join()
    ((after,),) = shop.run("SELECT count(*) FROM a")
    shop.undo()
    ((before,),) = shop.run("SELECT count(*) FROM a")
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert before - 1 + after - 1 == written
    assert seen == {(True,)}
    # Whom its user may not end is told.
    monkeypatch.setattr(
        "sceneshift.data.postgresql.session._SETTINGS", "SET lock_timeout = '300ms'"
    )
    with shop.server.connect(shop.name) as superuser, superuser.transaction():
        superuser.execute("INSERT INTO a VALUES (3)")
        with pytest.raises(BusyError, match="may not be ended"):
            shop.reset()
    assert shop.run("SELECT count(*) FROM a") == [(before + 1,)]


def test_what_others_make_meanwhile_is_not_lost(
    make: Callable[..., ServerShop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be in no dump, so all is as it was; also where it is made last."""
    shop = make("a")
    shop.run(f"GRANT CREATE ON DATABASE {shop.name} TO {shop.name}_dev")
    function = "FUNCTION app.one() RETURNS int LANGUAGE sql"
    for statement in (
        "CREATE SCHEMA app CREATE TABLE known (id int)",
        f"CREATE {function} AS 'SELECT 1'",
        f"ALTER ROLE {shop.name}_dev SET default_transaction_isolation = serializable",
    ):
        run_as(shop, statement)
    place = Place(url=load(shop).database.url, root=shop.root)
    marker = Marker(project="p", environment="e", state="s")
    coming = Coming(data=[], major=find_major())
    for made, gone in (
        ("CREATE TABLE app.late (id int)", "DROP TABLE app.late"),
        ("CREATE TABLE late (id int)", "DROP TABLE late"),
        (f"CREATE OR REPLACE {function} AS 'SELECT 2'", "DROP FUNCTION app.one()"),
        ("SELECT lo_create(4712)", "SELECT lo_unlink(4712)"),
    ):
        with pytest.raises(BusyError, match="somebody was changing what there is"):
            replace_content(place, coming, marker, partial(make_late, shop, made))
        run_as(shop, gone)

    def list_parts(session: Session) -> list[str]:
        run_as(shop, "CREATE TABLE app.late (id int)")
        return listing(session)

    listing = pgown.list_parts
    monkeypatch.setattr(pgown, "list_parts", list_parts)
    with pytest.raises(BusyError, match="cannot drop schema app"):
        replace_content(place, coming, marker, lambda _: None)
    look = "SELECT relname FROM pg_class WHERE relnamespace = 'app'::regnamespace"
    assert shop.run(f"{look} ORDER BY 1") == [("known",), ("late",)]


def make_late(shop: ServerShop, statement: str, _: Session) -> None:
    """Have something be made while what is there is kept."""
    run_as(shop, statement)


def test_other_commands_keep_what_was_there_too(
    make: Callable[..., ServerShop], capsys: pytest.CaptureFixture[str]
) -> None:
    """A migration, a drop, other rows, and a backup in its place."""
    shop = make("a")
    request = Request(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
    )
    claim.claim(request)
    migrate_all(request)
    assert "take it back: inv data.undo\n" in capsys.readouterr().err
    shop.insert("a", 2)
    shop.write("a", "b")
    migrate_all(request)
    assert shop.tables() == ["a", "b"]
    shop.undo()
    assert (shop.tables(), shop.run("SELECT id FROM a")) == (["a"], [(1,), (2,)])
    back_up(BackupRequest(root=shop.root, environ=shop.environ))
    drop.drop(request)
    assert shop.tables() == []
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    planned = refill.plan(reset.ResetRequest(root=shop.root, environ=shop.environ))
    refill.apply(planned)
    assert shop.run("SELECT id FROM a") == []
    kept = next(iter(Shelf(load(shop).project).list_all()))
    restore(
        RestoreRequest(
            root=shop.root,
            environ=shop.environ,
            environment="development",
            is_confirmed=True,
            named=kept.id,
        )
    )
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.undo()
    assert shop.run("SELECT id FROM a") == []
    assert [each for each in list_dumps(shop) if "draft" in each] == []


def test_backups_are_of_what_is_its_user_s_alone(
    make: Callable[..., ServerShop],
) -> None:
    """And are put back as pg_dump has written them: functions before their tables."""
    shop = make("a")
    user = f"{shop.name}_dev"
    shop.reset()
    shop.run("CREATE TABLE theirs (id int)")
    shop.run(f"GRANT CREATE ON SCHEMA public TO {user}")
    run_as(shop, "CREATE TABLE mine (id int)")
    run_as(
        shop,
        "CREATE FUNCTION count_mine() RETURNS bigint LANGUAGE sql AS "
        "'SELECT count(*) FROM public.mine'",
    )
    run_as(shop, "INSERT INTO mine VALUES (1)")
    find_system(load(shop)).drop(find_system(load(shop)).copy())
    back_up(BackupRequest(root=shop.root, environ=shop.environ))
    kept = next(iter(Shelf(load(shop).project).list_all()))
    shop.reset()
    assert shop.tables() == ["a", "theirs"]
    restore(
        RestoreRequest(
            root=shop.root,
            environ=shop.environ,
            environment="development",
            is_confirmed=True,
            named=kept.id,
        )
    )
    assert shop.run("SELECT count_mine()") == [(1,)]
    assert shop.tables() == ["a", "mine", "theirs"]


def test_rows_of_its_own_are_backed_up_before_they_go(
    make: Callable[..., ServerShop],
) -> None:
    """Also those of a state that was put back once; and no others."""
    shop = make("a")
    shop.reset()
    shop.insert("a", 2)
    shop.reset()
    shop.undo()  # the state with that row is there again
    for _ in range(4):
        shop.reset()
    target = load(shop)
    let_go(target)
    noted = [each.manifest for each in Shelf(target.project).list_all()]
    found = [each.rows for each in noted if each is not None and each.key == target.key]
    assert found == [{"a": 2}]


def test_a_kill_at_any_step_leaves_the_old_or_the_new(
    make: Callable[..., ServerShop],
) -> None:
    """Whole, and with the way back; the next one sweeps what is left."""
    shop = make("a")
    snapshot = shop.reset().snapshot.id
    shop.insert("a", 2)
    target = load(shop)
    marker = find_system(target).read_marker()
    assert marker is not None

    def act() -> None:
        system = find_system(target)
        with hold_lock(target.name_lock()), system.hold():
            system.sweep()
            place_state(target, system, "reset", "reset", snapshot)

    def look() -> bool:
        system = find_system(target)
        rows = shop.run("SELECT id FROM a")
        now = system.read_marker()
        assert now is not None
        is_new = now != marker
        assert rows == ([(1,)] if is_new else [(1,), (2,)])
        if is_new:
            with system.hold():
                system.sweep()
                system.put_back(now.state, marker, f"{now.state}-later")
            assert shop.run("SELECT id FROM a") == [(1,), (2,)]
        return is_new

    found = kill_at_each(act, look, shop.root)
    assert len(found) > 10
    assert set(found) == {True, False}
    act()
    assert [each for each in list_dumps(shop) if "coming" in each] == []


@contextmanager
def losing(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, module: str
) -> Iterator[None]:
    """Have a module of PostgreSQL's lose the answer to what commits its change."""

    @contextmanager
    def opening(place: Place) -> Iterator[Session]:
        with open_session(place) as session:

            def execute(query: str) -> list[tuple[object, ...]]:
                found = told(query)
                if query.endswith("COMMIT"):
                    raise error
                return found

            told = session._execute
            session._execute = execute
            yield session

    with monkeypatch.context() as patch:
        patch.setattr(f"sceneshift.data.postgresql.{module}.open_session", opening)
        yield


def test_a_change_whose_end_is_not_seen_is_taken_back(
    make: Callable[..., ServerShop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server has committed it, and that is told if anybody can."""
    shop = make("a")
    shop.reset()
    lost = StatementError("the connection is closed", hint="", code=None)
    interrupt = KeyboardInterrupt()

    def look(was: int) -> None:
        shop.undo()
        assert shop.run("SELECT id FROM a") == [(1,), (was,)]
        shop.run("DELETE FROM a WHERE id > 1")

    shop.insert("a", 2)
    with losing(lost, monkeypatch, "replace"):
        shop.reset()
    look(2)
    shop.insert("a", 3)
    with losing(interrupt, monkeypatch, "replace"), pytest.raises(KeyboardInterrupt):
        shop.reset()
    look(3)
    shop.insert("a", 4)
    with losing(lost, monkeypatch, "replace"), monkeypatch.context() as patch:
        patch.setattr("sceneshift.data.postgresql.keeping.open_session", refuse)
        with pytest.raises(SceneshiftError, match="is not known: far"):
            shop.reset()
    look(4)
    shop.insert("a", 5)
    request = Request(
        root=shop.root,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
    )
    shop.write("a", "b")
    with losing(interrupt, monkeypatch, "inplace"), pytest.raises(KeyboardInterrupt):
        migrate_all(request)
    look(5)


def refuse(_: Place) -> NoReturn:
    """Be a server that is not there any more."""
    raise SceneshiftError("far away")


def test_who_may_be_in_no_other_database_waits_all_the_same(
    make: Callable[..., ServerShop],
) -> None:
    """For others, who hold their lock elsewhere; and they do for this one."""
    shop = make("a")
    target = load(shop)
    url = shop.server.url(shop.name, "psycopg")
    free = replace(target, database=Database(name="default", url=url))
    names = ("postgres", "template1")
    for name in names:
        shop.server.run("postgres", f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    try:
        assert isinstance(find_system(target), PostgresqlWithin)
        for first, second in ((target, free), (free, target)):
            entered = threading.Event()

            def enter(
                second: Target = second, entered: threading.Event = entered
            ) -> None:
                with find_system(second).hold():
                    entered.set()

            thread = threading.Thread(target=enter)
            with find_system(first).hold():
                thread.start()
                wait_until(lambda: count_waiting(shop) == 1)
                assert not entered.is_set()
            thread.join()
            assert entered.is_set()
        shop.reset()
    finally:
        for name in names:
            shop.server.run("postgres", f"GRANT CONNECT ON DATABASE {name} TO PUBLIC")
    assert shop.tables() == ["a"]


def count_waiting(shop: ServerShop) -> int:
    """Return how many sessions have taken a lock and given it up again."""
    look = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pid FROM pg_l%'"
    )
    ((count,),) = shop.run(look)
    assert isinstance(count, int)
    return count


def test_what_is_aside_is_there_for_other_commands(
    make: Callable[..., ServerShop], capsys: pytest.CaptureFixture[str]
) -> None:
    """A rehearsal, for one."""
    shop = make("a")
    shop.reset()
    shop.insert("a", 2)
    shop.write("a", "b", b='op.execute("DELETE FROM a")')
    request = Request(root=shop.root, environ=shop.environ, is_dry=True)
    with pytest.raises(SceneshiftError, match="the rehearsal went wrong"):
        migrate_all(request, is_rehearsed=True)  # its downgrade drops nothing
    assert "a -2" in capsys.readouterr().out
    folder = load(shop).folder / "drafts"
    assert list(folder.glob("*.workshop")) == []


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("X_URL", "postgresql+asyncpg://u@far/shop?ssl=1", "postgresql+asyncpg://{}"),
        ("X", "postgres://far:5432/shop", "postgres://{}"),
        ("X", "host=far dbname=shop", "host=/run port=5432 user=u@x dbname=d"),
        ("PGDATABASE", "shop", "d"),
        ("APP_DB_HOST", "far", "/run"),
        ("POSTGRES_PORT", "5432", "5432"),
        # Others than the database, or what is said in another way.
        ("X", "postgresql://near/shop", None),
        ("REDIS_HOST", "far", None),
        ("DB_HOST", "near", None),
    ],
)
def test_all_that_names_the_database_leads_to_a_draft(
    tmp_path: Path, variable: str, text: str, expected: str | None
) -> None:
    """On another server, which has a socket alone."""
    upgrade = Upgrade(
        root=tmp_path,
        scripts=None,  # type: ignore[arg-type]
        database=Database(name="default", url="postgresql+psycopg://u:p@far/shop"),
        env={variable: text},
        log=tmp_path / "log",
    )
    place = "u%40x@/d?host=%2Frun"
    draft = Database(name="default", url=f"postgresql+psycopg://{place}")
    aimed = lead(upgrade, draft, tmp_path)
    assert aimed.env == {variable: expected.format(place) if expected else text}
    assert aimed.database == draft


def test_libpq_s_own_variables_lead_there_too(tmp_path: Path) -> None:
    """And what is stronger than they are is gone."""
    upgrade = Upgrade(
        root=tmp_path,
        scripts=None,  # type: ignore[arg-type]
        database=Database(name="default", url="postgresql://u@far/shop"),
        env={"PGSERVICE": "far", "PGPORT": "1", "PGDATABASE": "shop"},
        log=tmp_path / "log",
    )
    draft = Database(name="default", url="postgresql://u@/d?host=/run")
    assert lead(upgrade, draft, tmp_path).env == {
        "PGDATABASE": "d",
        "PGHOST": "/run",
        "PGPORT": "5432",
        "PGUSER": "u",
    }


def test_a_draft_is_set_as_the_database_is(
    server: Server,
    make: Callable[..., ServerShop],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And has what others have made in it, if that can be had; it is dropped whole."""
    shop = make("a")
    name, user = shop.name, f"{shop.name}_dev"
    for statement in (
        f"DROP DATABASE {name}",
        f"""CREATE DATABASE {name} OWNER {user} TEMPLATE template0
        ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'""",
        f"ALTER DATABASE {name} SET work_mem TO '8MB'",
        f"ALTER DATABASE {name} SET log_statement TO 'all'",
        f"ALTER ROLE {user} SET search_path TO more, public",
        f"ALTER ROLE {user} SET work_mem TO '9MB'",
    ):
        server.run("postgres", statement)
    shop.run("CREATE EXTENSION hstore; CREATE EXTENSION pageinspect")
    shop.run("UPDATE pg_extension SET extname = 'not_there' WHERE extname = 'hstore'")
    system = find_system(load(shop))
    assert isinstance(system, PostgresqlWithin)
    draft = system.begin(None)
    assert "the extension not_there is not on this machine" in capsys.readouterr().err
    place = Place(url=draft.url, root=shop.root)
    with open_session(place) as session:
        shown = [
            session.ask(f"SHOW {each}")[0][0]
            for each in ("server_encoding", "search_path", "work_mem")
        ]
        assert shown == ["LATIN1", "more, public", "8MB"]
        assert session.ask("SELECT current_user") == [(user,)]
        found = session.ask("SELECT extname FROM pg_extension ORDER BY 1")
    assert found == [("pageinspect",), ("plpgsql",)]
    assert system.read_schema(draft) == system.read_schema(None) == {}
    with pytest.raises(SceneshiftError, match="pg_restore says"):
        system.fill(draft, [b"no dump"])
    with pytest.raises(SceneshiftError, match=f'"{place.name}" does not exist'):
        system.read_schema(draft)
    assert list(load(shop).folder.glob("drafts/*.workshop")) == []


def test_where_nothing_can_be_kept_that_is_said(
    make: Callable[..., ServerShop],
) -> None:
    """And the change is made, unless the way back was insisted on."""
    shop = make("a")
    run_as(shop, "CREATE TABLE hidden (id int)")
    run_as(shop, "ALTER TABLE hidden ENABLE ROW LEVEL SECURITY")
    run_as(shop, "ALTER TABLE hidden FORCE ROW LEVEL SECURITY")

    def change(_: Database) -> None:
        run_as(shop, "CREATE TABLE IF NOT EXISTS more (id int)")

    def work() -> str:
        return change_database(load(shop), "seed", "work", change).obstacle or ""

    assert "row-level security" in work()
    assert shop.tables() == ["hidden", "more"]
    toml = shop.root / "pyproject.toml"
    toml.write_text(f"{toml.read_text()}protected = true\n")
    assert work() == "`development` is protected"
    assert list_dumps(shop) == []


def test_a_machine_without_a_server_is_told(
    make: Callable[..., ServerShop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what mends it, before anything is done."""
    shop = make("a")
    monkeypatch.setattr("sceneshift.core.services.programs.FOLDERS", ())
    monkeypatch.setenv("PATH", os.defpath)
    release(Service(home=shop.root, major=find_major()))
    stop(Service(home=shop.root, major=find_major()))
    with pytest.raises(ComponentError, match="may make no databases, and") as caught:
        shop.reset()
    assert (caught.value.hint or "").endswith("ALTER ROLE … CREATEDB")
    assert shop.tables() == []
