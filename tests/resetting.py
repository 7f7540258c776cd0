"""A project whose database is reset, and what it holds then."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
from typing import TYPE_CHECKING, Self

from migrating import READING, make_chain, make_project
from sceneshift.data import reset, takeback
from sceneshift.data.status import describe
from sceneshift.data.target import load_targets

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    import mariadb
    from postgresql import Server
    from sceneshift.data.reset import Done


def steps(*tables: str, **more: str) -> dict[str, str]:
    """Return revisions that make a table each, and write their names into `ran`."""
    return make_chain(
        *(
            f'open("ran", "a").write("{name} "); '
            f'op.execute("CREATE TABLE {name} AS SELECT 1 AS id"); '
            f"{more.get(name, 'pass')}"
            for name in tables
        )
    )


class Shop:
    """A project with one SQLite file.

    Attributes:
        root: Its folder.
        file: The file.
    """

    def __init__(self, root: Path, *tables: str, env: str = READING) -> None:
        self.root = make_project(root, steps(*tables), url="sqlite:///shop.db", env=env)
        self.file = root / "shop.db"
        self.environ = dict(os.environ)

    @classmethod
    def open(cls, root: Path) -> Self:
        """Return one that is there already."""
        made = cls.__new__(cls)
        made.root, made.file = root, root / "shop.db"
        made.environ = dict(os.environ)
        return made

    def write(self, *tables: str, **more: str) -> None:
        """Write other revisions."""
        env = (self.root / "migrations/env.py").read_text()
        make_project(self.root, steps(*tables, **more), env=env)

    def reset(self, **options: Any) -> Done:
        """Reset it, without a question."""
        request = reset.ResetRequest(root=self.root, environ=self.environ, **options)
        planned = reset.plan(request)
        (done,) = reset.apply(planned, is_rebuilt=request.is_rebuilt)
        return done

    def undo(self, **options: Any) -> None:
        """Take it back, without a question, and start nothing that goes on."""
        takeback.apply(
            takeback.UndoRequest(
                root=self.root,
                environ=self.environ,
                environment="development",
                is_confirmed=True,
                **options,
            )
        )

    def ran(self) -> list[str]:
        """Return which revisions have run since this was asked last."""
        path = self.root / "ran"
        said = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return said

    def status(self) -> dict[str, Any]:
        """Return what is known of it."""
        (target,) = load_targets(self.root, self.environ)
        return describe(target)

    def run(self, statement: str) -> list[Any]:
        """Run a statement by itself."""
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            rows = connection.execute(statement).fetchall()
            connection.commit()
            return rows

    def insert(self, table: str, value: int) -> None:
        """Add a row."""
        self.run(f"INSERT INTO {table} VALUES ({value})")  # noqa: S608

    def tables(self) -> list[str]:
        """Return its tables, but for Alembic's."""
        look = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        return [name for (name,) in self.run(look) if name != "alembic_version"]


class ServerShop(Shop):
    """A project with one PostgreSQL database.

    Attributes:
        server: Its server.
        name: Its name.
    """

    def __init__(
        self,
        root: Path,
        *tables: str,
        server: Server,
        name: str = "",
        env: str = READING,
        url: str = "",
    ) -> None:
        self.server = server
        self.name = name or server.make()
        url = url or server.url(self.name, "psycopg")
        self.root = make_project(root, steps(*tables), url=url, env=env)
        self.environ = dict(os.environ)

    @classmethod
    def open_on(cls, root: Path, server: Server, name: str) -> Self:
        """Return one that is there already."""
        made = cls.__new__(cls)
        made.root, made.server, made.name = root, server, name
        made.environ = dict(os.environ)
        return made

    def run(self, statement: str) -> list[Any]:
        """Run a statement by itself."""
        return self.server.run(self.name, statement)

    def tables(self) -> list[str]:
        """Return its tables, but for Alembic's."""
        look = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        return [name for (name,) in self.run(look) if name != "alembic_version"]

    def beside(self, kinds: str = "sbntlxw") -> list[str]:
        """Return the databases beside it, of some kinds."""
        look = "SELECT datname FROM pg_database ORDER BY 1"
        found = (str(name) for (name,) in self.server.run("postgres", look))
        return [name for name in found if re.match(f"{self.name}__[{kinds}]_", name)]


class MysqlShop(Shop):
    """A project with one database of MariaDB.

    Attributes:
        server: Its server.
        name: Its name.
    """

    def __init__(
        self,
        root: Path,
        *tables: str,
        server: mariadb.Server,
        name: str = "",
        env: str = READING,
        url: str = "",
    ) -> None:
        self.server = server
        self.name = name or server.make()
        url = url or server.url(self.name)
        self.root = make_project(root, steps(*tables), url=url, env=env)
        self.environ = dict(os.environ)

    @classmethod
    def open_on(cls, root: Path, server: mariadb.Server, name: str) -> Self:
        """Return one that is there already."""
        made = cls.__new__(cls)
        made.root, made.server, made.name = root, server, name
        made.environ = dict(os.environ)
        return made

    def run(self, *statements: str) -> list[Any]:
        """Run statements, each by itself."""
        return self.server.run(self.name, *statements)

    def tables(self) -> list[str]:
        """Return its tables, but for Alembic's."""
        found = self.run("SHOW FULL TABLES WHERE table_type <> 'VIEW'")
        return sorted(name for name, _ in found if name != "alembic_version")

    def beside(self) -> list[str]:
        """Return what each of the databases beside it is, sorted."""
        found = self.server.list_databases(f"{self.name}__d_")
        notes = [
            self.server.run(name, "SELECT note FROM sceneshift_note") for name in found
        ]
        return sorted(json.loads(note)["kind"] for ((note,),) in notes)


def make_user(server: Server, shop: ServerShop, rights: str = "CREATEDB") -> str:
    """Make a user, who owns the database; return the user's URL of it."""
    user = f"{shop.name}_dev"
    server.run("postgres", f"CREATE ROLE {user} LOGIN {rights}")
    server.run("postgres", f"ALTER DATABASE {shop.name} OWNER TO {user}")
    url = server.url(shop.name, "psycopg", user)
    make_project(shop.root, {}, url=url)
    return user
