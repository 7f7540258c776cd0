"""A switch to an environment whose database is one of PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrating import READING, TEMPLATE, create, make_chain, make_project
from postgresql import serving_postgresql
from support import free_port
from switching import ASGI, WEB, active, environments, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgresql import Server
    from reloading import Stack

pytestmark = pytest.mark.needs("postgresql")

TABLE = '[tool.sceneshift.databases.default]\nalembic = "alembic.ini"\n'
TABLES = "select tablename from pg_tables where schemaname = 'public' order by 1"
COUNT = f"""\
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"].replace("+psycopg", "")) as connection:
    FOUND = [name for (name,) in connection.execute({TABLES!r})]
""" + ASGI.replace("body = NAME", 'body = f"{NAME}: {FOUND}"')
URL = "postgresql+psycopg://postgres:s3cret@/{name}?host={folder}"


@pytest.fixture(scope="module", name="server")
def serve() -> Iterator[Server]:
    """Return a server, which is there for all of these tests."""
    with serving_postgresql() as server:
        yield server


class Shop:
    """A project that runs in development, with a database for each environment.

    Args:
        stack: Runs it.
        server: Has its databases.
        does: What its revisions do.
        env: Its env.py.
    """

    def __init__(
        self, stack: Stack, server: Server, *does: str, env: str = READING
    ) -> None:
        self.stack = stack
        self._server = server
        self.names = {name: server.make() for name in ("development", "staging")}
        make_project(stack.root, make_chain(*does), env=env)
        text = environments(TABLE, development=stack.port, staging=free_port())
        for name, database in self.names.items():
            url = URL.format(name=database, folder=server.folder)
            said = f'env = {{ NAME = "{name}" }}\n'
            text = text.replace(said, f"{said}databases = {{ default = '{url}' }}\n")
        stack.write({".env": "API_KEY=s3cret-of-all\n"})
        files = {"asgi.py": COUNT, "Procfile.dev": WEB, "pyproject.toml": text}
        stack.start(files)
        stack.wait_page("development")

    def list_tables(self, name: str = "staging") -> list[object]:
        """Return the tables of an environment's database."""
        return [table for (table,) in self._server.run(self.names[name], TABLES)]


@pytest.mark.parametrize("env", [READING, TEMPLATE], ids=["reading", "template"])
def test_what_a_database_lacks_is_applied_before_the_start(
    stack: Stack, server: Server, env: str
) -> None:
    """The new process finds its tables; the other environment's stay as they are."""
    shop = Shop(stack, server, create("one"), create("two"), env=env)
    if env == TEMPLATE:
        ini = (stack.root / "alembic.ini").read_text()
        stack.write(
            {"alembic.ini": f"{ini}sqlalchemy.url = postgresql+psycopg://x/y\n"}
        )
    (found,) = stack.ask("env.switch", "staging", "--dry-run")["migrations"]
    assert [each.split()[0] for each in found["revisions"]] == ["r1", "r2"]
    assert shop.list_tables() == []
    done = stack.inv("env.switch", "staging", "--validate", "--migrate")
    assert done.returncode == 0, done.stderr
    assert "migrations: default: applied: r1" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr + stack.output
    stack.port = int(stack.status("web")["port"])
    tables = ["alembic_version", "one", "two"]
    assert stack.get() == f"staging: {tables}"
    assert (shop.list_tables(), shop.list_tables("development")) == (tables, [])
    assert stack.ask("env.switch", "staging", "--migrate")["migrations"] == []


FAILING = [
    "op.execute('no sql')",
    "raise RuntimeError('no way to postgresql://a:s3cret@h/d, s3cret-of-all')",
    "import os; os.kill(os.getpid(), 9)",
]


@pytest.mark.parametrize("fails", FAILING, ids=["sql", "python", "killed"])
def test_a_revision_that_fails_leaves_all_as_it_was(
    stack: Stack, server: Server, fails: str
) -> None:
    """Those before it are taken back; what runs goes on in its process."""
    shop = Shop(stack, server, create("one"), fails)
    pid = stack.pid("web")
    said = refuse(stack, "staging", "--migrate")
    assert said.splitlines()[-2].startswith(
        "error: not switched to `staging`: the migration of `default` failed: "
    )
    assert said.splitlines()[-1].startswith("hint: ")
    (log,) = (stack.root / ".sceneshift" / "data").glob("migration-*.log")
    assert "s3cret" not in said + stack.output + log.read_text()
    assert (active(stack), stack.pid("web")) == (None, pid)
    assert stack.get() == "development: []"
    assert stack.ask("dev.why")["switches"] == []
    assert shop.list_tables() == []
    plan = stack.ask("env.switch", "staging", "--dry-run")
    assert (plan["outcome"], len(plan["migrations"][0]["revisions"])) == ("planned", 2)


def test_a_database_that_is_not_there_is_no_switch(
    stack: Stack, server: Server
) -> None:
    """Migrations do not make it; that is said without its password."""
    shop = Shop(stack, server, create("one"))
    server.run("postgres", f"DROP DATABASE {shop.names['staging']}")
    said = refuse(stack, "staging", "--migrate")
    assert f'database "{shop.names["staging"]}" does not exist' in said
    assert "error: not switched to `staging`: " in said
    assert "s3cret" not in said
    assert (active(stack), stack.get()) == (None, "development: []")
