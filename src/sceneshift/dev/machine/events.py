"""What can happen to a stack. Times are seconds of one monotonic clock."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.dev.model import Dependency


class Style(Enum):
    """How new code takes over from old.

    OVERLAP: the old one stops accepting, the new one starts, the old one is retired
    when the new one is ready and accepts again when it fails (web servers by fork).
    CHECKED: the new one imports the project while the old one works; only when that
    went well is the old one stopped, and then the new one runs (workers by fork).
    SEQUENCE: the old one is stopped, then the new one starts.
    """

    OVERLAP = "overlap"
    CHECKED = "checked"
    SEQUENCE = "sequence"


class Verb(Enum):
    """What a person may ask for a process."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


class Began(Struct, frozen=True, kw_only=True):
    """The stack is to start."""


class SetupEnded(Struct, frozen=True, kw_only=True):
    """A process's run-once step ended.

    Attributes:
        name: The process.
        is_ok: Whether it may start now.
    """

    name: str
    is_ok: bool


class Ready(Struct, frozen=True, kw_only=True):
    """A generation does what it is for."""

    name: str
    token: int


class Checked(Struct, frozen=True, kw_only=True):
    """A generation has imported the project and waits for the word to run."""

    name: str
    token: int


class Exited(Struct, frozen=True, kw_only=True):
    """A generation is gone, its whole session with it.

    Attributes:
        name: The process.
        token: Which generation.
        code: Exit code; minus the signal's number where one ended it.
        is_broken: Whether its code cannot start: trying again without a change of a
            file would end the same way.
        now: When.
    """

    name: str
    token: int
    code: int
    is_broken: bool = False
    now: float = 0.0


class Changed(Struct, frozen=True, kw_only=True):
    """Files that a process uses have other content.

    Attributes:
        name: The process.
        style: How its new code takes over.
        needs_setup: Whether its run-once step has to run again first.
    """

    name: str
    style: Style
    needs_setup: bool = False


class Waited(Struct, frozen=True, kw_only=True):
    """The time of a `Wait` is over."""

    name: str
    token: int


class Asked(Struct, frozen=True, kw_only=True):
    """A person asks for something.

    Attributes:
        name: The process.
        verb: What for.
        style: How new code would take over now.
    """

    name: str
    verb: Verb
    style: Style = Style.SEQUENCE


class Debugging(Struct, frozen=True, kw_only=True):
    """A generation stops at a breakpoint, or goes on from it."""

    name: str
    token: int
    is_waiting: bool


class Paused(Struct, frozen=True, kw_only=True):
    """Somebody wants a process to leave alone what it uses, for a moment.

    Attributes:
        name: The process.
        style: With OVERLAP it stops accepting, and finishes what it has; otherwise it
            is stopped, and started again afterwards.
    """

    name: str
    style: Style


class Unpaused(Struct, frozen=True, kw_only=True):
    """Nobody wants that any more."""

    name: str


class Configured(Struct, frozen=True, kw_only=True):
    """The stack is to have these processes, and no others.

    Attributes:
        dependencies: What each process waits for, in the order of the Procfile.
        successors: Processes that are to begin when some others, which are not to be
            there any more, have gone: they have their ports.
    """

    dependencies: Mapping[str, tuple[Dependency, ...]]
    successors: Mapping[str, frozenset[str]] = field(default_factory=dict)


class Quit(Struct, frozen=True, kw_only=True):
    """Everything is to end.

    Attributes:
        is_forced: At once.
        code: What the supervisor ends with.
    """

    is_forced: bool = False
    code: int = 0


ProcessEvent = (
    SetupEnded
    | Ready
    | Checked
    | Exited
    | Changed
    | Waited
    | Asked
    | Debugging
    | Paused
    | Unpaused
)
Event = Began | ProcessEvent | Configured | Quit
