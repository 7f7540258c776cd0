"""The guard: starts every process, adopts every orphan, outlives the supervisor.

It is a process of its own, in its own session and under its own name, so that what
kills the supervisor (its terminal, `pkill -f "inv dev"`, `killall python`) misses it.
When the link to the supervisor ends it freezes, kills and reaps all that is below it.
"""

from __future__ import annotations

import _socket as socket  # the class without selectors and enums: 0.4 MB less
import errno
import os
import select
import sys

from sceneshift.core.processes import become_subreaper, find_process, prctl
from sceneshift.dev.guard import sweep
from sceneshift.dev.guard.frames import FrameReader, encode
from sceneshift.dev.guard.launch import Command, LaunchError, launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal

    from sceneshift.core.processes import ProcessEntry
    from sceneshift.dev.guard.frames import Message
else:
    import _signal as signal

NAME = b"sceneshift-guard"
MOST_FDS = 250  # the kernel passes at most 253 with one message
_CHUNK = 1 << 16
_IGNORED = ("INT", "TERM", "HUP", "QUIT", "TSTP", "TTIN", "TTOU", "USR1", "USR2")
_SET_NAME = 15  # prctl(2)
_RETRY_MS = 5
_MOST_TRIES = 2000  # 10 s, for what is stuck in the kernel or another user's


class Guard:
    """The one object of the guard process.

    Args:
        link: Our end of the socket pair.
        supervisor: Its pid.
        marker: `SCENESHIFT_STACK=<id>` of this run.
    """

    def __init__(self, link: socket.socket, *, supervisor: int, marker: bytes) -> None:
        self._link = link
        self._marker = marker
        self._reader = FrameReader()
        self._arrived: list[int] = []  # descriptors that no request has claimed yet
        self._requests: dict[int, int] = {}  # pid of a child: id of its request
        self._is_subreaper = become_subreaper()
        self._wakeup = _wake_on_child_exit()
        self._poll = select.poll()
        self._poll.register(link, select.POLLIN)
        self._poll.register(self._wakeup, select.POLLIN)
        self._watch(supervisor)

    def _watch(self, supervisor: int) -> None:
        """Be woken by the supervisor's end too: a fork of it may hold the link."""
        try:
            self._poll.register(os.pidfd_open(supervisor), select.POLLIN)
        except (OSError, AttributeError):  # pragma: no cover - macOS, or it is gone
            return

    def run(self) -> None:
        """Serve until the supervisor is gone, then end everything."""
        self._send({"event": "ready", "pid": os.getpid()})
        while self._serve():
            self._reap()
        self._end_everything()

    def _serve(self) -> bool:
        """Wait for one thing to happen; return False when the supervisor is gone."""
        for handle, _ in self._poll.poll():
            if handle == self._wakeup:
                _drain(handle)
            elif handle != self._link.fileno() or not self._receive():
                return False
        return True

    def _receive(self) -> bool:
        """Take requests in; return False at the end of the link.

        A request's descriptors come no later than its first byte and in order, but
        one call may return the end of the request before: hence the queue.
        """
        try:
            chunk, attached, _, _ = self._link.recvmsg(
                _CHUNK,
                socket.CMSG_SPACE(253 * 4),
                getattr(socket, "MSG_CMSG_CLOEXEC", 0),
            )
        except OSError:
            return False
        for _, _, numbers in attached:
            self._arrived += memoryview(numbers).cast("i")
        for request in self._reader.feed(chunk):
            self._spawn(request)
        return bool(chunk)

    def _spawn(self, request: Message) -> None:
        """Start what is asked for and say how it went."""
        number = request["id"]
        sources = self._claim(len(request["fds"]))
        try:
            pid = launch(_command(request, sources))
        except LaunchError as exc:
            failed = {"event": "failed", "stage": exc.stage, "errno": exc.number}
            self._send({**failed, "id": number})
        else:
            self._requests[pid] = number
            entry = find_process(pid)  # nobody has reaped it yet, so it is there
            started = entry.started if entry else 0
            spawned = {"event": "spawned", "pid": pid, "started": started}
            self._send({**spawned, "id": number})
        finally:
            for source in sources:
                os.close(source)

    def _claim(self, count: int) -> list[int]:
        """Return the descriptors of the request that has just arrived."""
        claimed, self._arrived = self._arrived[:count], self._arrived[count:]
        for handle in claimed:  # macOS cannot do it while receiving
            os.set_inheritable(handle, False)
        return claimed

    def _reap(self) -> bool:
        """Collect the dead and report ours; return whether children are left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            number = self._requests.pop(pid, None)
            if number is not None:
                self._send({"event": "exited", "id": number, "status": status})

    def _end_everything(self) -> None:
        """Freeze, kill and reap until no descendant is left.

        A subreaper without children has no descendants: so ends an orderly run.
        """
        if self._is_subreaper and not self._reap():
            return
        sweep.kill(sweep.freeze(self._find_all))
        for _ in range(_MOST_TRIES):
            if not self._reap() and (self._is_subreaper or not self._find_all()):
                return
            sweep.kill(self._find_next())
            if self._poll_child():
                _drain(self._wakeup)

    def _find_all(self) -> list[ProcessEntry]:
        """Return everything that runs because of us."""
        found = sweep.running_below(os.getpid())
        if self._is_subreaper:  # nothing can have left
            return found
        found += sweep.in_sessions(self._requests)  # pragma: no cover - macOS
        return found + sweep.marked(self._marker)  # pragma: no cover - macOS

    def _find_next(self) -> list[ProcessEntry]:
        """Return what is to be killed after the first blow.

        A subreaper's direct children will do, since the orphans of those come next:
        cheap enough to outrun a chain of processes that fork and end.
        """
        if self._is_subreaper:
            return sweep.adopted_by(os.getpid())
        return self._find_all()  # pragma: no cover - macOS

    def _poll_child(self) -> bool:
        """Wait a moment for a child to end."""
        poll = select.poll()
        poll.register(self._wakeup, select.POLLIN)
        return bool(poll.poll(_RETRY_MS))

    def _send(self, message: Message) -> None:
        """Tell the supervisor; where it is gone the next read will show it."""
        data = memoryview(encode(message))
        try:
            while data:
                data = data[self._link.send(data) :]
        except OSError as exc:
            if exc.errno not in {errno.EPIPE, errno.ECONNRESET}:
                raise


def _command(request: Message, sources: list[int]) -> Command:
    """Return what a request asks for; raise LaunchError where descriptors are lost."""
    if len(sources) < len(request["fds"]):  # our own limit of open files is too low
        raise LaunchError("setup", errno.EMFILE)
    return Command(
        request["argv"],
        env=request["env"],
        cwd=request["cwd"],
        fds=dict(zip(request["fds"], sources, strict=True)),
        has_terminal=request["terminal"],
    )


def _wake_on_child_exit() -> int:
    """Return a descriptor that becomes readable when a child has ended."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler no wake-up
    return readable


def _drain(handle: int) -> None:
    """Empty the wake-up pipe."""
    try:
        while os.read(handle, 4096):
            pass
    except BlockingIOError:
        return


def _withdraw() -> None:
    """Leave the terminal, the folder and the reach of common signals."""
    for name in _IGNORED:
        signal.signal(getattr(signal, "SIG" + name), signal.SIG_IGN)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)


def _rename() -> None:
    """Show as `sceneshift-guard` in ps, so that `pkill python` misses us.

    proc_pid_stat(5), fields 48 and 49: where the arguments lie in our own memory.
    """
    if sys.platform != "linux":  # pragma: no cover - needs macOS
        return
    import ctypes  # noqa: PLC0415 - prctl has loaded it already

    name = ctypes.create_string_buffer(NAME[:15])
    prctl(_SET_NAME, ctypes.addressof(name))
    with open("/proc/self/stat", "rb") as stat:  # noqa: PTH123 - no pathlib here
        fields = stat.read().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    if end - start > len(NAME):
        ctypes.memset(start, 0, end - start)
        ctypes.memmove(start, NAME, len(NAME))


def main() -> None:
    """Run as `… <descriptor of the link> <pid of the supervisor> <stack id>`."""
    link, supervisor, stack = sys.argv[1:]
    os.set_inheritable(int(link), False)  # held by a child it would never end
    guard = Guard(
        socket.socket(fileno=int(link)),
        supervisor=int(supervisor),
        marker=b"SCENESHIFT_STACK=" + os.fsencode(stack),
    )
    _withdraw()
    _rename()
    guard.run()
    os._exit(0)  # the supervisor waits: to take the interpreter apart is 4 ms
