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
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

_NUMBERS = itertools.count(1)
_SMALL = (
    *("-c", "shared_buffers=16MB"),
    *("-c", "max_connections=100"),
    *("-c", "max_prepared_transactions=4"),
    # In its folder: of one that is killed, else something is left in /dev/shm.
    *("-c", "dynamic_shared_memory_type=mmap"),
)
# A crash may lose the last changes, and some of a page.
_FAST = (
    *("-c", "fsync=off"),
    *("-c", "synchronous_commit=off"),
    *("-c", "full_page_writes=off"),
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
    with running_fast() as running:
        yield running.server


def running_fast() -> AbstractContextManager[Running]:
    """Return what runs a server that waits for no disk."""
    return running_postgresql(None, *_FAST)


@contextlib.contextmanager
def running_postgresql(below: Path | None = None, *options: str) -> Iterator[Running]:
    """Yield a server that can be stopped, and is gone with all its data afterwards.

    Args:
        below: Where its data is to be; None: where there is room.
        options: More options of its program.
    """
    # Not pytest's folder: the path of a socket is short, and the server's user, who
    # may not be root, must get there.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=below or find_memory()))
    try:
        running = Running(folder, options)
        try:
            running.start()
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Running:
    """A server's program.

    Attributes:
        server: The server.
    """

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        self.server = Server(folder)
        self._folder = folder
        self._programs = components.get("postgresql").resolve().parent
        user = _find_user()
        if user is not None:
            shutil.chown(folder, user)
        self._options = {"user": user, "cwd": folder, "stdin": subprocess.DEVNULL}
        words = ["-D", f"{folder}/data", "-U", "postgres", "--auth=trust", "--no-sync"]
        subprocess.run(
            [self._programs / "initdb", *words],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._options,  # type: ignore[call-overload]
        )
        self._more = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, if it does not run, and wait until it answers."""
        if self._process is None or self._has_ended(self._process):
            start = [self._programs / "postgres", "-D", f"{self._folder}/data"]
            argv = [*start, "-k", self._folder, "-h", "", *_SMALL, *self._more]
            with (self._folder / "log").open("ab") as log:
                self._process = subprocess.Popen(  # type: ignore[call-overload]
                    argv,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    **self._options,
                )
        wait_until(lambda: _answers(self._folder))

    def _has_ended(self, process: subprocess.Popen[bytes]) -> bool:
        wait_until(lambda: process.poll() is not None or _answers(self._folder))
        return process.returncode is not None

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop it: at once by SIGQUIT, else after it has ended connections."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)

    def crash(self) -> None:
        """Stop it at once, from a fork of whoever has started it."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGQUIT)
        wait_until(lambda: not _answers(self._folder))


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
