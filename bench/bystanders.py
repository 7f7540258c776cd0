"""Who works with a database at full speed while it is made anew, and what they see.

Each is a process: SQLite lets threads of one process read without a gap, and then not
even a program of their own can write, whatever its timeout.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from bench.running import ROOT, make_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.migrated import Migrated

NAMES = ("reader 1", "reader 2", "reader 3", "writer")
_LOOK = "SELECT (SELECT count(*) FROM owners), (SELECT count(*) FROM items)"
# Beyond those of the dataset, and of what is left of a table that somebody empties.
_WRITE = (
    """INSERT INTO owners (id, name)
    SELECT coalesce(max(id), 1000000) + 1, 'new' FROM owners""",
    """INSERT INTO items (id, owner_id, title, status, amount)
    SELECT coalesce(max(id), 1000000) + 1, 1, 'new', 'new', 1 FROM items""",
)
_BETWEEN_S, _AGAIN_S = 0.005, 0.02


class Bystanders:
    """Three readers and a writer, each with a connection that it makes anew.

    A writer adds a row to each of two tables at once, so that who sees other numbers
    sees a part.

    Attributes:
        errors: How many each had.
        looks: How often they looked, all together.
        mixed: How often they saw a part.

    Args:
        project: Whose database.
    """

    def __init__(self, project: Migrated) -> None:
        server = project.system.server
        self._address = (
            {"file": str(project.folder / "app.db")}
            if server is None
            else {"host": str(server.folder), "dbname": project.name}
        )
        self._more = project.items - project.owners
        self.errors = dict.fromkeys(NAMES, 0)
        self.looks = 0
        self.mixed = 0

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Have them work while something is done."""
        workers = {name: self._start(name) for name in NAMES}
        try:
            for worker in workers.values():
                assert worker.stdout is not None
                assert worker.stdout.readline() == "ready\n"
            yield
        finally:
            for name, worker in workers.items():
                said, _ = worker.communicate()  # the end of its input is its end
                counted = json.loads(said)
                self.errors[name] = counted["errors"]
                self.looks += counted["looks"]
                self.mixed += counted["mixed"]

    def _start(self, name: str) -> subprocess.Popen[str]:
        task = {**self._address, "name": name, "more": self._more}
        return subprocess.Popen(
            [sys.executable, "-m", "bench.bystanders", json.dumps(task)],
            cwd=ROOT,
            env=make_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def _connect(task: dict[str, Any]) -> Any:
    if "file" in task:
        return sqlite3.connect(task["file"], timeout=60)
    import psycopg  # noqa: PLC0415 - not of SQLite's

    return psycopg.connect(host=task["host"], user="postgres", dbname=task["dbname"])


def _work(task: dict[str, Any], is_over: Callable[[], bool]) -> None:
    """Work until it is over; print what was counted."""
    import psycopg  # noqa: PLC0415 - as above

    errors = looks = mixed = 0
    print("ready", flush=True)
    while not is_over():
        try:
            with contextlib.closing(_connect(task)) as connection:
                while not is_over():
                    if task["name"] == "writer":
                        for statement in _WRITE:
                            connection.execute(statement)
                        connection.commit()
                        time.sleep(_BETWEEN_S)
                        continue
                    ((owners, items),) = connection.execute(_LOOK).fetchall()
                    connection.rollback()
                    looks += 1
                    mixed += items - owners != task["more"]
        except (sqlite3.Error, psycopg.Error):
            errors += 1
            time.sleep(_AGAIN_S)
    print(json.dumps({"errors": errors, "looks": looks, "mixed": mixed}))


def _is_at_end() -> bool:
    """Tell whether the input has ended; nothing is ever written to it."""
    with contextlib.suppress(BlockingIOError):
        return os.read(sys.stdin.fileno(), 1) == b""
    return False


if __name__ == "__main__":
    os.set_blocking(sys.stdin.fileno(), False)
    _work(json.loads(sys.argv[1]), _is_at_end)
