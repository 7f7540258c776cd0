"""What becomes of a database when another branch of git is checked out."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.branch import DETACHED, list_branches
from sceneshift.data.branches.label import Left, find_branch_of, list_left
from sceneshift.data.build import Order, make_order
from sceneshift.data.choice import choose
from sceneshift.data.revisionindex import RevisionIndex
from sceneshift.data.revisions import load_history
from sceneshift.data.undo import UndoLog
from sceneshift.data.versions import find_version_table, read_versions

if TYPE_CHECKING:
    from sceneshift.data.entry import Entry
    from sceneshift.data.marker import Marker
    from sceneshift.data.system import System
    from sceneshift.data.target import Target

Revisions = tuple[str, ...]


class Way(StrEnum):
    """What is done.

    Attributes:
        NONE: Nothing: it is of this branch.
        LABEL: It is taken for one of this branch, as it is.
        COPY: So it is, and a copy of it is kept for the branch that was left.
        RETURN: What was left on this branch is put in place.
        RESET: What this branch makes is put in place, as by a reset.
    """

    NONE = "none"
    LABEL = "label"
    COPY = "copy"
    RETURN = "return"
    RESET = "reset"


class Step(Struct, frozen=True, kw_only=True):
    """What is to be done to one database, and why.

    Attributes:
        target: The database.
        system: What can do it.
        branch: The branch that is checked out.
        former: The one that the database is of; None where nobody knows.
        state: What it bears.
        way: What is done.
        keeps: The branch that its state is kept for; None where it is for none, and
            can be taken back like any other.
        revisions: Those that it is at; None where it was never migrated.
        unknown: Those of them that no file has.
        snapshot: The snapshot that it has come from; None where it was none.
        left: What was left on this branch, where that is put in place.
        order: What is made, where it is made.
        gone: Changes that keep a state for a branch that is no more.
    """

    target: Target
    system: System
    branch: str
    former: str | None
    state: str
    way: Way
    keeps: str | None = None
    revisions: Revisions | None = None
    unknown: Revisions = ()
    snapshot: str | None = None
    left: Left | None = None
    order: Order | None = None
    gone: tuple[Left, ...] = ()

    @property
    def is_other(self) -> bool:
        """Whether another state is put in place."""
        return self.way in {Way.RETURN, Way.RESET}


def plan_step(target: Target, system: System, branch: str, *, is_asked: bool) -> Step:
    """Return what is to become of a database on a branch; nothing is changed.

    Args:
        target: The database.
        system: What can do it.
        branch: The branch that is checked out.
        is_asked: Whether somebody has asked for it. Else a database of this branch is
            left alone, even where its revisions are gone, as after `git reset`.

    Raises:
        SceneshiftError: The database or its migrations cannot be read.
    """
    marker = system.read_marker()
    state = marker.state if marker else ""
    entries = UndoLog(target.folder / "undo").list_all()
    former = find_branch_of(target.folder, entries, state if marker else None, system)
    known = load_known(target)
    revisions = _read(target, system, marker)
    unknown = _subtract(revisions, known)
    step = Step(
        target=target,
        system=system,
        branch=branch,
        former=former,
        state=state,
        way=Way.NONE,
        revisions=revisions,
        unknown=unknown,
        snapshot=next((each.snapshot for each in entries if each.id == state), None),
    )
    if former == branch:
        return _reset(step) if unknown and is_asked else step
    return _choose(step, entries, known)


def _choose(step: Step, entries: list[Entry], known: frozenset[str] | None) -> Step:
    """Return what leads from one branch to another."""
    branches = list_branches(step.target.root)
    all_left = list_left(entries, step.system)

    def is_gone(name: str) -> bool:
        return name == DETACHED or (branches is not None and name not in branches)

    gone = tuple(
        each for each in all_left if each.branch != step.branch and is_gone(each.branch)
    )
    is_kept = step.former is not None and not is_gone(step.former)
    step = replace(step, gone=gone, keeps=step.former if is_kept else None)
    left = next((each for each in all_left if each.branch == step.branch), None)
    if left is not None and not _subtract(left.revisions, known):
        return replace(step, way=Way.RETURN, left=left)
    if step.unknown:
        return _reset(step)
    has_rows = bool(step.state) or step.system.read_schema(None) != {}
    return replace(step, way=Way.COPY if is_kept and has_rows else Way.LABEL)


def _reset(step: Step) -> Step:
    order = make_order(step.target, step.system, choice=choose(step.target, None))
    return replace(step, way=Way.RESET, order=order)


def load_known(target: Target) -> frozenset[str] | None:
    """Return the revisions that the code has; None where there are no migrations.

    Raises:
        SceneshiftError: They cannot be read.
    """
    if target.migrated is None:
        return None
    scripts = target.migrated.read(target.root)
    return frozenset(
        load_history(scripts, RevisionIndex(target.root, scripts)).revisions
    )


def _read(target: Target, system: System, marker: Marker | None) -> Revisions | None:
    """Return the revisions that a database is at; None for what is not there."""
    if target.migrated is None or (marker is None and system.read_schema(None) == {}):
        return None
    table = find_version_table(target.migrated.read(target.root))
    return read_versions(target.database, target.root, table)


def _subtract(revisions: Revisions | None, known: frozenset[str] | None) -> Revisions:
    """Return the revisions that the code has not."""
    if known is None:
        return ()
    return tuple(one for one in revisions or () if one not in known)
