"""One debug session: the order of its requests, and what it tells."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Collection, Mapping

    from sceneshift.ide.dap.connection import Connection
    from sceneshift.ide.dap.framing import Message

_MOST_OUTPUT = 1 << 16  # characters; the last ones tell why it ended

# What VS Code says of itself, as far as it matters to adapters.
_ABILITIES = {
    "clientID": "sceneshift",
    "adapterID": "debugpy",
    "pathFormat": "path",
    "linesStartAt1": True,
    "columnsStartAt1": True,
    "supportsRunInTerminalRequest": True,
    "supportsStartDebuggingRequest": True,
}


class Stage(Enum):
    """How far a session is."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"


class Stop(Struct, frozen=True, kw_only=True):
    """A thread that stands still.

    Attributes:
        session: Where.
        thread: Its number.
        reason: The adapter's word: `breakpoint`, `function breakpoint`, `exception`...
    """

    session: Session
    thread: int
    reason: str


class Wanted:
    """Where programs are to stop; sessions that begin later are told, too.

    Attributes:
        lines: Lines by absolute path of a file.
        functions: Names of functions.
    """

    def __init__(self) -> None:
        self.lines: dict[str, tuple[int, ...]] = {}
        self.functions: tuple[str, ...] = ()


class Session:
    """A session with an adapter; it does nothing but answer to messages.

    Args:
        connection: The line to the adapter.
        configuration: What is launched or attached to, as an editor passes it.
        wanted: Where it is to stop.
        on_reverse: Does what the adapter asks of its client; returns the answer's body,
            or None where it cannot be done.

    Attributes:
        name: The configuration's.
        stage: How far it is.
        failure: Why it could not start; None where it could.
        pid: The process; None as long as nothing is known of it.
        terminal: What the adapter had run in a terminal, where it had.
        exit_code: Of its program, where the adapter has told.
        output: The end of what the program and the adapter have printed.
        verified: Whether a breakpoint was accepted, by file and line.
        stops: Threads that stand still, the first one first.
    """

    def __init__(
        self,
        connection: Connection,
        configuration: Mapping[str, Any],
        *,
        wanted: Wanted,
        on_reverse: Callable[[Session, Message], Mapping[str, Any] | None],
    ) -> None:
        self.connection = connection
        self.configuration = dict(configuration)
        self.name = str(configuration.get("name", ""))
        self.stage = Stage.STARTING
        self.failure: str | None = None
        self.pid: int | None = None
        self.terminal: subprocess.Popen[bytes] | None = None
        self.exit_code: int | None = None
        self.output = ""
        self.verified: dict[tuple[str, int], bool] = {}
        self.stops: list[Stop] = []
        self._wanted = wanted
        self._on_reverse = on_reverse
        self._number = 0
        self._answers: dict[int, Callable[[Message], None]] = {}

    def begin(self) -> None:
        """Say who we are, and what is to be debugged."""
        kind = str(self.configuration.get("type", "debugpy"))
        self.send("initialize", {**_ABILITIES, "adapterID": kind}, self._start)

    def _start(self, _answer: Message) -> None:
        # Answered after `configurationDone`, which follows upon `initialized`.
        request = str(self.configuration.get("request", "launch"))
        self.send(request, self.configuration, self._finish_start)

    def _finish_start(self, answer: Message) -> None:
        if answer.get("success"):
            self.stage = Stage.RUNNING
        else:
            self.end(_read_error(answer))

    def send(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        on_answer: Callable[[Message], None] | None = None,
    ) -> None:
        """Send a request; `on_answer` is called with the response."""
        self._number += 1
        if on_answer is not None:
            self._answers[self._number] = on_answer
        request = {"seq": self._number, "type": "request", "command": command}
        if not self.connection.send({**request, "arguments": dict(arguments or {})}):
            self.end(None)

    def take(self, message: Message) -> None:
        """Take a message of the adapter."""
        kind = message.get("type")
        if kind == "response":
            answer = self._answers.pop(message.get("request_seq", 0), None)
            if answer is not None:
                answer(message)
        elif kind == "request":
            self._answer(message)
        else:
            handle = _EVENTS.get(str(message.get("event")))
            if handle is not None:
                handle(self, message.get("body") or {})

    def end(self, failure: str | None) -> None:
        """Note that it is over, and why where it could not start."""
        if self.stage is Stage.STARTING:
            self.failure = failure or self.failure or "the adapter ended"
        self.stage = Stage.ENDED
        self.stops.clear()
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            answer({"success": False, "message": "the adapter ended"})

    # -- where it stops

    def place_breakpoints(self, files: Collection[str] | None = None) -> None:
        """Tell where to stop, in some files or in all."""
        for file in self._wanted.lines if files is None else files:
            lines = self._wanted.lines.get(file, ())
            arguments = {
                "source": {"path": file},
                "breakpoints": [{"line": line} for line in lines],
            }
            self.send("setBreakpoints", arguments, self._note_verified(file, lines))

    def place_functions(self) -> None:
        """Tell at which functions to stop."""
        names = [{"name": name} for name in self._wanted.functions]
        self.send("setFunctionBreakpoints", {"breakpoints": names})

    def _note_verified(
        self, file: str, lines: tuple[int, ...]
    ) -> Callable[[Message], None]:
        def note(answer: Message) -> None:
            found = (answer.get("body") or {}).get("breakpoints") or []
            for line, each in zip(lines, found, strict=False):
                self.verified[file, line] = bool(each.get("verified"))

        return note

    # -- what it tells of itself

    def _handle_initialized(self, _body: Message) -> None:
        self.place_breakpoints()
        if self._wanted.functions:
            self.place_functions()
        self.send("setExceptionBreakpoints", {"filters": []})
        self.send("configurationDone")

    def _handle_process(self, body: Message) -> None:
        pid = body.get("systemProcessId")
        self.pid = pid if isinstance(pid, int) else self.pid

    def _handle_stopped(self, body: Message) -> None:
        thread = body.get("threadId")
        reason = str(body.get("reason", ""))
        if isinstance(thread, int):
            self.stops.append(Stop(session=self, thread=thread, reason=reason))

    def _handle_output(self, body: Message) -> None:
        if body.get("category") != "telemetry":
            self.add_output(str(body.get("output", "")))

    def add_output(self, text: str) -> None:
        """Keep what was printed."""
        self.output = (self.output + text)[-_MOST_OUTPUT:]

    def _handle_exited(self, body: Message) -> None:
        code = body.get("exitCode")
        self.exit_code = code if isinstance(code, int) else self.exit_code

    def _handle_terminated(self, _body: Message) -> None:
        self.end(None)

    def _answer(self, request: Message) -> None:
        body = self._on_reverse(self, request)
        self._number += 1
        self.connection.send(
            {
                "seq": self._number,
                "type": "response",
                "request_seq": request.get("seq", 0),
                "command": request.get("command", ""),
                "success": body is not None,
                "body": dict(body or {}),
            }
        )


_EVENTS: Mapping[str, Callable[[Session, Message], None]] = {
    "exited": Session._handle_exited,  # noqa: SLF001 - its own table
    "initialized": Session._handle_initialized,  # noqa: SLF001
    "output": Session._handle_output,  # noqa: SLF001
    "process": Session._handle_process,  # noqa: SLF001
    "stopped": Session._handle_stopped,  # noqa: SLF001
    "terminated": Session._handle_terminated,  # noqa: SLF001
}


def _read_error(answer: Message) -> str:
    """Return the adapter's words, its variables filled in."""
    error = (answer.get("body") or {}).get("error") or {}
    text = str(error.get("format") or answer.get("message") or "no reason was given")
    variables = error.get("variables") or {}
    for name, value in variables.items():
        text = text.replace("{" + name + "}", str(value))
    return " ".join(text.split())
