"""Having a database follow git: each branch has a state of it for itself."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.branch import find_branch
from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import StateFolder
from sceneshift.core.wording import describe_seconds, quote
from sceneshift.data.branches.label import FOLLOW, write_label
from sceneshift.data.branches.step import Step, Way, plan_step
from sceneshift.data.build import obtain
from sceneshift.data.checkout import check_branch
from sceneshift.data.guards import Intent, check
from sceneshift.data.locking import hold_lock
from sceneshift.data.snapshots.pruning import prune
from sceneshift.data.standing import find_standing
from sceneshift.data.system import find_system
from sceneshift.data.undo import UndoLog, UnkeptError, make_change

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.data.entry import Entry
    from sceneshift.data.marker import Marker
    from sceneshift.data.target import Target

COMMAND = "inv data.follow"


class Followed(Struct, frozen=True, kw_only=True):
    """What was done to one database.

    Attributes:
        step: What was planned.
        undo: The id of the change; None where there was none.
        pending: What the branch has and the database has not.
        problem: Why nothing can be applied to it; None where it can.
        duration_s: How long it took.
    """

    step: Step
    undo: str | None
    pending: tuple[str, ...]
    problem: str | None
    duration_s: float

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            **describe(self.step),
            "pending": list(self.pending),
            "problem": self.problem,
            "undo": self.undo,
            "duration_s": round(self.duration_s, 3),
        }

    def __str__(self) -> str:
        """Say what was done, and what is to be done next."""
        said = tell(self.step, is_done=True)
        if self.step.way is not Way.NONE:
            said += f" ({describe_seconds(self.duration_s)})"
        if self.problem is not None:
            return f"{said}; {self.problem}"
        count = len(self.pending)
        return f"{said}; {count} pending: inv data.migrate" if count else said


def describe(step: Step) -> dict[str, Any]:
    """Return a step as JSON has it."""
    return {
        "action": str(step.way),
        "database": step.target.database.name,
        "place": step.target.title,
        "branch": step.branch,
        "former_branch": step.former,
        "kept_for": step.keeps if step.is_other or step.way is Way.COPY else None,
        "left_at": None if step.left is None else step.left.entry.at,
    }


def tell(step: Step, *, is_done: bool) -> str:
    """Say what a step does, or has done."""
    title, branch = step.target.title, step.branch
    verb = "is" if is_done else "becomes"
    match step.way:
        case Way.NONE:
            said = f"{title} is of {branch} already"
        case Way.LABEL | Way.COPY:
            said = f"{title} {verb} that of {branch}, as it is"
        case Way.RETURN:
            assert step.left is not None
            when = tell_time(step.left.entry)
            said = f"{title} {verb} what was left on {branch} {when}"
        case Way.RESET:
            said = f"{title} {verb} what {branch} makes"
    if step.way in {Way.NONE, Way.LABEL}:
        return said
    what = "a copy" if step.way is Way.COPY else "what was there"
    if step.keeps is None:
        return f"{said}; inv data.undo has what was there"
    return f"{said}; {what} is kept for {step.keeps}"


def tell_time(entry: Entry) -> str:
    """Say when a change was made: `on 2026-11-28 at 13:22`."""
    return f"{datetime.fromisoformat(entry.at).astimezone():on %Y-%m-%d at %H:%M}"


def plan_follow(target: Target, branch: str) -> Step:
    """Return what `follow` would do where it is asked for.

    Raises:
        SceneshiftError: The database or its migrations cannot be read.
    """
    system = find_system(target)
    with system.look():
        return plan_step(target, system, branch, is_asked=True)


def follow(target: Target, branch: str, *, is_asked: bool) -> Followed:
    """Have a database be that of a branch; what is there is kept.

    Args:
        target: The database.
        branch: The branch that is checked out; where another command is waited for, it
            is the one that is when that has ended.
        is_asked: See `plan_step`.

    Raises:
        RefusedError: A guard said no; nothing was touched.
        SceneshiftError: It cannot be done; all is as it was.
    """
    began = time.monotonic()
    system = find_system(target)
    with (
        StateFolder(target.root).being_written(),
        hold_lock(target.name_lock()) as lock,
        system.hold(),
    ):
        system.sweep()
        branch = find_branch(target.root) or branch
        step = plan_step(target, system, branch, is_asked=is_asked)
        entry = apply(step, lock)
        if step.way is not Way.NONE:
            _forget_gone(step)
    pending, problem = _look(target) if step.way is not Way.NONE else ((), None)
    return Followed(
        step=step,
        undo=None if entry is None else entry.id,
        pending=pending,
        problem=problem,
        duration_s=time.monotonic() - began,
    )


def _look(target: Target) -> tuple[tuple[str, ...], str | None]:
    if target.migrated is None:
        return (), None
    with contextlib.suppress(SceneshiftError):  # it is done: the status tells of it
        standing = find_standing(target.migrated, target.root)
        return tuple(map(str, standing.pending)), standing.problem
    return (), None


def apply(step: Step, lock: int) -> Entry | None:
    """Do what was planned; return the change, if it is one.

    Args:
        step: What was planned, under the database's locks.
        lock: See `Upgrade.locks`.

    Raises:
        RefusedError: A guard said no; nothing was touched.
        SceneshiftError: It cannot be done, or git went elsewhere; all is as it was.
    """
    match step.way:
        case Way.NONE:
            return None
        case Way.LABEL:
            _label(step)
            return None
        case Way.COPY:
            _check(step)
            return _copy(step)
        case Way.RETURN:
            _check(step)
            return _return(step)
        case Way.RESET:
            _check(step)
            return _reset(step, lock)


def _check(step: Step) -> None:
    system = step.system
    check(
        Intent(
            command=COMMAND,
            doing="puts another state in the place of" if step.is_other else "copies",
            target=step.target,
            count=system.count_rows,
            read_marker=system.read_marker,
        )
    )


def _label(step: Step) -> None:
    check_branch(step.target, step.branch, "is as it was")
    folder = step.target.make_folder()
    try:
        write_label(folder, step.state, step.branch)
    except OSError as error:
        raise SceneshiftError(
            f"it cannot be written down of which branch it is: {error}",
            hint=f"is there room, and is it yours? df -h {folder}",
        ) from error


def _copy(step: Step) -> Entry:
    """Keep a copy of what is there, which goes on as another state."""
    work = partial(step.system.change, lambda _: None)
    try:
        return _change(step, work, _tell_origin(step, step.snapshot))
    except UnkeptError as error:
        raise SceneshiftError(
            f"{quote(step.target.title)} stays that of {step.former}, for no copy of "
            f"it can be kept: {error.message}",
            hint=f"what is done to it on {step.branch} is done to that one",
        ) from error


def _return(step: Step) -> Entry:
    left = step.left
    assert left is not None
    work = partial(step.system.put_back, left.name)
    entry = _change(step, work, _tell_origin(step, left.snapshot))
    with contextlib.suppress(SceneshiftError, OSError):  # it is done, and known as that
        step.system.forget_former(left.name)  # a file stays where it is put in place
    return entry


def _tell_origin(step: Step, snapshot: str | None) -> str | None:
    """Return the snapshot that a state with a new mark can be compared with.

    PostgreSQL tells by the mark which rows have come after it: none of these any more.
    """
    is_by_mark = step.target.database.system in {"postgres", "postgresql"}
    return None if is_by_mark else snapshot


def _reset(step: Step, lock: int) -> Entry:
    order = step.order
    assert order is not None
    is_known = order.find() is not None
    if not is_known:
        StreamConsole().note(f"building {step.target.title} for {step.branch}")
    snapshot = obtain(order, step.system, lock)
    work = partial(step.system.place, snapshot.id)
    entry = _change(step, work, snapshot.id)
    order.store.note_use(snapshot.id)
    if not is_known:
        prune(order.store, step.system, but=snapshot.id)
    return entry


def _change(
    step: Step, work: Callable[[Marker, str], None], snapshot: str | None
) -> Entry:
    check_branch(step.target, step.branch, "is as it was")
    start = f"went from {step.former} to" if step.former else "went to"
    return make_change(
        step.target,
        step.system,
        FOLLOW,
        f"{start} the branch {step.branch}",
        work,
        snapshot=snapshot,
        branch=step.branch,
        left=step.keeps,
        revisions=None if step.target.migrated is None else step.revisions or (),
    )


def _forget_gone(step: Step) -> None:
    """Have what was left on branches that are no more be a state like any other."""
    log = UndoLog(step.target.folder / "undo")
    entries = {each.id: each for each in log.list_all()}
    gone = {each.branch for each in step.gone}
    for each in entries.values():
        if each.act == FOLLOW and gone & {each.left, each.branch}:
            left = None if each.left in gone else each.left
            branch = None if each.branch in gone else each.branch
            log.write(replace(each, left=left, branch=branch))
    if gone:
        marker = step.system.read_marker()
        log.tidy(step.system, marker.state if marker else None)
