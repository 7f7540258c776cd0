"""Filling one database with datasets, by the project's own Python."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.paths import StateFolder, write_whole
from sceneshift.core.project import build_common_env
from sceneshift.core.secrets import MASK, mask_values
from sceneshift.core.wording import quote
from sceneshift.data.snapshots.traced import read_prelude
from sceneshift.data.snapshots.tracing import VARIABLE as _TRACE_VARIABLE
from sceneshift.data.target import FOLDER
from sceneshift.data.upgrade import aim, find_python, find_reason
from sceneshift.data.versions import find_plain_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sceneshift.core.databases import Database
    from sceneshift.data.scripts import Scripts
    from sceneshift.data.seeding.model import Dataset
    from sceneshift.data.target import Target

_CHILD = Path(__file__).parent / "child" / "__main__.py"
_TOO_OLD = 9
_LATE_S = 1.0
_PART = 65536
_MOST_OUTPUT = 4_000_000  # bytes of what it prints that are kept


def prepare(
    target: Target, datasets: Sequence[Dataset], scripts: Scripts | None, now: datetime
) -> Seeding:
    """Return what fills a database.

    Args:
        target: The database.
        datasets: What it is filled with, in this order.
        scripts: Its migrations; None where it has none.
        now: The instant that the rows are seen from.

    Raises:
        SceneshiftError: The folder of its log cannot be made.
    """
    folder = StateFolder(target.root).make(FOLDER)
    return Seeding(
        root=target.root,
        database=target.database,
        datasets=datasets,
        environment=target.environment,
        env=build_common_env(target.project),
        log=folder / f"seeding-{target.database.name}.log",
        now=now,
        folder=target.root if scripts is None else scripts.folder,
        paths=() if scripts is None else scripts.paths,
    )


class Counts(Struct, frozen=True, kw_only=True):
    """What became of the rows of a table.

    Attributes:
        inserted: How many are new.
        updated: How many were there, and have other values now.
        unchanged: How many were there as they are.
    """

    inserted: int
    updated: int
    unchanged: int


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a database.

    Attributes:
        tables: What became of the rows, by table; what files of SQL and sessions of
            the ORM did is not known.
        is_changed: Whether a row is another now; None where that cannot be told.
    """

    tables: dict[str, Counts]
    is_changed: bool | None = None


class Progress(Struct, frozen=True, kw_only=True):
    """How far it is.

    Attributes:
        dataset: The dataset that is applied; empty at the end.
        file: Its file, as seen from the project's folder; or what is done else.
        table: The table that gets rows; empty where that is not known.
        rows: How many it has got so far.
    """

    dataset: str
    file: str
    table: str
    rows: int


class Seeding(Struct, frozen=True, kw_only=True):
    """What is to be done.

    Attributes:
        root: The project's folder.
        database: The database.
        datasets: What it is filled with, in this order.
        environment: The name of the environment.
        env: The environment of the program.
        log: Where all that it says is to be.
        now: The instant that the rows are seen from.
        folder: Where it runs, absolute: where Alembic would.
        paths: What modules are looked for in, before all else.
        is_draft: Whether nobody has the database yet: a power cut may break it.
        trace: Where to write down what it reads; None where nobody asks.
    """

    root: Path
    database: Database
    datasets: Sequence[Dataset]
    environment: str
    env: Mapping[str, str]
    log: Path
    now: datetime
    folder: Path
    paths: Sequence[Path] = ()
    is_draft: bool = False
    trace: Path | None = None

    def aim(self, file: Path) -> Seeding:
        """Return the same for another file of SQLite, which is a draft."""
        database, env = aim(self.database, self.env, self.root, file)
        return replace(self, database=database, env=env, is_draft=True)

    def run(self, tell: Callable[[Progress], None] | None = None) -> dict[str, Counts]:
        """Do it as `apply` does; return what became of the rows, by table."""
        return self.apply(tell).tables

    def apply(self, tell: Callable[[Progress], None] | None = None) -> Outcome:
        """Do it, in one transaction: all of it is there afterwards, or nothing.

        Of systems that cannot take back a change of the schema, and get one by a file
        of SQL, that cannot be said.

        Args:
            tell: Is called with how far it is.

        Raises:
            ComponentError: The project's Python lacks something.
            SceneshiftError: It failed, with the line that says why.
        """
        python = str(find_python(self.root, self.env))
        ended = _run(python, self, self._describe(), tell or _ignore)
        text = self._mask(ended.output)
        with StateFolder(self.root).being_written():
            write_whole(self.log, text)
        if ended.done is None or ended.code:
            raise self._explain(ended, text, python)
        return Outcome(
            tables={table: Counts(**each) for table, each in ended.done.items()},
            is_changed=ended.is_changed,
        )

    def _describe(self) -> dict[str, Any]:
        return {
            "root": str(self.root),
            "paths": [str(path) for path in (*self.paths, self.folder, self.root)],
            "urls": self._describe_url(),
            "environment": self.environment,
            "is_draft": self.is_draft,
            "datasets": [self._describe_one(each) for each in self.datasets],
        }

    def _describe_one(self, dataset: Dataset) -> dict[str, Any]:
        now = dataset.find_now(self.now)
        anchor = dataset.anchor
        return {
            "name": dataset.name,
            "folder": str(dataset.folder),
            "files": [str(path) for path in dataset.list_files()],
            "seed": dataset.seed,
            "keys": dataset.keys,
            "now": now.isoformat(),
            "shift_days": 0 if anchor is None else (now - anchor).days,
            "dates": dataset.dates,
        }

    def _describe_url(self) -> list[dict[str, Any]]:
        file = find_plain_file(self.database, self.root)
        if file is not None:  # without SQLAlchemy, which takes 300 ms
            return [{"drivername": "sqlite", "database": str(file)}]
        from sceneshift.data.engine import describe_url  # noqa: PLC0415

        return describe_url(self.database.url, self.root)

    def _explain(self, ended: _Ended, text: str, python: str) -> SceneshiftError:
        failed = ended.failed
        if failed is not None and failed.get("component"):
            return self._miss(failed, python)
        if ended.code == _TOO_OLD and failed is None:
            return ComponentError(
                f"seeds need Python 3.11 or newer: {python} is older",
                component="python",
                hint="make the project's .venv with a newer one",
            )
        where = _name_place(failed)
        reason = failed["reason"] if failed else _describe_end(ended, text)
        log = self.log.relative_to(self.root)
        return SceneshiftError(
            f"{quote(self.database.name)} is as it was: {where}{self._mask(reason)}",
            hint=f"mend it; all that it said: cat {log}",
        )

    def _miss(self, failed: dict[str, Any], python: str) -> ComponentError:
        from sceneshift.data.engine import name_package  # noqa: PLC0415

        package = name_package(failed["component"])
        place = f"{failed['place']}: " if failed.get("place") else ""
        reason = failed["reason"] or f"{package} is not installed in {python}"
        return ComponentError(
            f"{place}{reason}",
            component=package,
            hint=f"install it: {python} -m pip install '{package}'",
        )

    def _mask(self, text: str) -> str:
        """Return a text without passwords, which drivers write in ways of their own."""
        text = mask_values(text, self.env)
        place = self.database.url.partition("://")[2].partition("?")[0]
        password = place.rpartition("@")[0].partition(":")[2]
        return text.replace(password, MASK) if password else text


class _Ended(Struct, kw_only=True):
    """How it ended.

    Attributes:
        code: Its exit code.
        output: What it has printed.
        done: What became of the rows; None where it failed.
        is_changed: See `Outcome`.
        failed: Where, and why; None where it could not say.
    """

    code: int = 0
    output: str = ""
    done: dict[str, Any] | None = None
    is_changed: bool | None = None
    failed: dict[str, Any] | None = None


def _ignore(_progress: Progress) -> None:
    pass


def _run(
    python: str,
    seeding: Seeding,
    asked: dict[str, Any],
    tell: Callable[[Progress], None],
) -> _Ended:
    ours, theirs = socket.socketpair()
    ended = _Ended()
    with ours:
        with theirs:
            child = subprocess.Popen(
                [python, *_name_program(seeding), str(theirs.fileno())],
                cwd=seeding.folder,
                env=_make_env(seeding),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        with _ending(child), _Output(child) as output:
            # One that has ended already does not read it; its code says why.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                ours.sendall(json.dumps(asked).encode() + b"\n")
                _follow(ours, ended, tell)
            ended.code = child.wait()
        ended.output = output.text
    return ended


def _name_program(seeding: Seeding) -> list[str]:
    if seeding.trace is None:
        return [str(_CHILD)]
    run = f"import runpy; runpy.run_path({str(_CHILD)!r}, run_name='__main__')"
    return ["-c", read_prelude() + run]


def _make_env(seeding: Seeding) -> dict[str, str]:
    # Sets have one order then, and what is made of them is the same.
    env = {"PYTHONHASHSEED": "0", **seeding.env}
    if seeding.trace is not None:
        env[_TRACE_VARIABLE] = str(seeding.trace)
    return env


def _follow(
    line: socket.socket, ended: _Ended, tell: Callable[[Progress], None]
) -> None:
    """Read what it tells, until it ends."""
    with line.makefile("rb") as reader:
        for each in reader:
            if not each.endswith(b"\n"):
                return  # it was ended in the middle of a word
            message = json.loads(each)
            if "progress" in message:
                tell(Progress(**message["progress"]))
            else:
                ended.done = message.get("done")
                ended.is_changed = message.get("is_changed")
                ended.failed = message.get("failed")


@contextlib.contextmanager
def _ending(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave nothing of a program behind: what it has not committed is taken back."""
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


class _Output:
    """Reads what a program prints, and keeps the end of it."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None
        self._pipe = child.stdout
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # What it has started may hold the pipe open.
        self._thread.join(_LATE_S)

    @property
    def text(self) -> str:
        """What it has printed."""
        return bytes(self._kept).decode(errors="replace")

    def _read(self) -> None:
        with self._pipe:
            while part := os.read(self._pipe.fileno(), _PART):
                self._kept += part
                del self._kept[:-_MOST_OUTPUT]


def _name_place(failed: dict[str, Any] | None) -> str:
    if failed is None or not failed.get("dataset"):
        return ""
    place = f"{failed['place']}: " if failed.get("place") else ""
    return f"the dataset {quote(failed['dataset'])} failed: {place}"


def _describe_end(ended: _Ended, text: str) -> str:
    if ended.code < 0:
        return f"the program that fills it was ended by signal {-ended.code}"
    return f"the program that fills it failed: {find_reason(text)}"
