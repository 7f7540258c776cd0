"""Databases of worktrees on a PostgreSQL server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from postgresql import Server as Cluster
from postgresql import serving_postgresql
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.postgresql.copying import (
    Copied,
    _start_draft,
    make_copy,
    read_mark,
    write_mark,
)
from sceneshift.data.postgresql.server import StatementError, open_server, quote_text
from sceneshift.data.postgresql.settings import describe_creation

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.needs("postgresql")
ROOT = "/projects/tree"


@pytest.fixture(name="cluster", scope="module")
def run_cluster() -> Iterator[Cluster]:
    """Run a server."""
    with serving_postgresql() as cluster:
        yield cluster


@pytest.fixture(name="shop")
def make_shop(cluster: Cluster) -> str:
    """Return a database with rows and with settings of its own."""
    name = cluster.make()
    cluster.run(name, "CREATE TABLE t (id serial PRIMARY KEY, said text)")
    cluster.run(name, "INSERT INTO t (said) VALUES ('a'), ('b')")
    return name


@contextmanager
def connected(cluster: Cluster, database: str) -> Iterator[psycopg.Connection]:
    """Have a client in a database."""
    address = f"host={cluster.folder} user=postgres dbname={database}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SELECT 1")
        yield connection


def copy(cluster: Cluster, origin: str, name: str, url: str = "") -> Copied:
    """Make a copy."""
    kept: list[str] = []
    with open_server(url or cluster.url(origin), Path("/")) as server:
        copied = make_copy(
            server, origin, name, root=ROOT, keep=lambda: kept.append(name)
        )
    assert bool(kept) is (copied.is_new or copied.owner is not None)
    return copied


def rows(cluster: Cluster, database: str) -> list[object]:
    """Return what is in the table."""
    return [said for (said,) in cluster.run(database, "SELECT said FROM t ORDER BY 1")]


def names(cluster: Cluster) -> set[object]:
    """Return all databases."""
    return {
        each for (each,) in cluster.run("postgres", "SELECT datname FROM pg_database")
    }


def comment(cluster: Cluster, database: str) -> str | None:
    """Return what is said about a database."""
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
    ((found,),) = cluster.run("postgres", f"{query} WHERE datname = '{database}'")
    return None if found is None else str(found)


@pytest.mark.parametrize("is_used", [False, True])
def test_a_copy_has_all_that_the_original_has(
    cluster: Cluster,
    shop: str,
    is_used: bool,  # noqa: FBT001
) -> None:
    """Rows, sequences, owner, grants and settings, whether somebody is in it or not."""
    role = f"{shop}_owner"
    for statement in (
        f"CREATE ROLE {role} LOGIN",
        f"ALTER DATABASE {shop} OWNER TO {role}",
        f'ALTER DATABASE {shop} SET search_path TO "a{{b", public',
        f"ALTER DATABASE {shop} SET application_name TO 'it''s {{}} \\ \"'",
        f"ALTER DATABASE {shop} SET \"my.own\" TO '%'",
        f"ALTER ROLE {role} IN DATABASE {shop} SET work_mem TO '8MB'",
        f"ALTER DATABASE {shop} CONNECTION LIMIT 7",
        f"REVOKE CONNECT ON DATABASE {shop} FROM PUBLIC",
        f"COMMENT ON DATABASE {shop} IS 'mine'",
        f"GRANT CREATE ON DATABASE {shop} TO {role} WITH GRANT OPTION",
    ):
        cluster.run("postgres", statement)
    cluster.run(shop, f"ALTER TABLE t OWNER TO {role}")
    name = f"{shop}__wt_Tree-1"
    if is_used:
        with connected(cluster, shop):
            copied = copy(cluster, shop, name)
    else:
        copied = copy(cluster, shop, name)
    assert copied == Copied(is_copy=True)
    assert rows(cluster, name) == ["a", "b"]
    cluster.run(name, "INSERT INTO t (said) VALUES ('c')")
    assert rows(cluster, shop) == ["a", "b"]
    facts = (
        "SELECT pg_get_userbyid(datdba), datconnlimit, encoding, datcollate, "
        "(SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a), "
        "datctype, (SELECT array_agg((setrole, setconfig)::text ORDER BY setrole) "
        "FROM pg_db_role_setting s WHERE s.setdatabase = d.oid) "
        "FROM pg_database d WHERE datname = '{}'"
    )
    first, second = (
        cluster.run("postgres", facts.format(each)) for each in (shop, name)
    )
    assert first == second
    (owner,) = cluster.run(name, "SELECT tableowner FROM pg_tables WHERE tablename='t'")
    assert owner == (role,)
    assert read_mark(comment(cluster, name)) == (ROOT,)
    assert not {each for each in names(cluster) if str(each).startswith("scene")}


def test_what_is_there_stays(cluster: Cluster, shop: str) -> None:
    """Whoever has made it; that is told."""
    name = f"{shop}__wt_tree"
    cluster.run("postgres", f"CREATE DATABASE {name}")
    assert copy(cluster, shop, name) == Copied(is_new=False, is_copy=True)
    mark = quote_text(write_mark("/other"))
    cluster.run("postgres", f"COMMENT ON DATABASE {name} IS {mark}")
    for _ in range(2):
        assert copy(cluster, shop, name).owner == "/other"
        assert read_mark(comment(cluster, name)) == ("/other", ROOT)
    cluster.run("postgres", f"COMMENT ON DATABASE {name} IS '[1]'")
    assert copy(cluster, shop, name).owner is None
    mark = quote_text(write_mark(ROOT))
    cluster.run("postgres", f"COMMENT ON DATABASE {name} IS {mark}")
    assert copy(cluster, shop, name).owner == ROOT


def test_without_an_original_it_is_empty(cluster: Cluster) -> None:
    """The set-up fills it."""
    assert copy(cluster, "none", "none__wt_tree") == Copied()
    assert "none__wt_tree" in names(cluster)


def test_what_cannot_be_copied_is_empty(
    cluster: Cluster, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said why, and what to do."""
    monkeypatch.setattr("sceneshift.data.postgresql.tools.FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    name = f"{shop}__wt_tree"
    with connected(cluster, shop):
        copied = copy(cluster, shop, name)
    assert copied.problem is not None
    assert "there is no pg_dump of version" in copied.problem
    assert "install it: postgresql-client-" in copied.problem
    assert not cluster.run(name, "SELECT 1 FROM pg_tables WHERE tablename = 't'")
    assert read_mark(comment(cluster, name)) == (ROOT,)


def test_a_user_who_may_not_make_databases_is_told(cluster: Cluster, shop: str) -> None:
    """Nothing is left."""
    cluster.run("postgres", f"CREATE ROLE {shop}_poor LOGIN")
    url = f"postgresql://{shop}_poor@/{shop}?host={cluster.folder}"
    before = names(cluster)
    with pytest.raises(SceneshiftError, match="permission denied to create database"):
        copy(cluster, shop, f"{shop}__wt_tree", url)
    assert names(cluster) == before


@pytest.mark.parametrize("is_used", [False, True])
def test_a_user_who_owns_it_may_copy_it(
    cluster: Cluster,
    shop: str,
    is_used: bool,  # noqa: FBT001
) -> None:
    """Without being superuser; what is not his to set is told."""
    role = f"{shop}_dev"
    cluster.run("postgres", f"CREATE ROLE {role} LOGIN CREATEDB")
    cluster.run("postgres", f"CREATE ROLE {role}_other")
    cluster.run("postgres", f"ALTER DATABASE {shop} OWNER TO {role}")
    cluster.run(shop, f"ALTER TABLE t OWNER TO {role}")
    cluster.run(shop, f"GRANT SELECT ON t TO {role}_other")
    setting = f"ALTER ROLE {role}_other IN DATABASE {shop} SET \"my.key\" TO 's3cret'"
    cluster.run("postgres", setting)
    url = f"postgresql://{role}@/{shop}?host={cluster.folder}"
    name = f"{shop}__wt_tree"
    if is_used:
        with connected(cluster, shop):
            copied = copy(cluster, shop, name, url)
    else:
        copied = copy(cluster, shop, name, url)
    assert copied.is_copy
    whose = f'ALTER ROLE "{role}_other" IN DATABASE `{shop}`'
    assert copied.lost == (f'{whose} SET "my"."key"',)
    assert rows(cluster, name) == ["a", "b"]
    granted = "SELECT has_table_privilege('{}', 't', 'SELECT')"
    assert cluster.run(name, granted.format(f"{role}_other")) == [(True,)]


def test_what_another_owns_is_told(cluster: Cluster, shop: str) -> None:
    """A user who may read nothing gets an empty database."""
    role = f"{shop}_dev"
    cluster.run("postgres", f"CREATE ROLE {role} LOGIN CREATEDB")
    url = f"postgresql://{role}@/{shop}?host={cluster.folder}"
    copied = copy(cluster, shop, f"{shop}__wt_tree", url)
    assert copied.problem is not None
    assert "permission denied" in copied.problem


def test_what_cannot_be_given_away_stays_the_users(cluster: Cluster, shop: str) -> None:
    """Who does not inherit of its owner could neither mark nor drop it then."""
    team, role = f"{shop}_team", f"{shop}_dev"
    cluster.run("postgres", f"CREATE ROLE {team}")
    cluster.run("postgres", f"CREATE ROLE {role} LOGIN CREATEDB NOINHERIT")
    cluster.run("postgres", f"GRANT {team} TO {role}")
    cluster.run("postgres", f"ALTER DATABASE {shop} OWNER TO {team}")
    cluster.run(shop, f"ALTER TABLE t OWNER TO {role}")
    cluster.run(shop, f"CREATE SCHEMA AUTHORIZATION {role}")
    cluster.run(shop, f"ALTER TABLE t SET SCHEMA {role}")
    url = f"postgresql://{role}@/{shop}?host={cluster.folder}"
    name = f"{shop}__wt_tree"
    copied = copy(cluster, shop, name, url)
    assert copied.is_copy
    assert copied.lost == (f'ALTER DATABASE `{shop}` OWNER TO "{team}"',)
    assert cluster.run(name, f"TABLE {role}.t") == [(1, "a"), (2, "b")]
    assert not {each for each in names(cluster) if str(each).startswith("scene")}


def test_what_another_user_has_left_is_in_nobodys_way(
    cluster: Cluster, shop: str
) -> None:
    """It is swept by whoever may; a mark that is another's stays as it is."""
    name, role = f"{shop}__wt_tree", f"{shop}_dev"
    draft = f"{_start_draft(name)}0"
    cluster.run("postgres", f"CREATE DATABASE {draft}")
    cluster.run("postgres", f"CREATE ROLE {role} LOGIN CREATEDB")
    url = f"postgresql://{role}@/{shop}?host={cluster.folder}"
    assert copy(cluster, "none", name, url) == Copied()
    assert draft in names(cluster)
    cluster.run("postgres", f"ALTER DATABASE {name} OWNER TO postgres")
    mark = quote_text(write_mark("/other"))
    cluster.run("postgres", f"COMMENT ON DATABASE {name} IS {mark}")
    assert copy(cluster, "none", name, url).owner == "/other"
    assert read_mark(comment(cluster, name)) == ("/other",)
    copy(cluster, "none", name)
    assert draft not in names(cluster)


def test_sessions_of_other_users_are_seen(cluster: Cluster, shop: str) -> None:
    """Else the server would let new ones wait while it waits for the end of those."""
    role = f"{shop}_dev"
    cluster.run("postgres", f"CREATE ROLE {role} LOGIN CREATEDB")
    url = f"postgresql://{role}@/{shop}?host={cluster.folder}"
    with open_server(url, Path("/")) as server:
        assert server.count_sessions(shop) == 0
        with connected(cluster, shop):
            assert server.count_sessions(shop) == 1


def test_a_connection_that_is_lost_is_told(cluster: Cluster) -> None:
    """Each time: what cleans up after the first failure meets it again."""
    ours = "pid <> pg_backend_pid() AND backend_type = 'client backend'"
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}"  # noqa: S608
    with open_server(cluster.url(), Path("/")) as server:
        cluster.run("postgres", end)
        with pytest.raises(StatementError, match="terminating connection"):
            server.run("SELECT 1")
        with pytest.raises(StatementError):
            server.run("SELECT 1")
        with pytest.raises(StatementError):
            server.ask("SELECT 1")


def test_limits_of_the_user_do_not_end_a_copy(cluster: Cluster, shop: str) -> None:
    """A dump may take longer, and so may another copy that is waited for."""
    role = f"{shop}_dev"
    cluster.run("postgres", f"CREATE ROLE {role} LOGIN CREATEDB")
    for limit in ("idle_session_timeout", "lock_timeout", "statement_timeout"):
        cluster.run("postgres", f"ALTER ROLE {role} SET {limit} TO '1h'")
    url = f"postgresql://{role}@/{shop}?host={cluster.folder}"
    query = "SELECT setting FROM pg_settings WHERE name LIKE ANY (:names)"
    with open_server(url, Path("/")) as server:
        found = server.ask(
            query, names=["idle_session%", "lock_timeout", "statement_timeout"]
        )
    assert found == [("0",)] * 3


def test_names_are_text_whatever_the_server_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cluster that was made under LC_ALL=C has no encoding: psycopg gives bytes."""
    monkeypatch.setenv("LC_ALL", "C")
    with serving_postgresql() as plain:
        name = plain.make()
        plain.run(name, "CREATE TABLE t AS SELECT 1 AS said")
        with connected(plain, name):
            assert copy(plain, name, f"{name}__wt_ü").is_copy
        with open_server(plain.url(), Path("/")) as server:
            assert server.ask("SHOW server_encoding") == [("SQL_ASCII",)]
            assert server.list_names(f"{name}__") == [f"{name}__wt_ü"]


def test_an_original_that_is_broken_is_told(cluster: Cluster, shop: str) -> None:
    """The copy is empty."""
    query = f"UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{shop}'"  # noqa: S608
    cluster.run("postgres", query)
    copied = copy(cluster, shop, f"{shop}__wt_tree")
    assert copied.problem is not None
    assert "invalid database" in copied.problem


def test_a_copy_sorts_as_the_original(cluster: Cluster) -> None:
    """Also where it is not the system's own order."""
    name = cluster.make()
    icu = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-u-co-phonebk'"
    cluster.run("postgres", f"CREATE DATABASE {name}_icu {icu}")
    with connected(cluster, f"{name}_icu"):
        assert copy(cluster, f"{name}_icu", f"{name}__wt_tree").is_copy
    query = "SELECT daticulocale FROM pg_database WHERE datname = '{}'"
    ((found,),) = cluster.run("postgres", query.format(f"{name}__wt_tree"))
    assert found == "de-u-co-phonebk"
    facts = {"encoding": "UTF8", "datcollate": "C", "datctype": "C"}
    facts |= {"datlocprovider": "b", "datlocale": "C.UTF-8"}  # from 17 on
    assert describe_creation(facts, "x").endswith(
        "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
    )


def test_a_server_may_have_no_database_for_maintenance(cluster: Cluster) -> None:
    """Then the original's own serves, or the first reason is told."""
    with pytest.raises(SceneshiftError, match="nobody"):
        copy(cluster, "x", "y", f"postgresql://nobody@/x?host={cluster.folder}")
    cluster.run("template1", "ALTER DATABASE postgres RENAME TO hidden")
    try:
        with open_server(cluster.url("template1"), Path("/")) as server:
            assert server.url.database == "template1"
        with pytest.raises(SceneshiftError, match='"none" does not exist'):
            copy(cluster, "none", "y")
    finally:
        cluster.run("template1", "ALTER DATABASE hidden RENAME TO postgres")


def test_a_server_tells_why_it_refuses(cluster: Cluster) -> None:
    """In its own words."""
    with open_server(cluster.url(), Path("/")) as server:
        with pytest.raises(StatementError, match="nosuch"):
            server.run("DROP DATABASE nosuch")
        with pytest.raises(StatementError, match="zero"):
            server.ask("SELECT 1 / :x", x=0)


# Stops before the nth statement, and waits to be killed.
STOPPED = """
import signal, sys
from pathlib import Path
from sceneshift.data.postgresql import copying as pgcopy
from sceneshift.data.postgresql import server as pgserver
left = int(sys.argv[4])
def count(owner, name):
    real = getattr(owner, name)
    def call(*args, **more):
        global left
        left -= 1
        if left < 0:
            print("stopped", flush=True)
            signal.pause()
        return real(*args, **more)
    setattr(owner, name, call)
count(pgserver.Server, "run")
count(pgcopy, "pipe")
with pgserver.open_server(sys.argv[1], Path("/")) as server:
    pgcopy.make_copy(server, *sys.argv[2:4], root="x", keep=lambda: None)
print("done", flush=True)
"""


@pytest.mark.parametrize("is_used", [False, True])
def test_a_copy_that_is_killed_at_any_point_is_whole_or_not_there(
    cluster: Cluster,
    shop: str,
    is_used: bool,  # noqa: FBT001
) -> None:
    """And what it has left is gone after the next one."""
    name, url = f"{shop}__wt_tree", cluster.url(shop)
    user = connected(cluster, shop if is_used else "postgres")
    before, said, number = names(cluster), b"", 0
    with user:
        while said != b"done\n":
            words = [sys.executable, "-c", STOPPED, url, shop, name, str(number)]
            with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                said = process.stdout.readline()
                process.send_signal(signal.SIGKILL)
            if name in names(cluster):
                assert rows(cluster, name) == ["a", "b"]
                cluster.run("postgres", f"DROP DATABASE {name}")
            number += 1
            assert number < 30
        assert number > 5
        copy(cluster, shop, name)
    assert names(cluster) == {*before, name}


def test_two_at_once_make_one(cluster: Cluster, shop: str) -> None:
    """The second waits, and finds it there."""
    name = f"{shop}__wt_tree"
    words = [sys.executable, "-c", STOPPED, cluster.url(shop), shop, name, "99"]
    with connected(cluster, shop):
        processes = [
            subprocess.Popen(words, stdout=subprocess.PIPE, env={**os.environ})
            for _ in range(3)
        ]
        said = [process.communicate()[0] for process in processes]
    assert said == [b"done\n"] * 3
    assert rows(cluster, name) == ["a", "b"]


def test_a_dropped_half_is_made_anew(cluster: Cluster, shop: str) -> None:
    """An interrupted DROP leaves a name that can only be dropped."""
    name = f"{shop}__wt_tree"
    cluster.run("postgres", f"CREATE DATABASE {name}")
    cluster.run(
        "postgres",
        f"UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{name}'",  # noqa: S608
    )
    assert copy(cluster, shop, name).is_copy
    assert rows(cluster, name) == ["a", "b"]
