"""The supervisor's side of a running program, inside of it.

`prepare` is called once in the zygote and lays hooks that do nothing there. `become` is
called in each child and gives them a line to the supervisor. From then on they report
which files of the project the program uses, exchange the sockets that it binds for ones
that outlive it, and let it wait before it touches the project.
"""

from __future__ import annotations

import _socket
import os
import sys
from importlib.machinery import FileFinder, SourceFileLoader

from sceneshift.core.channel import Channel
from sceneshift.dev.zygote import pages, parts, traces
from sceneshift.dev.zygote.binding import Binding
from sceneshift.dev.zygote.code import CodeCache, Territory, digest, identify, read
from sceneshift.dev.zygote.collector import Collector
from sceneshift.dev.zygote.draining import Socket
from sceneshift.dev.zygote.handover import Handover
from sceneshift.dev.zygote.imports import Modules, import_if_there
from sceneshift.dev.zygote.kept import Kept
from sceneshift.dev.zygote.reads import Reads
from sceneshift.dev.zygote.writes import WRITES, find_written

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from types import CodeType, ModuleType
    from typing import Any, NoReturn

    from sceneshift.core.channel import Message
    from sceneshift.dev.zygote.tracer import Tracer

# What a program may not do ahead of time: everything that others would notice.
_EFFECTS = frozenset(
    {
        "_thread.start_joinable_thread",  # what threading calls from Python 3.13 on
        "_thread.start_new_thread",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.kill",
        "os.link",
        "os.posix_spawn",
        "os.rmdir",
        "os.symlink",
        "os.system",
        "socket.bind",
        "socket.connect",
        "sqlite3.connect",
        "subprocess.Popen",
    }
)


class Agent:
    """The one agent of a process.

    Attributes:
        territory: What is the project's.
        code: Its code objects.
        modules: What is loaded.
        channel: The line to the supervisor; None in the zygote.
        is_armed: Whether the program is to wait before it goes too far.
        hot: Files before which it waits; None means all of the project.
        pid: Of the child that is the program; its forks have others.
        binding: What it has bound.
        handover: Holds and resumes accepting.
        kept: What it has accepted.
        collector: Holds garbage collection back until the program has started.
        reads: Which variables were read by what the zygote has imported.
        tracer: An editor's debugger; None where none was asked for.
    """

    def __init__(self, territory: Territory, code: CodeCache) -> None:
        self.territory = territory
        self.code = code
        self.modules = Modules(territory)
        self.channel: Channel | None = None
        self.is_armed = False
        self.hot: frozenset[str] | None = None
        self.pid = 0
        self.binding = Binding(self)
        self.handover = Handover(self)
        self.kept = Kept(self)
        self.collector = Collector()
        self.reads = Reads()
        self.tracer: Tracer | None = None
        self._reported: set[str] = set()
        self._written: set[str] = set()
        self._is_importing = False
        self._is_wanted = False
        self._may_go = False
        self._original_get_code = SourceFileLoader.get_code
        self._original_exec_module = SourceFileLoader.exec_module

    # -- what the program touches

    def get_code(self, loader: SourceFileLoader, fullname: str) -> CodeType | None:
        """Stand in for `SourceFileLoader.get_code` for files of the project."""
        path = loader.get_filename(fullname)
        if self.channel is None or not self.territory.owns_module(path):
            return self._original_get_code(loader, fullname)
        return self.compile(path, fullname)

    def exec_module(self, loader: SourceFileLoader, module: ModuleType) -> None:
        """Stand in for `SourceFileLoader.exec_module`: a hot module in two parts."""
        path = loader.get_filename(module.__name__)
        if self.hot is None or not self.is_armed or path not in self.hot:
            self._original_exec_module(loader, module)
            return
        head = _split(path)
        if head is None:
            self._original_exec_module(loader, module)
            return
        exec(head.code, module.__dict__)  # noqa: S102 - that is what importing is
        self.touch(path, head)
        source = read(path)
        # A save in the meantime may have changed the part that has run: then the
        # report differs from the file, and the watcher's word has it loaded anew.
        is_same = source.startswith(head.source)
        used = digest(source if is_same else head.source)
        self.report_file(path, used, module.__name__)
        exec(parts.compile_rest(source, path, head), module.__dict__)  # noqa: S102

    def compile(self, path: str, name: str | None = None) -> CodeType:
        """Return the code of a file of the project, and report that it is used.

        Args:
            path: The file.
            name: The module's name.
        """
        if self.hot is None or path in self.hot:
            self.touch(path)
        kept = self.code.find(path)
        if kept is None:
            identity = identify(path)  # before: a save after it is another file
            source = read(path)
            self.report_file(path, digest(source), name)
            kept = self.code.compile(path, source, identity)
        self.report_file(path, kept.digest, name)
        return kept.code

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """See what the program opens and does; `sys.addaudithook`'s callback."""
        if event == "open":
            if self.channel is not None and isinstance(args[0], str | bytes):
                self._see_open(os.fsdecode(args[0]), args[2])
            return
        if self.is_armed and event in _EFFECTS:
            self.touch(event)
        if self.channel is None:
            self.reads.see(event, args)
        elif event in WRITES:
            self._see_write(event, args)

    def _see_open(self, path: str, flags: int) -> None:
        if path.endswith((".py", ".pyc")):
            return
        path = os.path.abspath(path)
        is_written = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) != 0
        if is_written and self.is_armed:
            self.touch(path)
        if self.territory.owns_data(path):
            if self.hot is None:
                self.touch(path)
            self.report_file(path, "written" if is_written else None)

    def _see_write(self, event: str, args: tuple[Any, ...]) -> None:
        """Know what the program itself changes: that is no news to it."""
        paths = find_written(event, args)
        if paths and self.is_armed:
            self.touch(event)
        for path in paths:
            # Of the many files that come and go, those that it has read matter; a
            # database is written later, by what nobody sees.
            is_known = path in self._reported or event == "sqlite3.connect"
            if (
                is_known
                and path not in self._written
                and self.territory.owns_data(path)
            ):
                self._written.add(path)
                self.report_file(path, "written")

    def report_file(
        self, path: str, content: str | None, module: str | None = None
    ) -> None:
        """Tell the supervisor once that the program uses a file.

        Args:
            path: The file.
            content: Digest of what was read; None where the supervisor is to take it,
                if the file is then still the same; "written" of one that is changed.
            module: The module's name.
        """
        if path in self._reported and content != "written":
            return
        self._reported.add(path)
        message = {"event": "file", "path": path, "digest": content}
        identity = identify(path) if content is None else None
        self.send({**message, "identity": identity, "module": module})

    def find_line(self) -> Channel | None:
        """Return the line, unless the program has closed it unawares.

        What makes a daemon closes all descriptors; the number may be another's now.
        """
        if self.channel is not None and not self.channel.is_intact:
            self.channel.abandon()
            self.channel = None
        return self.channel

    def send(self, message: Message, fds: tuple[int, ...] = ()) -> None:
        """Tell the supervisor something; a supervisor that is gone harms nothing."""
        line = self.find_line()
        if line is None:
            return
        try:
            line.send(message, fds)
        except OSError:
            self.channel = None

    def ask(self, message: Message) -> tuple[Message, list[int]] | None:
        """Ask the supervisor something; return its answer, None where it is gone.

        The answer has a line of its own: who else reads the other one by now, a
        server's event loop maybe, would take it away.
        """
        # With gevent's, other greenlets would go on meanwhile, and wait for the lock.
        ours, theirs = _make_pair()
        with ours:
            with theirs:
                self.send(message, (theirs.fileno(),))
            return Channel(ours).receive()

    def branch(self) -> None:
        """Have a line of one's own, as a fork of the program: a server's worker.

        Two processes on one line would cut each other's messages in pieces.
        """
        self.kept.begin_anew()
        if self.tracer is not None:
            self.tracer.begin_anew()
        former = self.find_line()
        if former is None or self.pid == os.getpid():
            return
        self.handover.connections = None  # they are those of who was forked
        # Another one's: a thread that is not here may have been sending.
        line, self.channel = type(former)(former.sock), None
        waits = bool(self.binding.held)
        message = {"event": "branch", "pid": os.getpid(), "waits": waits}
        try:
            ours, theirs = _make_pair()
        except OSError:
            return
        with theirs:
            try:
                line.send(message, (theirs.fileno(),))
            except OSError:
                ours.close()
                return
        self.channel = type(line)(ours)
        if waits:
            self._hear_whether_to_hold(self.channel)

    def _hear_whether_to_hold(self, line: Channel) -> None:
        """Wait for what the generation was told, before a connection is accepted here.

        A word that was said while this process was being made has not reached it:
        Python drops the signals that a fork finds pending.
        """
        received = line.receive()
        if received is not None:
            self.handover.begin(is_holding=received[0]["is_holding"])

    # -- waiting before the project

    def touch(self, what: str, head: parts.Head | None = None) -> None:
        """Wait for the word to go on, where the program still waits.

        Args:
            what: Before which file or effect.
            head: The part of that file which has run.
        """
        if not self.is_armed or os.getpid() != self.pid:
            return
        self.is_armed = False
        length = len(head.source) if head else 0
        content = digest(head.source) if head else None
        self.send({"event": "parked", "at": what, "head": [length, content]})
        self._await_go()
        self.forget_folders()

    def trace(self, anchor: Message | None) -> None:
        """Have an editor's debugger, from here on, where there is to be one.

        Args:
            anchor: What the editor is attached to, or may be later.
        """
        tracer = self.tracer
        if anchor is not None and tracer is not None and not tracer.is_connected:
            tracer.connect(anchor)

    def _await_go(self) -> None:
        """Wait until told to go; import the project meanwhile where told to."""
        while self.channel is not None and not self._may_go:
            received = self.channel.receive()
            if received is None:
                os._exit(0)
            message, _fds = received
            if message["op"] == "go":
                self.trace(message.get("anchor"))
                self._may_go = True
            elif message["op"] == "take":
                pages.take(message["like"], self.channel.fileno())
            elif message["op"] == "import":
                self._is_wanted = message["hot"] is None
                self.trace(message.get("anchor"))
                if self._is_importing:
                    return  # goes on where it waits, in the middle of its imports
                self._import_ahead(message)

    def _import_ahead(self, message: Message) -> None:
        """Import the project's modules while the predecessor still works.

        Where there are hot files, only as far as the first of them.
        """
        self.forget_folders()
        if message["hot"] is not None:
            self.is_armed, self.hot = True, frozenset(message["hot"])
        self._is_importing = True
        try:
            for name in message["modules"]:
                import_if_there(name)
            if message["main"] and self._is_wanted:
                self.compile(message["main"])
                parts.run_first_imports(read(message["main"]), message["main"])
        except BaseException as error:  # noqa: BLE001 - whatever a module raises
            self._give_up(error)
        self.is_armed = self._is_importing = False
        if self._is_wanted:
            self.send({"event": "imported"})
        else:
            self.send({"event": "parked", "at": "", "head": [0, None]})

    def _give_up(self, error: BaseException) -> NoReturn:
        self.is_armed = False
        error.__traceback__ = traces.skip_own(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        sys.stderr.flush()
        os._exit(1)

    def forget_folders(self) -> None:
        """Drop listings of folders that are older than the word to go."""
        for path, finder in list(sys.path_importer_cache.items()):
            is_own = self.territory.owns_module(path + "/x.py")
            if is_own and isinstance(finder, FileFinder):
                finder.invalidate_caches()

    # -- readiness

    def become_ready(self, by: str) -> None:
        """Say that the program serves."""
        self.send({"event": "ready", "by": by, "pid": os.getpid()})

    def report_modules(self) -> None:
        """Name the modules that a next zygote should have, and the project's own."""
        self.collector.let_go()  # it has started, as far as anybody can tell
        foreign, own = self.modules.find()
        self.send({"event": "modules", "foreign": foreign, "own": own})


def _make_pair() -> tuple[socket.socket, socket.socket]:
    """Return two ends of a line, of Python's own class."""
    ours, theirs = _socket.socketpair()
    return Socket(fileno=ours.detach()), Socket(fileno=theirs.detach())


def _split(path: str) -> parts.Head | None:
    try:
        return parts.split(read(path), path)
    except (OSError, SyntaxError, ValueError):
        return None  # whoever goes on meets it again
