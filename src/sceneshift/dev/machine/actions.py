"""What the supervisor is to do."""

from __future__ import annotations

from msgspec import Struct


class Begin(Struct, frozen=True, kw_only=True):
    """Look whether the process needs its run-once step, or may start: `SetupEnded`."""

    name: str


class Launch(Struct, frozen=True, kw_only=True):
    """Start a generation; it reports `Ready` or `Exited`."""

    name: str
    token: int


class Check(Struct, frozen=True, kw_only=True):
    """Start a generation as far as importing the project; `Checked` or `Exited`."""

    name: str
    token: int


class Proceed(Struct, frozen=True, kw_only=True):
    """Let a checked generation run."""

    name: str
    token: int


class Hold(Struct, frozen=True, kw_only=True):
    """Have a generation stop accepting and finish what it has."""

    name: str
    token: int


class Resume(Struct, frozen=True, kw_only=True):
    """Have a generation accept again."""

    name: str
    token: int


class Promote(Struct, frozen=True, kw_only=True):
    """A new generation has taken over from an old one, which `Stop` retires."""

    name: str
    token: int
    old: int


class Stop(Struct, frozen=True, kw_only=True):
    """Stop a generation's whole session; `Exited` when nothing of it is left.

    Attributes:
        is_reload: Whether the short time limit of a reload applies.
        is_forced: SIGKILL at once.
    """

    name: str
    token: int
    is_reload: bool = False
    is_forced: bool = False


class Discard(Struct, frozen=True, kw_only=True):
    """Kill a generation that nobody uses yet; `Exited` of it is not waited for."""

    name: str
    token: int


class Wait(Struct, frozen=True, kw_only=True):
    """Report `Waited` after a time.

    Attributes:
        name: The process.
        token: The generation that died.
        delay_s: Seconds.
    """

    name: str
    token: int
    delay_s: float


class Forget(Struct, frozen=True, kw_only=True):
    """A process that is not to be there any more has ended: nothing more is told."""

    name: str


class End(Struct, frozen=True, kw_only=True):
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
    | Forget
    | End
)
