"""An interpreter that has imported already what migrations and seeds import.

A second of a processor is what starting one with Alembic takes. A project in a test
names this one as its own, see `find_python`. It is a program that hands its arguments,
its environment and all its open files to a server of forks, waits, and ends as the fork
has ended; when it is killed, so is the fork. What concerns how a program is started
or ended is no case for it.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODULES = (
    "alembic.autogenerate",
    "alembic.command",
    "alembic.config",
    "csv",
    "decimal",
    "json",
    "logging.config",
    "psycopg",
    "sceneshift.data.postgresql.chores",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlalchemy.orm",
    "tomllib",
)
_HIGH = 600  # descriptors from here on are our own, for a moment
_HEAD = 8  # bytes, with the length of what follows

# Of built-in modules alone: it starts in a hundredth of a second. What a fork cannot
# have, another user, a limit or variables of the interpreter, is for a real one.
_CLIENT = """\
#!{python} -IS
import marshal, posix, resource, sys
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET, socket

words, environ = sys.argv[1:], dict(posix.environ)
own = {{n: v for n, v in environ.items() if n[:6] == b"PYTHON" and n[6:] != b"PATH"}}
own.pop(b"PYTHONHASHSEED", None) in (None, b"0") or own.update(other=b"")
is_usual = (
    own == {own!r}
    and posix.geteuid() == {user}
    and resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    and words
    and (words[0] in ("-c", "-m") or words[0][:1] != "-")
)
if not is_usual:
    posix.execv({python!r}, [{python!r}, *words])
files = []
for number in map(int, posix.listdir("/proc/self/fd")):
    try:
        posix.fstat(number)
        files.append(number)
    except OSError:
        pass  # the listing's own
mask = posix.umask(0)
posix.umask(mask)
is_leader = posix.getsid(0) == posix.getpid()
asked = marshal.dumps((words, posix.getcwd(), environ, files, mask, is_leader))
line = socket(AF_UNIX, SOCK_STREAM)
line.connect({address!r})
numbers = b"".join(each.to_bytes(4, sys.byteorder) for each in files)
head = len(asked).to_bytes({head}, "big")
line.sendmsg([head], [(SOL_SOCKET, SCM_RIGHTS, numbers)])
line.sendall(asked)
said = line.recv(8)
if not said:
    posix._exit(97)
code = int(said)
if code < 0:
    posix.kill(posix.getpid(), -code)
posix._exit(code)
"""


@contextlib.contextmanager
def serving_forks() -> Iterator[Path]:
    """Yield the folder of an interpreter that is warm, as a virtual environment has it.

    Its name belongs into `VIRTUAL_ENV`.
    """
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    folder.chmod(0o755)  # not only we run it
    address, python = str(folder / "socket"), folder / "bin" / "python"
    python.parent.mkdir()
    own = {
        name.encode(): value.encode()
        for name, value in os.environ.items()
        if name.startswith("PYTHON") and name not in {"PYTHONPATH", "PYTHONHASHSEED"}
    }
    text = _CLIENT.format(
        address=address, head=_HEAD, own=own, python=sys.executable, user=os.geteuid()
    )
    python.write_text(text)
    python.chmod(0o755)
    env = {**os.environ, "PYTHONHASHSEED": "0"}
    env.pop("PYTHONPATH", None)
    serve = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
    serve += f"import warming; del sys.path[0]; warming.serve({address!r})"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-P", "-c", serve],
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            wait_until(lambda: (folder / "ready").exists() or server.poll() is not None)
            assert server.poll() is None, (folder / "log").read_text()
            yield folder
        finally:
            server.kill()
            server.wait()
            shutil.rmtree(folder, ignore_errors=True)


def serve(address: str) -> None:
    """Fork for each that asks; in the fork, run what was asked for, and end."""
    import gc  # noqa: PLC0415 - here alone

    for name in _MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        os.chmod(address, 0o777)  # noqa: PTH101, S103 - whoever may run the client
        listening.listen(64)
        Path(address).with_name("ready").touch()
        _Server(listening).run()


class _Server:
    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._forks: dict[int, tuple[socket.socket, int, int]] = {}
        self._waiting = select.epoll()
        self._waiting.register(listening, select.EPOLLIN)

    def run(self) -> None:
        while True:
            for number, _ in self._waiting.poll():
                if number == self._listening.fileno():
                    self._accept()
                elif number in self._forks:  # not when both happened at once
                    self._end(*self._forks[number])

    def _accept(self) -> None:
        line = self._listening.accept()[0]
        pid = os.fork()
        if not pid:
            _run(line)
        handle = os.pidfd_open(pid)
        self._waiting.register(line, select.EPOLLRDHUP)  # its client is gone
        self._waiting.register(handle, select.EPOLLIN)  # it has ended
        self._forks[line.fileno()] = self._forks[handle] = line, handle, pid

    def _end(self, line: socket.socket, handle: int, pid: int) -> None:
        """See to a fork that has ended, or whose client has."""
        for each in (line.fileno(), handle):
            self._waiting.unregister(each)
            del self._forks[each]
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            is_leader = os.getpgid(pid) == pid
            (os.killpg if is_leader else os.kill)(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(handle)
        with contextlib.suppress(OSError), line:
            line.sendall(b"%d" % code)


def _run(line: socket.socket) -> None:
    """Become what was asked for; never return."""
    code = 1
    try:
        words = _take(line)
        code = _execute(words)
    except SystemExit as error:
        code = _read_code(error.code)
    except BaseException as failure:  # noqa: BLE001 - as an interpreter tells of it
        trace = failure.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        sys.excepthook(type(failure), failure, trace)
    finally:
        _finish(code)


def _take(line: socket.socket) -> list[str]:
    """Take over the files, the environment and the folder of a client."""
    import array  # noqa: PLC0415 - here alone
    import marshal  # noqa: PLC0415

    head, said, _, _ = line.recvmsg(_HEAD, socket.CMSG_SPACE(4 * 250))
    received = array.array("i")
    received.frombytes(said[0][2])
    reader = line.makefile("rb")
    asked: Any = marshal.loads(reader.read(int.from_bytes(head, "big")))  # noqa: S302
    words, folder, environ, numbers, mask, is_leader = asked
    if is_leader:
        os.setsid()
    import fcntl  # noqa: PLC0415

    high = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, _HIGH) for each in received]
    os.closerange(3, _HIGH)
    for source, number in zip(high, numbers, strict=True):
        os.dup2(source, number)
    os.closerange(_HIGH, _HIGH + 300)
    os.umask(mask)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update({os.fsdecode(k): os.fsdecode(v) for k, v in environ.items()})
    return list(words)


def _execute(words: list[str]) -> int:
    import builtins  # noqa: PLC0415
    import types  # noqa: PLC0415

    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    more = [each for each in os.environ.get("PYTHONPATH", "").split(":") if each]
    if words[0] == "-m":
        sys.argv = words[1:]
        sys.path[:0] = [str(Path.cwd()), *more]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        return 0
    if words[0] == "-c":
        sys.argv, first = ["-c", *words[2:]], ""
        code = compile(words[1], "<string>", "exec")
    else:
        sys.argv, first = words, os.path.dirname(words[0])  # noqa: PTH120
        main.__file__ = words[0]
        code = compile(Path(words[0]).read_bytes(), words[0], "exec")
    sys.path[:0] = [first, *more]
    exec(code, main.__dict__)  # noqa: S102 - that is what an interpreter does
    return 0


def _read_code(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)  # noqa: T201 - as an interpreter does
    return 1


def _finish(code: int) -> None:
    """End as an interpreter does, but for what nobody sees."""
    import threading  # noqa: PLC0415

    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
