"""A PostgreSQL server of the tests' own."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import psycopg

import components
from ramdisk import find_memory
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERS = itertools.count(1)
_FAST = (
    *("-c", "fsync=off"),
    *("-c", "synchronous_commit=off"),
    *("-c", "full_page_writes=off"),
    *("-c", "shared_buffers=16MB"),
    *("-c", "max_connections=60"),
    *("-c", "max_prepared_transactions=4"),
)


class Server(NamedTuple):
    """A server that listens at a socket alone, and trusts who connects.

    Attributes:
        folder: Where its socket is.
    """

    folder: Path

    @property
    def programs(self) -> Path:
        """Where the programs of its version are."""
        return components.get("postgresql").resolve().parent

    def url(
        self, database: str = "postgres", driver: str = "", user: str = "postgres"
    ) -> str:
        """Return the address of a database, as an application has it."""
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        return f"{scheme}://{user}@/{quote(database)}?host={self.folder}"

    def make(self) -> str:
        """Make an empty database and return its name."""
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        self.run("postgres", f"CREATE DATABASE {name}")
        return name

    def run(self, database: str, statement: str) -> list[tuple[object, ...]]:
        """Run a statement by itself, and return its rows."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement)
            return list(cursor) if cursor.description else []

    def connect(self, database: str, user: str = "postgres") -> psycopg.Connection:
        """Return a connection whose statements stand for themselves."""
        address = f"host={self.folder}"
        return psycopg.connect(address, dbname=database, user=user, autocommit=True)


@contextlib.contextmanager
def serving_postgresql() -> Iterator[Server]:
    """Yield a server, which is gone with all its data afterwards."""
    # Not pytest's folder: the path of a socket is short, and the server's user, who
    # may not be root, must get there.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=find_memory()))
    try:
        with _running(folder):
            yield Server(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[None]:
    programs, user = components.get("postgresql").resolve().parent, _find_user()
    if user is not None:
        shutil.chown(folder, user)
    words = ["-D", f"{folder}/data", "-U", "postgres", "--auth=trust", "--no-sync"]
    options = {"user": user, "cwd": folder, "stdin": subprocess.DEVNULL}
    subprocess.run(
        [programs / "initdb", *words],
        check=True,
        stdout=subprocess.DEVNULL,
        **options,  # type: ignore[call-overload]
    )
    argv = [programs / "postgres", "-D", f"{folder}/data", "-k", folder, "-h", ""]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(  # type: ignore[call-overload]
            [*argv, *_FAST], stdout=log, stderr=log, start_new_session=True, **options
        )
        try:
            wait_until(lambda: _answers(folder))
            yield
        finally:
            server.send_signal(signal.SIGINT)  # ends connections, then itself
            server.wait(60)


def _find_user() -> str | None:
    """Return whom the server runs as: it refuses to be root's."""
    return "postgres" if os.geteuid() == 0 else None


def _answers(folder: Path) -> bool:
    try:
        psycopg.connect(f"host={folder} user=postgres dbname=postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def require_password(server: Server, user: str, password: str) -> None:
    """Have a server know a user who has to say a password."""
    escaped = password.replace("'", "''")
    server.run("postgres", f"CREATE ROLE {user} LOGIN PASSWORD '{escaped}'")
    ((path,),) = server.run("postgres", "SHOW hba_file")
    file = Path(str(path))
    file.write_text(f"local all {user} scram-sha-256\n{file.read_text()}")
    server.run("postgres", "SELECT pg_reload_conf()")
    address = f"host={server.folder} user={user} dbname=postgres"
    wait_until(lambda: not _lets_in(address))


def _lets_in(address: str) -> bool:
    try:
        psycopg.connect(address).close()
    except psycopg.OperationalError:
        return False
    return True
