"""What the supervisor is to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Look whether the process needs its run-once step, or may start: `SetupEnded`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Start a generation; it reports `Ready` or `Exited`."""

    name: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Start a generation as far as importing the project; `Checked` or `Exited`."""

    name: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proceed:
    """Let a checked generation run."""

    name: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Have a generation stop accepting and finish what it has."""

    name: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Have a generation accept again."""

    name: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Promote:
    """A new generation has taken over from an old one, which `Stop` retires."""

    name: str
    token: int
    old: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Stop a generation's whole session; `Exited` when nothing of it is left.

    Attributes:
        is_reload: Whether the short time limit of a reload applies.
        is_forced: SIGKILL at once.
    """

    name: str
    token: int
    is_reload: bool = False
    is_forced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """Kill a generation that nobody uses yet; `Exited` of it is not waited for."""

    name: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Report `Waited` after a time.

    Attributes:
        name: The process.
        token: The generation that died.
        delay_s: Seconds.
    """

    name: str
    token: int
    delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Nothing is left to run: leave with this code."""

    code: int


Action = (
    Begin
    | Launch
    | Check
    | Proceed
    | Hold
    | Resume
    | Promote
    | Stop
    | Discard
    | Wait
    | End
)
