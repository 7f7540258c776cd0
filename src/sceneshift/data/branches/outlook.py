"""What the status tells of branches: whose a database is, and what would follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sceneshift.core.branch import find_branch
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.branches.label import find_branch_of, list_left

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sceneshift.data.branches.step import Step
    from sceneshift.data.entry import Entry
    from sceneshift.data.system import System
    from sceneshift.data.target import Target

NOTHING: dict[str, Any] = {"branch": None, "left": None, "follow": None}


def describe_branches(
    target: Target, system: System, state: str | None, entries: Sequence[Entry]
) -> dict[str, Any]:
    """Return of which branch a database is, and what is kept for others.

    Args:
        target: The database.
        system: Where its states are.
        state: What it bears; None where it bears nothing.
        entries: Its changes, the oldest first.
    """
    branch = find_branch_of(target.folder, entries, state, system)
    left = [
        {
            "branch": each.branch,
            "at": each.entry.at,
            "revisions": None if each.revisions is None else list(each.revisions),
        }
        for each in list_left(entries, system)
        if each.branch != branch
    ]
    return {"branch": branch, "left": left}


def foresee(
    target: Target, system: System, row: Mapping[str, Any], done: Sequence[Entry]
) -> dict[str, Any] | None:
    """Return what `inv data.follow` would do; None where it is not called for.

    Args:
        target: The database.
        system: Where its states are.
        row: What is known of it.
        done: Its changes that can be taken back, the last one first.
    """
    branch = find_branch(target.root)
    is_other = row["branch"] not in {None, branch}
    if branch is None or not (is_other or row["unknown"]):
        return None
    # 15 ms, which a database that is where it should be saves.
    from sceneshift.data.branches.command import (  # noqa: PLC0415
        is_following,
        is_shared,
    )
    from sceneshift.data.branches.follow import describe, tell  # noqa: PLC0415
    from sceneshift.data.branches.step import plan_step  # noqa: PLC0415

    if target.project.environment.protected or is_shared(target):
        return None
    try:
        step = plan_step(target, system, branch, is_asked=True)
        undo = _find_fitting(target, done) if row["unknown"] else None
    except SceneshiftError:  # several heads, for one: that is told
        return None
    return {
        **describe(step),
        "is_at_once": _is_at_once(step),
        "is_by_itself": is_following(target),
        "undo": None if undo is None else undo.what,
        "sentence": tell(step, is_done=False),
    }


def _is_at_once(step: Step) -> bool:
    if step.order is None:
        return True
    found = step.order.find()
    return found is not None and step.system.has_snapshot(found.id)


def _find_fitting(target: Target, done: Sequence[Entry]) -> Entry | None:
    """Return the last change, if what was there before it fits the branch."""
    from sceneshift.data.branches.step import load_known  # noqa: PLC0415 - as above

    known = load_known(target)
    if not done or known is None or done[0].revisions is None:
        return None
    return done[0] if known.issuperset(done[0].revisions) else None


def advise(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is to be known of branches, and what to type."""
    step = row["follow"]
    if step is None:
        return
    if step["former_branch"] not in {None, step["branch"]}:
        it = f"it is of the branch {step['former_branch']}"
        if step["is_by_itself"]:
            it += ", and follows by itself"
        yield it
    if step["undo"] is not None:
        yield (
            f"inv data.undo takes this back: {step['undo']}; this branch knows what "
            "was there before"
        )
    if step["action"] != "none":
        how = "" if step["is_at_once"] else ", when it is built"
        yield f"inv data.follow: {step['sentence']}{how}"
