"""A MariaDB server of the tests' own."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import pymysql

import components
from ramdisk import find_memory
from support import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NUMBERS = itertools.count(1)
_SMALL = (
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=10M",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--bind-address=127.0.0.1",
)
# A crash of the machine may lose the last changes; one of the server loses none.
_FAST = ("--innodb-flush-log-at-trx-commit=2", "--sync-frm=0")


class Server(NamedTuple):
    """A server that trusts who connects as root.

    Attributes:
        folder: Where its socket is.
        port: Where it listens besides.
    """

    folder: Path
    port: int

    @property
    def socket(self) -> Path:
        """Its socket."""
        return self.folder / "socket"

    def url(self, database: str, driver: str = "pymysql", user: str = "root") -> str:
        """Return the address of a database, as an application has it."""
        scheme = f"mysql+{driver}" if driver else "mysql"
        return f"{scheme}://{user}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def make(self) -> str:
        """Make an empty database and return its name."""
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        self.run("", f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return name

    def run(self, database: str, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements, each by itself, and return the rows of the last one."""
        with contextlib.closing(self.connect(database)) as connection:
            cursor = connection.cursor()
            for each in statements:
                cursor.execute(each)
            return [*cursor.fetchall()]

    def connect(
        self, database: str = "", user: str = "root", **options: Any
    ) -> pymysql.Connection[Any]:
        """Return a connection whose statements stand for themselves."""
        try:
            return pymysql.connect(
                unix_socket=str(self.socket),
                user=user,
                database=database or None,
                autocommit=True,
                charset="utf8mb4",
                ssl_disabled=True,  # else it reads certificates, for 60 ms
                **options,
            )
        except pymysql.OperationalError as error:
            error.add_note(self.read_end())
            raise

    def read_end(self) -> str:
        """Return what the server has said last."""
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def list_databases(self, start: str = "") -> list[str]:
        """Return the databases whose names begin with a text."""
        found = (str(name) for (name,) in self.run("", "SHOW DATABASES"))
        return [name for name in found if name.startswith(start)]


@contextlib.contextmanager
def running_mariadb(*options: str) -> Iterator[Running]:
    """Yield a server that can be stopped, and is gone with all its data afterwards.

    Args:
        options: More options of its program.
    """
    folder = Path(tempfile.mkdtemp(prefix="my-", dir=find_memory()))
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

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.server = Server(folder, free_port())
        self._folder = folder
        self._program = components.get("mariadb")
        # As root it runs only where it is told to.
        self._words = ["--no-defaults", f"--datadir={folder}/data"]
        # Each server removes at its start what it takes for its own of before.
        (folder / "tmp").mkdir()
        self._words += [f"--tmpdir={folder}/tmp"]
        self._words += ["--user=root"] if os.geteuid() == 0 else []
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        subprocess.run(
            [
                "mariadb-install-db",
                *self._words,
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--innodb-log-file-size=10M",
            ],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def start(self) -> None:
        """Start it, if it does not run, and wait until it answers."""
        if self._process is None or self._process.poll() is not None:
            argv = [str(self._program), *self._words, *_SMALL, *_FAST, *self._options]
            argv += [f"--socket={self.server.socket}", f"--port={self.server.port}"]
            argv += [f"--pid-file={self._folder}/pid"]
            with (self._folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        wait_until(self.answers)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop it: at once by SIGKILL, else after it has ended connections."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)

    def answers(self) -> bool:
        """Tell whether it lets somebody in."""
        try:
            # Of a socket that nobody is behind, the driver's own would stay open.
            with socket.socket(socket.AF_UNIX) as one:
                one.connect(str(self.server.socket))
            self.server.connect().close()
        except (OSError, pymysql.Error):
            return False
        return True
