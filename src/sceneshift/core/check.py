"""A check and what it found, as values: every room may have some.

`inv env.validate` and `inv env.doctor` run them, side by side, each with its limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sceneshift.core.project import Project


class CheckState(Enum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check found.

    Attributes:
        state: How it ended.
        detail: What was seen, or why it was skipped, in one sentence.
        remedy: The command that mends it; None where nothing is to be mended.
    """

    state: CheckState
    detail: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something to look at.

    Attributes:
        name: What it is about, in one or a few words.
        look: Looks, in a thread of its own; may raise a SceneshiftError, which is a
            failure with its hint as the remedy.
        limit_s: Seconds that it has.
        if_late: What it counts as where it takes longer: a machine that is merely
            busy is no failure, a server that does not answer is.
        slow_remedy: The command to type then.
    """

    name: str
    look: Callable[[], Verdict]
    limit_s: float = 1.0
    if_late: CheckState = CheckState.WARNING
    slow_remedy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is looked at: a project in one environment.

    Attributes:
        project: What its files say.
        environ: The process environment.
        is_next: Whether it is about to take the place of what runs here, which will
            give up what it holds.
    """

    project: Project
    environ: Mapping[str, str]
    is_next: bool = False


def ok(detail: str) -> Verdict:
    """Return the verdict that nothing is to be done."""
    return Verdict(state=CheckState.OK, detail=detail)


def warn(detail: str, remedy: str) -> Verdict:
    """Return the verdict that something is to be looked at."""
    return Verdict(state=CheckState.WARNING, detail=detail, remedy=remedy)


def fail(detail: str, remedy: str) -> Verdict:
    """Return the verdict that something does not work so."""
    return Verdict(state=CheckState.FAILED, detail=detail, remedy=remedy)


def skip(reason: str) -> Verdict:
    """Return the verdict that there is nothing to look at."""
    return Verdict(state=CheckState.SKIPPED, detail=reason)
