"""A check and what it found, as values: every room may have some.

`inv env.validate` and `inv env.doctor` run them, side by side, each with its limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

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


class Need(NamedTuple):
    """Something that may be missing as yet.

    Attributes:
        kind: A database itself, the server of one, or the packages of a lock file.
        name: The database's name, or the lock's absolute path.
    """

    kind: Literal["database", "server", "packages"]
    name: str

    @classmethod
    def of_lock(cls, lock: Path) -> Need:
        """Return the need of the packages that a lock file says."""
        return cls("packages", str(lock.resolve()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """What makes something that is missing.

    Attributes:
        name: What people know it by: "the set-up of `web`, `npm ci`".
        command: What has it done.
        needs: What it makes, or may make.
        is_coming: Whether a switch to the environment has it done by itself, before
            anything needs it.
    """

    name: str
    command: str
    needs: Collection[Need]
    is_coming: bool = True


def find_none() -> tuple[Maker, ...]:
    """Know of nothing that makes anything."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is looked at: a project in one environment.

    Attributes:
        project: What its files say.
        environ: The process environment.
        is_next: Whether it is about to take the place of what runs here, which will
            give up what it holds.
        is_migrated: Whether its migrations are applied before that.
        find_makers: Finds what makes what is missing; only asked where something is.
    """

    project: Project
    environ: Mapping[str, str]
    is_next: bool = False
    is_migrated: bool = False
    find_makers: Callable[[], Iterable[Maker]] = find_none

    def judge_missing(self, need: Need, missing: Verdict) -> Verdict:
        """Judge anew what is missing: it hinders no switch that makes it first.

        Args:
            need: What that is.
            missing: The failure, with what mends it where nothing of the project does.
        """
        makers = [maker for maker in self.find_makers() if need in maker.needs]
        coming = [maker for maker in makers if maker.is_coming]
        if self.is_next and coming:
            return warn(missing.detail, f"left to {coming[0].name}")
        if makers:
            remedy = f"have it made by {makers[0].name}: {makers[0].command}"
            return fail(missing.detail, remedy)
        return missing


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
