"""Resets of PostgreSQL databases, on a real server."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import psycopg
import pytest

from migrating import READING, make_chain, make_project
from resetting import ServerShop, make_user, steps
from sceneshift.core.databases import Database
from sceneshift.core.errors import DriftError, RefusedError, SceneshiftError
from sceneshift.data import claim, drop, reset
from sceneshift.data.backups.parted import let_go
from sceneshift.data.drift import check
from sceneshift.data.postgresql.aim import aim
from sceneshift.data.postgresql.content import count_rows
from sceneshift.data.postgresql.schema import read_schema
from sceneshift.data.postgresql.session import Place, open_session
from sceneshift.data.postgresql.system import PostgresqlSystem
from sceneshift.data.system import find_system
from sceneshift.data.target import Request, load_targets
from sceneshift.data.upgrade import Upgrade
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgresql import Server

pytestmark = [pytest.mark.needs("postgresql"), pytest.mark.usefixtures("chores_warm")]


@pytest.fixture(name="server")
def clean_server(server: Server) -> Iterator[Server]:
    """Return the server; what the test has left there takes no room any more."""
    yield server
    look = (
        "SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database "
        "WHERE datname <> 'postgres' AND NOT datistemplate"
    )
    for (statement,) in server.run("postgres", look):
        with contextlib.suppress(psycopg.Error):  # it may be dropped just now
            server.run("postgres", str(statement))


@pytest.mark.cold
def test_a_database_is_made_as_the_code_makes_it(
    server: Server, tmp_path: Path
) -> None:
    """And the next time not built: nothing runs."""
    shop = ServerShop(tmp_path, "a", "b", server=server)
    built = shop.reset()
    assert (built.is_built, shop.ran(), shop.tables()) == (True, ["a", "b"], ["a", "b"])
    shop.run("INSERT INTO a VALUES (2)")
    again = shop.reset()
    assert (again.is_built, shop.ran()) == (False, [])
    assert again.snapshot == built.snapshot
    assert shop.run("SELECT id FROM a") == [(1,)]
    assert dict(again.snapshot.rows) == {"a": 1, "b": 1}


def test_a_change_is_taken_back_and_made_again(server: Server, tmp_path: Path) -> None:
    """Step by step, to the beginning and to the end."""
    shop = ServerShop(tmp_path, "a", server=server)
    shop.run("CREATE TABLE mine (id int)")
    shop.reset()
    shop.run("INSERT INTO a VALUES (2)")
    shop.reset()
    shop.run("INSERT INTO a VALUES (3)")
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.undo()
    assert shop.tables() == ["mine"]
    with pytest.raises(SceneshiftError, match="can be taken back"):
        shop.undo()
    shop.undo(is_redo=True)
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.undo(is_redo=True)
    assert shop.run("SELECT id FROM a") == [(1,), (3,)]
    with pytest.raises(SceneshiftError, match="can be made again"):
        shop.undo(is_redo=True)


def test_what_was_there_first_may_be_nothing(server: Server, tmp_path: Path) -> None:
    """Then taking it back leaves an empty database."""
    shop = ServerShop(tmp_path, "a", server=server, name="not_there")
    shop.reset()
    shop.undo()
    assert shop.tables() == []
    shop.undo(is_redo=True)
    assert shop.tables() == ["a"]


def test_the_last_three_changes_can_be_taken_back(
    server: Server, tmp_path: Path
) -> None:
    """What is older goes, and so does what another way was taken from."""
    shop = ServerShop(tmp_path, "a", server=server)
    for number in range(5):
        shop.reset()
        shop.insert("a", number + 10)
    assert len(shop.status()["undo"]) == 3
    shop.undo()
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (12,)]
    shop.reset()
    with pytest.raises(SceneshiftError, match="can be made again"):
        shop.undo(is_redo=True)
    (target,) = load_targets(shop.root, shop.environ)
    let_go(target)
    assert len(shop.beside("tl")) == len(shop.status()["undo"]) == 2
    wait_until(lambda: not shop.beside("bnx"))


# -- who works with it


def test_clients_are_back_at_once_and_see_the_old_or_the_new(
    server: Server, tmp_path: Path
) -> None:
    """Each has two errors at most, and never a part of each state."""
    shop = ServerShop(tmp_path, "a", "b", server=server)
    shop.reset()
    over = threading.Event()
    seen: set[tuple[object, ...]] = set()
    errors: list[Counter[int]] = [Counter() for _ in range(4)]
    resets = 0

    def work(mine: Counter[int], number: int) -> None:
        while not over.is_set():
            try:
                with server.connect(shop.name) as connection:
                    while not over.is_set():
                        if number % 2:
                            with connection.transaction():
                                connection.execute("INSERT INTO a VALUES (2)")
                                connection.execute("INSERT INTO b VALUES (2)")
                        look = "SELECT (SELECT sum(id) FROM a), (SELECT sum(id) FROM b)"
                        seen.update(connection.execute(look))
            except psycopg.Error:
                mine[resets] += 1

    threads = [
        threading.Thread(target=work, args=(mine, number))
        for number, mine in enumerate(errors)
    ]
    for thread in threads:
        thread.start()
    try:
        for resets in range(6):  # noqa: B007 - the threads read it
            shop.reset()
            before = len(seen)
            wait_until(lambda before=before: len(seen) > before)  # type: ignore[misc]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert all(a == b for a, b in seen)
    assert max(max(each.values()) for each in errors) <= 2


def test_prepared_transactions_stop_it(server: Server, tmp_path: Path) -> None:
    """They are nobody's session, and survive a restart."""
    shop = ServerShop(tmp_path, "a", server=server)
    shop.reset()
    with server.connect(shop.name) as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO a VALUES (2)")
        connection.execute(f"PREPARE TRANSACTION '{shop.name}'")
    with pytest.raises(SceneshiftError) as caught:
        shop.reset()
    assert "has prepared transactions, which hold on to it" in caught.value.message
    assert caught.value.hint == f"end them in it: ROLLBACK PREPARED '{shop.name}'"
    shop.run(f"COMMIT PREPARED '{shop.name}'")
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.reset()


# -- what is set on it


FACTS = """
SELECT pg_get_userbyid(datdba), datconnlimit, datallowconn, datistemplate, encoding,
    datcollate, shobj_description(d.oid, 'pg_database'),
    (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a),
    (SELECT array_agg((setrole, setconfig)::text ORDER BY setrole)
     FROM pg_db_role_setting s WHERE s.setdatabase = d.oid)
FROM pg_database d WHERE datname = '{}'
"""


def test_what_is_set_on_a_database_stays(server: Server, tmp_path: Path) -> None:
    """Owner, grants, settings, limit and comment: no copy has them by itself."""
    shop = ServerShop(tmp_path, "a", server=server)
    role, name = f"{shop.name}_owner", shop.name
    for statement in (
        f"CREATE ROLE {role} LOGIN",
        f"ALTER DATABASE {name} OWNER TO {role}",
        f'ALTER DATABASE {name} SET search_path TO "$user", public, "a{{b"',
        f"ALTER DATABASE {name} SET application_name TO 'it''s {{}} \\ \"'",
        f"ALTER DATABASE {name} SET \"my.own\" TO '%'",
        f"ALTER DATABASE {name} SET statement_timeout TO 1",
        f"ALTER DATABASE {name} SET default_transaction_read_only TO on",
        f"ALTER ROLE {role} IN DATABASE {name} SET work_mem TO '8MB'",
        f"ALTER DATABASE {name} CONNECTION LIMIT 7",
        f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC",
        f"COMMENT ON DATABASE {name} IS 'it''s \\ mine'",
        f"GRANT CREATE ON DATABASE {name} TO {role} WITH GRANT OPTION",
    ):
        server.run("postgres", statement)
    server.run("postgres", f"ALTER DATABASE {name} RESET statement_timeout")
    server.run("postgres", f"ALTER DATABASE {name} RESET default_transaction_read_only")
    before = server.run("postgres", FACTS.format(name))
    shop.reset()
    assert server.run("postgres", FACTS.format(name)) == before
    shop.undo()
    assert server.run("postgres", FACTS.format(name)) == before
    shop.undo(is_redo=True)
    assert server.run("postgres", FACTS.format(name)) == before


def test_settings_that_would_hinder_it_do_not(server: Server, tmp_path: Path) -> None:
    """They are for the application's sessions."""
    shop = ServerShop(tmp_path, "a", server=server)
    shop.reset()
    for setting in ("statement_timeout TO 1", "default_transaction_read_only TO on"):
        server.run("postgres", f"ALTER DATABASE {shop.name} SET {setting}")
    with pytest.raises(SceneshiftError):
        shop.reset()  # the migrations' sessions are the application's
    server.run("postgres", f"ALTER DATABASE {shop.name} RESET ALL")
    shop.reset()


@pytest.mark.parametrize(
    "name",
    ["x" * 63, "Upper", 'a "b"', "it's", "größe", "a.b-c", "50% {x}", "a:b", "__s_"],
)
def test_a_name_may_be_any(server: Server, tmp_path: Path, name: str) -> None:
    """However long, and whatever is in it."""
    shop = ServerShop(tmp_path, "a", server=server, name=name)
    quoted = name.replace('"', '""')
    shop.reset()
    shop.run("INSERT INTO a VALUES (2)")
    shop.reset()
    assert shop.run("SELECT id FROM a") == [(1,)]
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    shop.undo()
    server.run("postgres", f'DROP DATABASE "{quoted}"')


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "the URL of `default` names no database"),
        ("postgres", "`postgres` belongs to the server, and is no project's"),
        ("template1", "`template1` belongs to the server, and is no project's"),
    ],
)
def test_what_is_no_project_s_is_refused(
    server: Server, tmp_path: Path, name: str, message: str
) -> None:
    """A slip in a URL must not take the server's own databases."""
    shop = ServerShop(tmp_path, "a", server=server, url=server.url(name, "psycopg"))
    with pytest.raises(SceneshiftError) as caught:
        shop.reset()
    assert caught.value.message == message


# -- who may do it


def test_who_may_make_no_databases_any_more_is_told(
    server: Server, tmp_path: Path
) -> None:
    """Each time: what is beside the database would be lost without the right."""
    shop = ServerShop(tmp_path, "a", server=server)
    user = make_user(server, shop)
    shop.reset()
    shop.reset()
    server.run("postgres", f"ALTER ROLE {user} NOCREATEDB")
    with pytest.raises(SceneshiftError) as caught:
        shop.reset()
    assert caught.value.message == (
        f"`{shop.name}` cannot be changed: the user `{user}` may not make databases"
    )
    assert caught.value.hint == (
        f'let a superuser allow it: ALTER ROLE "{user}" CREATEDB'
    )
    (target,) = load_targets(tmp_path, shop.environ)
    assert isinstance(find_system(target), PostgresqlSystem)
    server.run("postgres", f"ALTER ROLE {user} CREATEDB")
    assert not shop.reset().is_built


def test_who_does_not_own_it_is_told(server: Server, tmp_path: Path) -> None:
    """Before anything is built, too."""
    shop = ServerShop(tmp_path, "a", server=server)
    user = make_user(server, shop)
    server.run("postgres", f"ALTER DATABASE {shop.name} OWNER TO postgres")
    with pytest.raises(SceneshiftError) as caught:
        shop.reset()
    assert caught.value.message == (
        f"`{shop.name}` cannot be changed by the user `{user}`: it belongs to "
        "`postgres`"
    )
    assert shop.beside() == []


def test_an_owner_s_member_may_do_it(server: Server, tmp_path: Path) -> None:
    """It is the owner's afterwards."""
    shop = ServerShop(tmp_path, "a", server=server)
    user = make_user(server, shop)
    group = f"{user}s"
    for statement in (
        f"CREATE ROLE {group}",
        f"GRANT {group} TO {user}",
        f"ALTER DATABASE {shop.name} OWNER TO {group}",
    ):
        server.run("postgres", statement)
    before = server.run("postgres", FACTS.format(shop.name))
    shop.reset()
    shop.reset()
    shop.undo()
    assert server.run("postgres", FACTS.format(shop.name)) == before
    shop.reset()
    assert shop.tables() == ["a"]


# -- how it is built


COMPOSING = """\
import os
from sqlalchemy import URL
url = URL.create(
    "postgresql+psycopg", "postgres",
    query={"host": os.environ["DB_HOST"]}, database=os.environ["DB_NAME"],
)
"""


def test_what_an_address_is_put_together_from_is_the_draft_s(
    server: Server, tmp_path: Path
) -> None:
    """Whatever spells it, the database itself is not touched."""
    env = COMPOSING + READING.replace('os.environ["DATABASE_URL"]', "url")
    shop = ServerShop(tmp_path, "a", server=server, env=env)
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write(
            f'env = {{ DB_HOST = "{server.folder}", DB_NAME = "{shop.name}" }}\n'
        )
    shop.reset()
    shop.run("INSERT INTO a VALUES (2)")
    make_project(tmp_path, steps("a", "b", b="1 / 0"), env=env)
    with pytest.raises(SceneshiftError, match="the migration of `default` failed"):
        shop.reset()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("OTHER_URL", "postgresql://u@localhost/shop", "postgresql://u@localhost/d"),
        ("X", "postgres://127.0.0.1:5432/shop?a=1", "postgres://127.0.0.1:5432/d?a=1"),
        ("X", "postgresql+asyncpg:///shop?ssl=0", "postgresql+asyncpg:///d?ssl=0"),
        ("X", "postgresql://[::1]/shop", "postgresql://[::1]/d"),
        (
            "X",
            "postgresql://a:p%40@localhost/sh%6Fp",
            "postgresql://a:p%40@localhost/d",
        ),
        ("X", "postgresql:///?dbname=shop&host=/run", "postgresql:///d?host=%2Frun"),
        ("X", "host=localhost dbname=shop", "host=localhost dbname=d"),
        ("X", "dbname='shop' port=1", "dbname=d port=1"),
        ("PGDATABASE", "shop", "d"),
        ("POSTGRES_DB", "shop", "d"),
        ("APP_DATABASE_NAME", "shop", "d"),
        # Others than the database.
        ("NAME", "shop", None),
        ("X", "postgresql://localhost:5433/shop", None),
        ("X", "postgresql://far/shop", None),
        ("X", "postgresql://localhost/shops", None),
        ("X", "mysql://localhost/shop", None),
        ("X", "dbname=shops", None),
    ],
)
def test_all_that_names_the_database_is_pointed_at_the_draft(
    tmp_path: Path, variable: str, text: str, expected: str | None
) -> None:
    """A program may read any of it."""
    upgrade = Upgrade(
        root=tmp_path,
        scripts=None,  # type: ignore[arg-type]
        database=Database(name="default", url="postgresql+psycopg://u@localhost/shop"),
        env={variable: text},
        log=tmp_path / "log",
    )
    draft = Database(name="default", url="postgresql+psycopg://u@localhost/d")
    aimed = aim(upgrade, draft, tmp_path)
    assert aimed.env == {variable: expected or text}
    assert aimed.database == draft


def test_an_env_py_that_connects_elsewhere_is_told(
    server: Server, tmp_path: Path
) -> None:
    """An empty database would be put in place of a full one."""
    other = server.make()
    env = READING.replace(
        'os.environ["DATABASE_URL"]', repr(server.url(other, "psycopg"))
    )
    shop = ServerShop(tmp_path, "a", server=server, env=env)
    shop.run("CREATE TABLE mine (id int)")
    with pytest.raises(SceneshiftError) as caught:
        shop.reset()
    assert caught.value.message == (
        "`default` was not built: migrations/env.py connects to another database than "
        "the one that DATABASE_URL names"
    )
    assert shop.tables() == ["mine"]
    assert shop.beside() == []


OWN_SCHEMA = """\
connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS own")
    connection.commit()
    """


def test_a_migration_may_do_away_with_the_usual_schema(
    server: Server, tmp_path: Path
) -> None:
    """Then the mark has one of its own."""
    env = READING.replace("with context.begin", f"{OWN_SCHEMA}with context.begin")
    env = env.replace("=connection)", '=connection, version_table_schema="own")')
    shop = ServerShop(tmp_path, server=server, env=env)
    gone = 'op.execute("DROP SCHEMA public CASCADE; CREATE TABLE own.t (id int)")'
    make_project(tmp_path, make_chain(gone), env=env)
    shop.reset()
    shop.reset()
    assert shop.run("SELECT state <> '' FROM sceneshift.sceneshift_marker") == [(True,)]
    look = "SELECT nspacl::text LIKE '%,=U/%' FROM pg_namespace WHERE nspname = "
    assert shop.run(f"{look}'sceneshift'") == [(True,)]  # for whoever works with it
    shop.undo()
    shop.undo()
    assert shop.run("SELECT 1 FROM pg_namespace WHERE nspname = 'own'") == []


HITTING = """
import os, sys
from pathlib import Path
from sceneshift.data import reset
sys.modules["alembic"] = sys.modules["sqlalchemy"] = None
request = reset.ResetRequest(root=Path(sys.argv[1]), environ=os.environ)
(done,) = reset.apply(reset.plan(request))
print(done.is_built)
"""


@pytest.mark.cold
def test_a_known_state_needs_neither_alembic_nor_sqlalchemy(
    server: Server, tmp_path: Path
) -> None:
    """They take longer to import than the rest."""
    shop = ServerShop(tmp_path, "a", server=server)
    shop.reset()
    words = [sys.executable, "-c", HITTING, str(tmp_path)]
    said = subprocess.check_output(words, text=True)
    assert said == "False\n"


# -- what may happen meanwhile


def run_resets(root: Path, count: int) -> list[tuple[int | None, str]]:
    """Run several commands at once; return how each ended, and what it said."""
    words = [sys.executable, "-c", RESETTING, str(root)]
    processes = [
        subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(count)
    ]
    said = [process.communicate()[0] for process in processes]
    return [
        (process.returncode, text)
        for process, text in zip(processes, said, strict=True)
    ]


RESETTING = """
import os, sys
from pathlib import Path
from sceneshift.data import reset
request = reset.ResetRequest(
    root=Path(sys.argv[1]), environ=os.environ, environment="development",
    is_confirmed=True,
)
reset.reset(request)
"""


def test_two_checkouts_follow_each_other(server: Server, tmp_path: Path) -> None:
    """By a lock of the server: they may be on two machines."""
    one = ServerShop(tmp_path / "one", "a", server=server)
    other = ServerShop(tmp_path / "two", "a", server=server, name=one.name)
    for each in (one, other):
        name = '[project]\nname = "shop"\n\n'
        path = each.root / "pyproject.toml"
        path.write_text(name + path.read_text())
    roots = [one.root, other.root]
    with ThreadPoolExecutor() as pool:
        ended = [
            each for found in pool.map(run_resets, roots, [3, 3]) for each in found
        ]
    assert [code for code, _ in ended] == [0] * 6, ended
    assert one.tables() == ["a"]
    one.reset()
    other.reset()
    other.undo()
    with pytest.raises(SceneshiftError, match="can be taken back"):
        other.undo()  # what was before is the other's
    wait_until(lambda: not one.beside("bnx"))


# -- what is left, and what is made ahead


def test_a_copy_is_made_ahead(server: Server, tmp_path: Path) -> None:
    """The next reset takes it, if it is one of what is to be put in place."""
    shop = ServerShop(tmp_path, "a", server=server)
    shop.reset()
    wait_until(lambda: shop.beside("w"))
    (first,) = shop.beside("w")
    look = "SELECT oid FROM pg_database WHERE datname = '{}'"
    found = server.run("postgres", look.format(first))
    shop.reset()
    assert server.run("postgres", look.format(shop.name)) == found
    wait_until(lambda: shop.beside("w"))
    shop.write("a", "b")
    shop.reset()
    assert shop.tables() == ["a", "b"]
    wait_until(lambda: not shop.beside("bnx"))
    wait_until(lambda: len(shop.beside("w")) == 1)


def test_what_it_says_is_read_anew_when_others_may_have_changed_it(
    server: Server, tmp_path: Path
) -> None:
    """While the lock is held, nobody else does."""
    shop = ServerShop(tmp_path, "a", server=server)
    shop.reset()
    (target,) = load_targets(shop.root, shop.environ)
    system, other = find_system(target), find_system(target)
    with system.hold():
        first = system.read_marker()
    assert first is not None
    second = msgspec.structs.replace(first, state="another")
    with other.hold():
        assert other.read_marker() == first
        other.mark(second)
        assert other.read_marker() == second
    with system.hold():
        assert system.read_marker() == second


def test_a_state_with_other_versions_of_extensions_is_made_anew(
    server: Server, tmp_path: Path
) -> None:
    """As after an upgrade of the server's packages; so is a copy made ahead."""
    shop = ServerShop(tmp_path, server=server)
    shop.write("a", a="op.execute('CREATE EXTENSION hstore VERSION \"1.4\"')")
    shop.reset()
    assert not shop.reset().is_built  # it asks for the older one each time
    wait_until(lambda: shop.beside("w"))
    (former,) = shop.beside("w")
    (kept,) = shop.beside("s")
    look = (
        "SELECT replace(shobj_description(d.oid, 'pg_database'), default_version, '1') "
        "FROM pg_database d, pg_available_extensions v WHERE v.name = 'hstore' "
    )
    ((said,),) = server.run("postgres", f"{look} AND datname = '{kept}'")
    server.run("postgres", f"COMMENT ON DATABASE {kept} IS '{said}'")
    assert shop.status()["snapshot"] is None
    shop.ran()
    assert shop.reset().is_built
    assert (shop.ran(), shop.status()["snapshot"] is None) == (["a"], False)
    assert former not in shop.beside("w")
    assert not shop.reset().is_built
    wait_until(lambda: not shop.beside("bnx") and shop.beside("w"))


def test_a_rebuild_gives_up_what_was_copied_ahead(
    server: Server, tmp_path: Path
) -> None:
    """That is a copy of what was there before."""
    shop = ServerShop(tmp_path, server=server)
    (tmp_path / "rows").write_text("1")
    read = (
        "import os; op.execute('INSERT INTO a SELECT ' + os.popen('cat rows').read())"
    )
    shop.write("a", a=read)
    shop.reset()
    wait_until(lambda: shop.beside("w"))
    (tmp_path / "rows").write_text("2")
    assert shop.reset(is_rebuilt=True).is_built
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]


def test_what_was_left_behind_is_swept(server: Server, tmp_path: Path) -> None:
    """Where `.sceneshift` is gone, nobody can ask for what was kept."""
    shop = ServerShop(tmp_path, "a", server=server)
    for _ in range(3):
        shop.reset()
    wait_until(lambda: not shop.beside("x"))
    foreign = f"{shop.name}__t_{'0' * 25}"
    half = f"{shop.name}__w_{'0' * 16}"
    broken = f"{shop.name}__t_{'1' * 25}"
    for name in (foreign, half, broken):
        server.run("postgres", f"CREATE DATABASE {name}")
    server.run(
        "postgres",
        f"UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{broken}'",  # noqa: S608
    )
    shutil.rmtree(tmp_path / ".sceneshift")
    shop.reset()
    wait_until(lambda: not shop.beside("bnx"))
    assert len(shop.beside("t")) == 2
    assert foreign in shop.beside("t")
    assert len(shop.beside("s")) == 1
    assert half not in shop.beside()


def test_what_says_that_it_is_another_s_is_left_alone(
    server: Server, tmp_path: Path
) -> None:
    """So is what says nothing, and has rows."""
    shop = ServerShop(tmp_path, "a", server=server)
    request = reset.ResetRequest(
        root=tmp_path,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
    )
    shop.run("CREATE TABLE mine AS SELECT 1 AS id")
    with pytest.raises(RefusedError, match="does not say whose it is") as caught:
        reset.reset(request)
    assert "it holds 1 row: mine 1" in caught.value.message
    claim.claim(
        Request(
            root=tmp_path,
            environ=shop.environ,
            environment="development",
            is_confirmed=True,
        )
    )
    reset.reset(request)
    text = (tmp_path / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(text.replace("development", "staging"))
    with pytest.raises(RefusedError, match="says that it is `development` of the"):
        reset.reset(msgspec.structs.replace(request, environment="staging"))
    assert shop.tables() == ["a"]


def test_sqlalchemy_serves_where_libpq_would_read_another_address(
    server: Server, tmp_path: Path
) -> None:
    """As with options that only it passes on."""
    name = server.make()
    url = f"{server.url(name, 'psycopg')}&options=-c%20geqo%3Doff"
    shop = ServerShop(tmp_path, "a", server=server, name=name, url=url)
    shop.reset()
    shop.run("INSERT INTO a VALUES (2)")
    shop.reset()
    shop.undo()
    assert shop.run("SELECT id FROM a") == [(1,), (2,)]
    with server.connect(name) as connection:
        connection.execute("BEGIN; INSERT INTO a VALUES (3)")
        connection.execute(f"PREPARE TRANSACTION '{name}'")
    with pytest.raises(SceneshiftError, match="has prepared transactions"):
        shop.reset()
    shop.run(f"ROLLBACK PREPARED '{name}'")


def test_variables_say_what_an_address_does_not(server: Server, tmp_path: Path) -> None:
    """Those of an env file, too, which this process has not."""
    name = server.make()
    shop = ServerShop(
        tmp_path, "a", server=server, name=name, url=f"postgresql+psycopg:///{name}"
    )
    (tmp_path / ".env").write_text(f"PGHOST={server.folder}\nPGUSER=postgres\n")
    shop.reset()
    shop.reset()
    assert shop.tables() == ["a"]
    wait_until(lambda: not shop.beside("bnx"))
    shop.undo()


def test_large_tables_are_counted_by_the_server(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And partitions in their table; another schema's say which it is."""
    name = server.make()
    for statement in (
        "CREATE TABLE a AS SELECT generate_series(1, 1000) AS id",
        "CREATE TABLE p (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)",
        "INSERT INTO p VALUES (1), (2)",
        'CREATE SCHEMA "o""s"',
        'CREATE TABLE "o""s"."it\'s" (id int)',
        "CREATE TABLE v (id int)",
        "ANALYZE",
    ):
        server.run(name, statement)
    place = Place(url=server.url(name), root=tmp_path)
    with open_session(place) as session:
        counted = {"a": 1000, "p": 2, "o\"s.it's": 0}
        assert count_rows(session, but="v") == counted
        monkeypatch.setattr("sceneshift.data.postgresql.content._BIG", 0)
        server.run(name, "INSERT INTO a VALUES (1)")
        assert count_rows(session, but="v") == counted


def test_two_addresses_of_one_database_do_not_wait_for_each_other(
    server: Server, tmp_path: Path
) -> None:
    """But two programs do, whatever they write it as."""
    shop = ServerShop(tmp_path, "a", server=server)
    url = server.url(shop.name)
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write(f'env = {{ DATABASE_URL_OTHER = "{url}" }}\n')
    one, other = map(find_system, load_targets(tmp_path, shop.environ))
    with one.hold(), other.hold():
        words = [sys.executable, "-c", RESETTING, str(tmp_path)]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
            wait_until(lambda: count_waiting(server) >= 3)
            assert process.poll() is None
            process.kill()


def count_waiting(server: Server) -> int:
    """Return how many of our sessions there are for maintenance."""
    look = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres' "
        "AND application_name = 'sceneshift' AND query LIKE '%advisory%'"
    )
    ((count,),) = server.run("postgres", look)
    assert isinstance(count, int)
    return count


def test_what_was_changed_by_hand_is_told(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever it is; and nothing is written, nor left."""
    shop = ServerShop(tmp_path, "a", "b", server=server)
    shop.reset()
    assert look_at_schema(shop, capsys) == (True, "as the migrations make it")
    by_hand = (
        "ALTER TABLE a ADD said varchar(9) NOT NULL DEFAULT 'x', ADD CHECK (id > 0)",
        "CREATE INDEX i ON b (id)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TYPE mood AS ENUM ('good', 'bad')",
        "CREATE FUNCTION f(n int) RETURNS int LANGUAGE sql AS 'SELECT n'",
    )
    place = Place(url=server.url(shop.name), root=tmp_path)
    for statement in by_hand:
        shop.run(statement)
    with open_session(place) as session:
        found = read_schema(session)
    is_good, detail = look_at_schema(shop, capsys)
    assert is_good is False
    assert "a.said" in detail
    assert shop.beside("bn") == []
    assert found["column a.said"] == (
        "character varying(9) NOT NULL 'x'::character varying"
    )
    assert found["type mood"] == "good, bad"
    assert {
        "constraint a.a_id_check",
        "index i",
        "view v",
        "function f(n integer)",
    } <= (found.keys())


def look_at_schema(
    shop: ServerShop, capsys: pytest.CaptureFixture[str]
) -> tuple[bool | None, str]:
    """Return what is found of the schema."""
    capsys.readouterr()
    with contextlib.suppress(DriftError):
        check(Request(root=shop.root, environ=shop.environ, as_json=True))
    (row,) = json.loads(capsys.readouterr().out)["databases"]
    (found,) = (each for each in row["findings"] if each["name"] == "schema")
    return found["is_good"], found["detail"]


def test_a_drop_is_taken_back(server: Server, tmp_path: Path) -> None:
    """It puts an empty state in place, and keeps what was there."""
    shop = ServerShop(tmp_path, "a", server=server)
    shop.reset()
    request = Request(
        root=tmp_path,
        environ=shop.environ,
        environment="development",
        is_confirmed=True,
    )
    drop.drop(request)
    assert shop.tables() == []
    shop.undo()
    assert shop.tables() == ["a"]
