"""A debugger as an editor is one: sessions, their children, and one loop for all."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct

from sceneshift.ide.dap.connection import find_address, open_pipes, open_tcp
from sceneshift.ide.dap.framing import DebugError
from sceneshift.ide.dap.programs import Programs
from sceneshift.ide.dap.session import Session, Stage, Stop, Wanted

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sceneshift.ide.dap.framing import Message

ADAPTER = ("-Xfrozen_modules=off", "-m", "debugpy.adapter")

_REQUEST_S = 10.0
_CONNECT_S = 5.0
_END_S = 3.0


class Frame(Struct, frozen=True, kw_only=True):
    """Where a thread stands.

    Attributes:
        file: As the adapter names it, its mapping of paths applied.
        line: Counted from 1.
        function: Its name.
    """

    file: str
    line: int
    function: str


class Client:
    """A debugger; it works while it is waited upon, without threads.

    Each session of a child process is begun by itself, as an editor does it: debugpy
    holds a child back until somebody has.

    Args:
        environ: What programs have besides their own variables.
        adapter: What starts an adapter that speaks through pipes.

    Attributes:
        sessions: All that were begun, the first one first.
        programs: What was started for them.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        adapter: Sequence[str] = (sys.executable, *ADAPTER),
    ) -> None:
        self.sessions: list[Session] = []
        self.programs = Programs(environ)
        self._adapter = adapter
        self._wanted = Wanted()
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.disconnect()
        finally:
            self.programs.end()
            for session in self.sessions:
                session.connection.close()
            for key in self._selector.get_map().values():
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.close()
            self._selector.close()

    # -- sessions

    def start(self, configuration: Mapping[str, Any]) -> Session:
        """Begin a session, and do not wait for it.

        Where the configuration attaches to an address, it is connected to, else an
        adapter is started.

        Raises:
            DebugError: Nobody listens there, or the adapter cannot be started.
        """
        address = find_address(configuration)
        if address is not None:
            connection = open_tcp(*address, limit_s=_CONNECT_S)
        else:
            process = self.programs.spawn(self._adapter, is_adapter=True)
            connection = open_pipes(process)
        session = Session(
            connection, configuration, wanted=self._wanted, on_reverse=self._serve
        )
        self.sessions.append(session)
        self._selector.register(
            connection, selectors.EVENT_READ, lambda: self._read(session)
        )
        session.begin()
        return session

    def _read(self, session: Session) -> None:
        try:
            messages = session.connection.receive()
        except DebugError as error:
            session.end(error.message)
            messages = None
        for message in messages or ():
            session.take(message)
        if messages is None:
            self._selector.unregister(session.connection)
            session.connection.close()
            session.end(None)

    def _serve(self, session: Session, request: Message) -> Mapping[str, Any] | None:
        """Do what an adapter asks of its client."""
        arguments = request.get("arguments") or {}
        try:
            if request.get("command") == "runInTerminal":
                process = self.programs.spawn(
                    arguments["args"],
                    cwd=arguments.get("cwd") or None,
                    env=arguments.get("env"),
                )
                session.terminal = process
                self.watch_output(process, session.add_output)
                return {"processId": process.pid}
            if request.get("command") == "startDebugging":
                self._start_child(arguments)
                return {}
        except DebugError as error:
            session.add_output(error.message)
        return None

    def _start_child(self, arguments: Mapping[str, Any]) -> None:
        with contextlib.suppress(DebugError):  # it has ended meanwhile
            self.start({**arguments["configuration"], "request": arguments["request"]})

    # -- the loop

    def watch(self, source: int | socket.socket, on_ready: Callable[[], bool]) -> None:
        """Have a descriptor looked at while we wait, until it is said to be over.

        Args:
            source: The descriptor, or the socket, which is closed with the client.
            on_ready: Is called where it can be read; returns whether it goes on.
        """

        def call() -> None:
            if not on_ready():
                self._selector.unregister(source)

        self._selector.register(source, selectors.EVENT_READ, call)

    def unwatch(self, source: int) -> None:
        """Look at a descriptor no more; one that is not looked at is no news."""
        with contextlib.suppress(KeyError):
            self._selector.unregister(source)

    def watch_output(
        self, process: subprocess.Popen[bytes], add: Callable[[str], None]
    ) -> None:
        """Take what a program prints while we wait."""
        assert process.stdout is not None
        source = process.stdout.fileno()

        def read() -> bool:
            data = os.read(source, 1 << 16)
            add(data.decode(errors="replace"))
            return bool(data)

        self.watch(source, read)

    def wait(self, is_done: Callable[[], bool], *, limit_s: float) -> bool:
        """Serve all sessions until something is so; return whether it is."""
        deadline = time.monotonic() + limit_s
        while not is_done():
            rest_s = deadline - time.monotonic()
            if rest_s <= 0:
                return False
            # What is waited for may have nothing to do with messages.
            for key, _ in self._selector.select(min(rest_s, 0.05)):
                key.data()
        return True

    def request(
        self,
        session: Session,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        limit_s: float = _REQUEST_S,
    ) -> dict[str, Any]:
        """Send a request, and return the body of the answer.

        Raises:
            DebugError: It was refused, or there was no answer in time.
        """
        answers: list[Message] = []
        session.send(command, arguments, answers.append)
        if not self.wait(lambda: bool(answers), limit_s=limit_s):
            raise DebugError(f"no answer to `{command}` within {limit_s:g} s")
        if not answers[0].get("success"):
            reason = answers[0].get("message") or "no reason was given"
            raise DebugError(f"`{command}` was refused: {reason}")
        return dict(answers[0].get("body") or {})

    # -- where it stops

    def break_at(self, lines: Mapping[str, Iterable[int]]) -> None:
        """Replace the breakpoints of some files, each an absolute path."""
        given = {file: tuple(sorted(set(found))) for file, found in lines.items()}
        self._wanted.lines.update(given)
        for session in self.running():
            session.place_breakpoints(given)

    def break_in(self, functions: Iterable[str]) -> None:
        """Replace the functions at whose beginning it stops, in all sessions."""
        self._wanted.functions = tuple(functions)
        for session in self.running():
            session.place_functions()

    def break_nowhere(self) -> None:
        """Take all breakpoints away."""
        self.break_at(dict.fromkeys(self._wanted.lines, ()))
        if self._wanted.functions:
            self.break_in(())

    def running(self) -> list[Session]:
        """Return the sessions whose program runs."""
        return [one for one in self.sessions if one.stage is Stage.RUNNING]

    def find_stop(self) -> Stop | None:
        """Return what stands still, the first one; None where nothing does."""
        return next((stop for one in self.sessions for stop in one.stops), None)

    def wait_for_stop(self, *, limit_s: float) -> Stop | None:
        """Return the first thread that stands still; None where none does in time."""
        self.wait(lambda: self.find_stop() is not None, limit_s=limit_s)
        return self.find_stop()

    def find_frame(self, stop: Stop) -> Frame:
        """Return where a thread stands.

        Raises:
            DebugError: The adapter does not tell.
        """
        arguments = {"threadId": stop.thread, "startFrame": 0, "levels": 1}
        body = self.request(stop.session, "stackTrace", arguments)
        frames = body.get("stackFrames") or [{}]
        source = frames[0].get("source") or {}
        return Frame(
            file=str(source.get("path", "")),
            line=int(frames[0].get("line", 0)),
            function=str(frames[0].get("name", "")),
        )

    def resume(self, stop: Stop) -> None:
        """Have a thread go on.

        Raises:
            DebugError: The adapter does not let it.
        """
        session = stop.session
        session.stops = [each for each in session.stops if each.thread != stop.thread]
        self.request(session, "continue", {"threadId": stop.thread})

    # -- the end

    def stop(self, process: subprocess.Popen[bytes], *, grace_s: float) -> None:
        """Ask a program to end as Ctrl+C does, and wait for that a while.

        A terminal sends the signal to all of the group, which is the program's own.
        """
        if process.poll() is not None:
            return
        os.killpg(process.pid, signal.SIGINT)
        self.wait(lambda: process.poll() is not None, limit_s=grace_s)

    def disconnect(self, *, limit_s: float = _END_S) -> None:
        """End all sessions: what was launched ends, what was attached to goes on.

        Children come first: a breakpoint in one that nobody listens to would hold its
        process for ever. What does not run as yet may never answer.
        """
        if any(not _is_launched(session) for session in self.sessions):
            self.break_nowhere()
        for session in reversed(self.sessions):
            if session.stage is Stage.ENDED:
                continue
            is_ours = _is_launched(session)
            arguments = {"restart": False, "terminateDebuggee": is_ours}
            wait_s = limit_s if session.stage is Stage.RUNNING else 0.0
            with contextlib.suppress(DebugError):
                self.request(session, "disconnect", arguments, limit_s=wait_s)
            session.end(None)


def _is_launched(session: Session) -> bool:
    return session.configuration.get("request") == "launch"
