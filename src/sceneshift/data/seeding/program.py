"""The program that fills databases: started, told what to do, and waited for."""

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

from sceneshift.data.snapshots.traced import read_prelude
from sceneshift.data.snapshots.tracing import VARIABLE as _TRACE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_CHILD = Path(__file__).parent / "child" / "__main__.py"
_LATE_S = 1.0
_PART = 65536
_MOST_OUTPUT = 4_000_000  # bytes of what it prints that are kept
_MODULES = frozenset({"psycopg", "psycopg2", "pymysql"})  # drivers of the same name
_REPLACED = frozenset({"", "asyncpg", "psycopg_async"})  # by psycopg: see `address.py`


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


class Ended(Struct, kw_only=True):
    """How it ended.

    Attributes:
        code: Its exit code.
        output: What it has printed.
        done: What became of the rows; None where it failed.
        is_changed: Whether a row is another now; None where that cannot be told.
        failed: Where, and why; None where it could not say.
    """

    code: int = 0
    output: str = ""
    done: dict[str, Any] | None = None
    is_changed: bool | None = None
    failed: dict[str, Any] | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """What is known of a program before it is told what to do.

    Attributes:
        folder: Where it runs, absolute.
        paths: What modules are looked for in, before all else.
        env: Its environment.
        url: A database of the system that it is for.
        trace: Where it is to write down what it reads; None where nobody asks.
    """

    folder: Path
    paths: Sequence[Path]
    env: Mapping[str, str]
    url: str
    trace: Path | None


class Program:
    """One program, from its start to its end.

    It imports what it needs before it is told what to do. It ends with the context:
    what it has not committed by then is taken back by the database.

    Args:
        python: The interpreter.
        plan: What is known so far.
    """

    def __init__(self, python: str, plan: Plan) -> None:
        # Sets have one order then, and what is made of them is the same.
        self._env = {"PYTHONHASHSEED": "0", **plan.env}
        started = self._env
        if plan.trace is not None:
            started = {**started, _TRACE_VARIABLE: str(plan.trace)}
        self._line, theirs = socket.socketpair()
        with theirs:
            words = [str(theirs.fileno()), _guess(plan.url), *map(str, plan.paths)]
            self._child = subprocess.Popen(
                [python, *_name(is_traced=plan.trace is not None), *words],
                cwd=plan.folder,
                env=started,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._output = _Output(self._child)

    def __enter__(self) -> Self:
        self._output.begin()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        self._line.close()
        self._output.end()

    def run(
        self,
        asked: dict[str, Any],
        env: Mapping[str, str],
        tell: Callable[[Progress], None],
    ) -> Ended:
        """Have it do something, once.

        Args:
            asked: See `child/request.py`.
            env: Its environment, where more is known of it by now.
            tell: Is called with how far it is.
        """
        ended = Ended()
        others = {
            name: text for name, text in env.items() if self._env.get(name) != text
        }
        message = json.dumps({**asked, "env": others}).encode() + b"\n"
        # One that has ended already does not read it; its code says why.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._line.sendall(message)
            _follow(self._line, ended, tell)
        ended.code = self._child.wait()
        self._output.end()
        ended.output = self._output.text
        return ended


def _name(*, is_traced: bool) -> list[str]:
    if not is_traced:
        return [str(_CHILD)]
    run = f"import runpy; runpy.run_path({str(_CHILD)!r}, run_name='__main__')"
    return ["-c", read_prelude() + run]


def _guess(url: str) -> str:
    """Return the module of the driver that it may need; empty where none is known."""
    system, _, driver = url.partition(":")[0].partition("+")
    if driver in _MODULES:
        return driver
    if system.startswith("postgres") and driver in _REPLACED:
        return "psycopg"
    return ""


def _follow(
    line: socket.socket, ended: Ended, tell: Callable[[Progress], None]
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


class _Output:
    """Reads what a program prints, and keeps the end of it."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None
        self._pipe = child.stdout
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def begin(self) -> None:
        """Read from now on."""
        self._thread.start()

    def end(self) -> None:
        """Read to the end; what the program has started may hold the pipe open."""
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
