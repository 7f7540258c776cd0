"""What a switch brings up: all of it, or nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.secrets import mask_values
from sceneshift.dev.machine import Phase
from sceneshift.dev.notes import describe_end
from sceneshift.dev.run.generation import Tail
from sceneshift.dev.supervisor import Supervisor

if TYPE_CHECKING:
    from sceneshift.dev.output import ProcessStream

_LINES = 20


class Failure(Struct, frozen=True, kw_only=True):
    """Why a switch came to nothing.

    Attributes:
        process: Which process failed; None where it was none.
        reason: What it did, or did not do.
        output: The last lines that it wrote.
        hint: What to do, where the old environment does not go on.
    """

    process: str | None
    reason: str
    output: tuple[str, ...] = ()
    hint: str | None = None

    @property
    def sentence(self) -> str:
        """All of it in one line, but the output."""
        who = "" if self.process is None else f"`{self.process}`: "
        return f"{who}{self.reason}"


class Newcomers(Supervisor):
    """Runs the new processes until they are taken over.

    Attributes:
        failure: The first one.
    """

    failure: Failure | None = None

    def fail(self, process: str, reason: str, output: str) -> None:
        """Remember why the first of them failed, its secrets masked."""
        if self.failure is None:
            env = self.stack.get(process).env
            lines = mask_values(output, env).splitlines()[-_LINES:]
            self.failure = Failure(
                process=process, reason=mask_values(reason, env), output=tuple(lines)
            )

    def handle_exited(self, process: str, token: int, code: int, output: str) -> None:
        """A generation is gone with all that belonged to it."""
        was_over = self.machine.is_quitting
        super().handle_exited(process, token, code, output)
        is_done = self.machine.states[process].phase is Phase.COMPLETED
        if self.machine.is_quitting and not (was_over or is_done):
            self.fail(process, self._find_reason(process, code, output), output)

    def _find_reason(self, process: str, code: int, output: str) -> str:
        from sceneshift.dev.failure import one_line, parse_failure  # noqa: PLC0415

        report = parse_failure(
            output, self.stack.root, process=process, since=time.time()
        )
        return one_line(report) if code and report.file else describe_end(code)

    @property
    def is_up(self) -> bool:
        """Whether all of them do what they are for."""
        return all(map(self.is_ready, self.machine.states))

    def is_ready(self, name: str) -> bool:
        """Whether one of them does what it is for, or has done it."""
        return self.machine.states[name].phase in (Phase.READY, Phase.COMPLETED)

    @property
    def is_standing(self) -> bool:
        """Whether one of them stands at a breakpoint."""
        return bool(self.crew.list_standing())

    def find_late(self, limit_s: float) -> Failure:
        """Say which one is not ready in time."""
        late = [name for name in self.machine.states if not self.is_ready(name)]
        name = min(late, key=self._is_not_begun)
        generation = self.generation_of(name, self.machine.states[name].current)
        self.fail(
            name,
            f"not ready within {limit_s:g} s",
            "" if generation is None else generation.tail.text,
        )
        assert self.failure is not None
        return self.failure

    def _is_not_begun(self, name: str) -> bool:
        return self.machine.states[name].phase is not Phase.STARTING


class Recorder:
    """The stream of a process while it is prepared, and the end of what it says."""

    def __init__(self, stream: ProcessStream) -> None:
        self.name = stream.name
        self._stream = stream
        self._tails: list[Tail] = []

    def note(self, text: str, at: float) -> None:
        """Say something about the process."""
        self._stream.note(text, at)

    def source(self) -> Tail:
        """Return the entrance for a step's output."""
        self._tails.append(Tail(self._stream.source()))
        return self._tails[-1]

    @property
    def text(self) -> str:
        """What was written last."""
        return "".join(tail.text for tail in self._tails)
