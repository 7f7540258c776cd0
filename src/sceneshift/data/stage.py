"""A draft that is at given revisions: where a database stands, or stood once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.data.snapshots.snapshot import find_ancestor

if TYPE_CHECKING:
    from collections.abc import Collection

    from sceneshift.core.databases import Database
    from sceneshift.data.build import Order
    from sceneshift.data.system import System
    from sceneshift.data.upgrade import Upgrade


def begin_at(
    order: Order, system: System, program: Upgrade, revisions: Collection[str]
) -> Database:
    """Make a draft, from the nearest snapshot that is kept.

    Args:
        order: What the code makes, without a dataset.
        system: What can do it; its lock is held.
        program: How migrations are run.
        revisions: Where the draft is to be: all are known; none means empty.

    Raises:
        SceneshiftError: A migration failed; nothing is left of it.
    """
    assert order.history is not None
    known = order.history.find_ancestors(revisions)
    near = find_ancestor(
        [
            one
            for one in order.store.list_all()
            if one.versions and known.issuperset(one.versions)
            if system.has_snapshot(one.id)
        ],
        order.recipe,
        order.links,
        order.target.root,
        order.variables,
    )
    draft = system.begin(None if near is None else near.id)
    reached = set() if near is None else order.history.find_ancestors(near.versions)
    try:
        for one in revisions:
            if one not in reached:
                aimed = system.aim(program, draft)
                replace(aimed, words=("upgrade", one)).run()
    except BaseException:
        system.drop(draft)
        raise
    return draft
