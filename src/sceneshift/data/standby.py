"""The program that runs Alembic: started with what it is to do, or ahead of that.

Its imports take longer than all that a command does before it has what is to be
migrated, and there mostly is another processor for them.
"""

from __future__ import annotations

import json
import socket
import subprocess
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Self

from msgspec import Struct

from sceneshift.data.snapshots.traced import read_prelude
from sceneshift.data.snapshots.tracing import VARIABLE as _TRACE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LOCKS_VARIABLE = "SCENESHIFT_ALEMBIC_LOCKS"
_READY = b"."

# Nothing but what is installed is imported before it is told of the draft: a module of
# the project may have kept the address of the database, which would be migrated in its
# place. Where an interpreter imports such by itself, it is no use, and ends.
_PROGRAM = f"""\
def wait():
    import gc, os, sys

    gc.disable()
    number, scheme = int(sys.argv[1]), sys.argv[2]
    os.set_inheritable(number, False)
    here = [sys.path.pop(0)] if sys.path[0] == "" else []
    import json, socket
    import alembic.config
    try:
        from sqlalchemy.engine import make_url
        make_url(scheme + "://").get_dialect().import_dbapi()
    except Exception:
        pass  # it is told where it is needed
    own, installed = os.path.dirname(os.__file__), ("/site-packages", "/dist-packages")
    others = tuple(
        os.path.join(each, "")
        for each in sys.path
        if not each.startswith(own) and not each.endswith(installed)
    )
    sys.path[:0] = here
    for each in list(sys.modules.values()):
        if (getattr(each, "__file__", None) or "").startswith(others):
            os._exit(1)
    sys.stdout.flush()
    with socket.socket(fileno=number) as line:
        line.sendall({_READY!r})
        _, given, _, _ = socket.recv_fds(line, 1, 64)
        text = b""
        while not text.endswith(b"\\n"):
            more = line.recv(65536)
            if not more:
                os._exit(1)  # who has started it is gone
            text += more
    said = given.pop(0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.close(said)
    for each in given:
        os.set_inheritable(each, False)
    asked = json.loads(text)
    for name in asked["unset"]:
        del os.environ[name]
    os.environ.update(asked["env"])
    sys.argv[1:] = asked["words"]
    return compile(asked["program"], "alembic", "exec")

try:
    program = wait()
except BaseException:
    __import__("os")._exit(1)
exec(program)
"""


class Plan(Struct, frozen=True, kw_only=True):
    """What is known of a program before it is told what to do.

    Attributes:
        python: The interpreter.
        folder: Where it runs, absolute.
        scheme: Of the database's address: the dialect and its driver.
        trace: Where it is to write down what it reads; None where nobody asks.
    """

    python: str
    folder: Path
    scheme: str
    trace: Path | None


class Task(Struct, frozen=True, kw_only=True):
    """What it is to do.

    Attributes:
        program: The text of it.
        words: Its arguments.
        env: Its environment.
        said: Where all that it says is to be.
        locks: Descriptors that it is to hold until it ends; no program that it starts.
    """

    program: str
    words: tuple[str, ...]
    env: Mapping[str, str]
    said: IO[bytes]
    locks: tuple[int, ...]


def start(plan: Plan, task: Task) -> subprocess.Popen[bytes]:
    """Return a program that does something at once."""
    program = task.program
    env = {**task.env, LOCKS_VARIABLE: " ".join(map(str, task.locks))}
    if plan.trace is not None:
        program = read_prelude() + program
        env[_TRACE_VARIABLE] = str(plan.trace)
    return subprocess.Popen(
        [plan.python, "-c", program, *task.words],
        cwd=plan.folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=task.said,
        stderr=subprocess.STDOUT,
        pass_fds=task.locks,
    )


class Standby:
    """One that has imported Alembic, and waits; from its start to its end.

    It ends with the context, and by itself where whoever has started it is gone.

    Args:
        plan: What is known so far.
        env: Its environment, as far as it is known.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(self, plan: Plan, env: Mapping[str, str]) -> None:
        self._plan = plan
        self._env = env
        program, started = _PROGRAM, env
        if plan.trace is not None:
            program = read_prelude() + program
            started = {**env, _TRACE_VARIABLE: str(plan.trace)}
        with ExitStack() as opened:
            self._said = opened.enter_context(TemporaryFile())
            self._line, theirs = map(opened.enter_context, socket.socketpair())
            number = theirs.fileno()
            self._child = subprocess.Popen(
                [plan.python, "-c", program, str(number), plan.scheme],
                cwd=plan.folder,
                env=started,
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=subprocess.STDOUT,
                pass_fds=[number],
            )
            theirs.close()
            opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.wait()
        self._line.close()
        self._said.close()

    def tell(self, plan: Plan, task: Task) -> subprocess.Popen[bytes] | None:
        """Have it do something, once.

        Args:
            plan: What is known of the program that is wanted.
            task: What that is to do.

        Returns:
            What does it now; None where this cannot, and nothing was done.
        """
        if plan != self._plan:
            return None
        try:
            if self._line.recv(len(_READY)) != _READY:
                return None
            self._said.seek(0)
            task.said.write(self._said.read())
            task.said.flush()
            self._send(task)
        except ConnectionError:  # before it had all of that
            return None
        return self._child

    def _send(self, task: Task) -> None:
        env, own = task.env, self._env
        asked = {
            "program": task.program,
            "words": task.words,
            "env": {name: text for name, text in env.items() if own.get(name) != text},
            "unset": [name for name in own if name not in env],
        }
        given = [task.said.fileno(), *task.locks]
        socket.send_fds(self._line, [_READY], given)
        self._line.sendall(json.dumps(asked).encode() + b"\n")
