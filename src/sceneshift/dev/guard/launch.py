"""Starting one command between fork and exec, from an interpreter with one thread."""

from __future__ import annotations

import errno
import fcntl
import os
import sys

from sceneshift.core.processes import prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator, Mapping
    from typing import NoReturn
else:
    import _signal as signal

_PDEATHSIG = 1  # prctl(2): the signal that comes when the parent ends
_LAST_SIGNAL = 64


class LaunchError(Exception):
    """A command could not be started.

    Attributes:
        stage: `cwd`, `exec`, or what else failed before them: `setup`.
        number: The errno.
    """

    def __init__(self, stage: str, number: int) -> None:
        super().__init__(f"{stage}: {os.strerror(number)}")
        self.stage = stage
        self.number = number


class Command:
    """What is to be started.

    Attributes:
        argv: Program and arguments; a name without `/` is looked up in PATH.
        env: The whole environment.
        cwd: Where it runs.
        fds: Number there to number here; 0, 1 and 2 are /dev/null otherwise.
        has_terminal: Whether its 0 becomes the controlling terminal.
    """

    __slots__ = ("argv", "cwd", "env", "fds", "has_terminal")

    def __init__(
        self,
        argv: list[bytes],
        *,
        env: Mapping[bytes, bytes],
        cwd: bytes,
        fds: Mapping[int, int],
        has_terminal: bool = False,
    ) -> None:
        self.argv = argv
        self.env = env
        self.cwd = cwd
        self.fds = fds
        self.has_terminal = has_terminal


def launch(command: Command) -> int:
    """Start the command as the leader of a session of its own and return its pid.

    Raises:
        LaunchError: It could not be started; nothing is left of it.
    """
    try:
        report, reported = os.pipe()
    except OSError as exc:
        raise LaunchError("setup", exc.errno or errno.EMFILE) from exc
    try:
        parent, pid = os.getpid(), os.fork()
        if pid == 0:  # pragma: no cover - a process that measures nothing
            _become(command, reported, parent)
    except OSError as exc:
        os.close(report)
        raise LaunchError("setup", exc.errno or errno.EAGAIN) from exc
    finally:
        os.close(reported)
    with open(report, "rb") as stream:  # noqa: PTH123 - a descriptor
        failure = stream.read()  # ends when exec closes the other end
    if not failure:
        return pid
    os.waitpid(pid, 0)
    stage, number = failure.split()
    raise LaunchError(stage.decode(), int(number))


def _become(  # pragma: no cover - a process that measures nothing
    command: Command, reported: int, guard: int
) -> NoReturn:
    """Turn the forked child into the command; report what fails and end."""
    stage = b"setup"
    try:
        os.setsid()
        _die_with(guard)
        _reset_signals()
        reported = _place(command.fds, reported)
        if command.has_terminal:
            _take_terminal()
        stage = b"cwd"
        os.chdir(command.cwd)
        stage = b"exec"
        _execute(command)
    except BaseException as exc:  # noqa: BLE001 - nothing may return from here
        number = getattr(exc, "errno", None) or errno.EINVAL
        os.write(reported, b"%s %d" % (stage, number))
    finally:
        os._exit(127)


def _die_with(guard: int) -> None:  # pragma: no cover - as above
    """Ask for SIGKILL when the guard ends: a belt for when nobody else is left."""
    if sys.platform == "linux":
        prctl(_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(127)


def _reset_signals() -> None:  # pragma: no cover - as above
    """Give the command the signals that a shell would give it."""
    for number in range(1, _LAST_SIGNAL + 1):
        try:
            if signal.getsignal(number) == signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        except (OSError, ValueError):  # no such signal, or not ours to set
            continue
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _place(fds: Mapping[int, int], reported: int) -> int:  # pragma: no cover
    """Put each descriptor where the command expects it; return the moved report.

    All go out of the way first, so that no target number overwrites a source.
    """
    above = max(fds, default=2) + 1
    reported = fcntl.fcntl(reported, fcntl.F_DUPFD_CLOEXEC, above)
    moved = {
        target: fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, above)
        for target, source in fds.items()
    }
    for target, source in moved.items():
        os.dup2(source, target, inheritable=True)
    return reported


def _take_terminal() -> None:  # pragma: no cover - as above
    """Make descriptor 0 the session's terminal."""
    import termios  # noqa: PLC0415 - seldom needed

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _execute(command: Command) -> None:  # pragma: no cover - as above
    """Try the places where the program may lie; raise what says most."""
    failure = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for path in candidates(command.argv[0], command.env):
        try:
            os.execve(path, command.argv, command.env)  # noqa: S606
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as exc:  # perhaps another one in PATH is ours to run
            failure = exc
    raise failure


def candidates(program: bytes, env: Mapping[bytes, bytes]) -> Iterator[bytes]:
    """Yield the paths that execvp(3) would try."""
    if b"/" in program:
        yield program
        return
    for folder in env.get(b"PATH", os.fsencode(os.defpath)).split(b":"):
        yield (folder or b".") + b"/" + program
