"""What is checked out while a database is worked on: git may go elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.branch import find_branch
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.revisionindex import RevisionIndex
from sceneshift.data.revisions import load_history
from sceneshift.data.snapshots.snapshot import chain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sceneshift.data.build import Order
    from sceneshift.data.target import Target


def check_branch(target: Target, branch: str | None, done: str) -> None:
    """Make sure that a branch is still checked out.

    Args:
        target: The database.
        branch: The branch; None where there is no git.
        done: What becomes of the database otherwise: `is as it was`, …

    Raises:
        SceneshiftError: Another one is.
    """
    present = find_branch(target.root)
    if present != branch:
        raise SceneshiftError(
            f"{quote(target.title)} {done}: git went from {branch} to {present} "
            "meanwhile",
            hint="do it again",
        )


def check_unchanged(order: Order, found: Iterable[str] = ()) -> None:
    """Make sure that what was built is what was ordered.

    Revisions that have come to them meanwhile do no harm where they were not applied.

    Args:
        order: What was ordered.
        found: The revisions that the draft is at.

    Raises:
        SceneshiftError: It was built from something else.
    """
    target = order.target
    check_branch(target, order.branch, "was not built")
    if order.scripts is None:
        return
    history = load_history(order.scripts, RevisionIndex(target.root, order.scripts))
    links = chain(history)
    changed = [one for one, link in order.links.items() if links.get(one) != link]
    changed += [one for one in found if one not in order.links]
    if changed:
        raise SceneshiftError(
            f"{quote(target.title)} was not built: the revision {changed[0]} was "
            "changed meanwhile",
            hint="do it again",
        )
