"""Alembic on drafts: one that is where a database stands, or stood once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.core.project import build_common_env
from sceneshift.data.snapshots.snapshot import find_ancestor
from sceneshift.data.upgrade import Upgrade

if TYPE_CHECKING:
    from collections.abc import Collection

    from sceneshift.core.databases import Database
    from sceneshift.data.build import Order
    from sceneshift.data.scripts import Scripts
    from sceneshift.data.system import System
    from sceneshift.data.target import Target


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


def prepare(target: Target, scripts: Scripts, what: str, lock: int) -> Upgrade:
    """Return what runs Alembic for something that is done aside.

    Args:
        target: The database.
        scripts: Its migrations.
        what: What that is, as its log is called.
        lock: See `Upgrade.locks`.
    """
    return Upgrade(
        root=target.root,
        scripts=scripts,
        database=target.database,
        env=build_common_env(target.project),
        log=target.folder.parent / f"{what}-{target.database.name}.log",
        locks=(lock,),
    )
