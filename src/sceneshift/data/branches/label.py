"""Of which branch of git a database is, and what is kept of it for other branches.

A change that follows git says from which branch it has led to which, and any other
stays on the one that it was made on. So the state that a database bears says of which
branch it is, whatever was killed. What was left is the state before such a change: it
is kept for its branch, longer than others, and is put in place when that comes back.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from sceneshift.core.paths import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sceneshift.data.entry import Entry
    from sceneshift.data.system import System

FOLLOW = "follow"
MOST = 10  # branches
_FILE = "branch.json"


class Label(Struct, frozen=True, kw_only=True):
    """The branch that a state was taken for, though no change has led there.

    Attributes:
        state: The state, as the database bears it; empty where it bears none.
        branch: The branch.
        at: When, as ids of changes begin.
    """

    state: str
    branch: str
    at: str = ""


class Left(Struct, frozen=True, kw_only=True):
    """A state that was left on a branch.

    Attributes:
        branch: The branch.
        name: What the state is kept under.
        entry: The change that has kept it.
        snapshot: The snapshot that it has come from; None where it was none.
        revisions: Those that it is at; None where nobody knows.
    """

    branch: str
    name: str
    entry: Entry
    snapshot: str | None
    revisions: tuple[str, ...] | None


def find_branch_of(
    folder: Path, entries: Sequence[Entry], state: str | None, system: System
) -> str | None:
    """Return the branch that a state is of; None where nobody knows.

    Each change that follows has the database bear a state. So one that bears none after
    such a change is another one, made anew.

    Args:
        folder: That of what is kept of the database.
        entries: Its changes, the oldest first.
        state: The state, as the database bears it; None where it bears none.
        system: Where its states are.
    """
    label = _read_label(folder)
    if state is None:
        followed = [one.id for one in entries if _has_followed(one, system)]
        if followed and (label is None or label.at < followed[-1]):
            return None
        state = ""
    if label is not None and label.state == state:
        return label.branch
    after = [one.branch for one in entries if one.id == state]
    before = [one.left for one in reversed(entries) if one.before == state]
    return next(filter(None, (*after, *before)), None)


def _read_label(folder: Path) -> Label | None:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=Label)
    return None


def _has_followed(entry: Entry, system: System) -> bool:
    return entry.act == FOLLOW and _find_left(entry, system) is not None


def write_label(folder: Path, state: str, branch: str) -> None:
    """Take a state for one of a branch.

    Raises:
        OSError: It cannot be written.
    """
    label = Label(state=state, branch=branch, at=make_stamp(datetime.now(UTC)))
    text = msgspec.json.encode(label).decode()
    write_whole(folder / _FILE, text)


def make_stamp(time: datetime) -> str:
    """Return a time as ids of changes begin."""
    return f"{time:%Y%m%dT%H%M%S%f}"


def list_left(entries: Iterable[Entry], system: System) -> list[Left]:
    """Return what was left on branches, one state for each: the newest first.

    Args:
        entries: The changes of a database, the oldest first.
        system: Where its states are.
    """
    found: dict[str, Left] = {}
    for entry in reversed([one for one in entries if one.act == FOLLOW]):
        one = _find_left(entry, system)
        if one is not None:
            found.setdefault(one.branch, one)
    return list(found.values())[:MOST]


def _find_left(entry: Entry, system: System) -> Left | None:
    """Return what a change that follows has kept for a branch.

    Where it was taken back, that is the state after it: the other one is in place.
    """
    if system.has_former(entry.later):
        branch, name, snapshot = entry.branch, entry.later, entry.snapshot
        revisions = None
    else:
        branch, name, snapshot = entry.left, entry.former, entry.origin
        revisions = entry.revisions
    if branch is None or not system.has_former(name):
        return None
    return Left(
        branch=branch,
        name=name,
        entry=entry,
        snapshot=snapshot,
        revisions=revisions,
    )
