"""What a worktree's database begins with where a copy would not fit its branch.

The main checkout's is at revisions that no file of the worktree has, or is not there:
then it is made as a reset makes it. What the main checkout has kept for that is used.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.branches.step import load_known
from sceneshift.data.build import make_order, obtain
from sceneshift.data.choice import choose
from sceneshift.data.locking import hold_lock
from sceneshift.data.marker import Marker, list_statements
from sceneshift.data.snapshots.snapshot import find_ancestor
from sceneshift.data.sqlite.copying import copy_sqlite
from sceneshift.data.system import find_system
from sceneshift.data.target import load_targets
from sceneshift.data.undo import place_state
from sceneshift.data.versions import find_version_table, read_versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sceneshift.core.databases import Database
    from sceneshift.core.separation import OwnDatabase
    from sceneshift.data.build import Order
    from sceneshift.data.snapshots.snapshot import Snapshot
    from sceneshift.data.system import System
    from sceneshift.data.target import Target


def find_target(
    root: Path, environ: Mapping[str, str], environment: str, database: OwnDatabase
) -> Target | None:
    """Return a worktree's database; None where it has no migrations to be made by.

    Args:
        root: The project's folder.
        environ: The process environment.
        environment: Name of the environment; empty means the active one.
        database: The database.
    """
    with contextlib.suppress(SceneshiftError):  # who uses it will say so
        for each in load_targets(root, environ, environment=environment or None):
            if each.database.name == database.name and each.migrated is not None:
                own = replace(each.database, url=database.url)
                return replace(
                    each, database=own, migrated=replace(each.migrated, database=own)
                )
    return None


def is_unfit(target: Target, origin: str) -> bool:
    """Tell whether the main checkout's database is at revisions that no file here has.

    Args:
        target: The worktree's.
        origin: The address of the other.
    """
    with contextlib.suppress(SceneshiftError):  # a copy is tried, and tells of it
        known = load_known(target)
        found = _read(target, replace(target.database, url=origin))
        return known is not None and not known.issuperset(found or ())
    return False


def is_empty(target: Target) -> bool:
    """Tell whether a database was never migrated, and holds nothing."""
    with contextlib.suppress(SceneshiftError):
        system = find_system(target)
        return _read(target, target.database) is None and not system.read_schema(None)
    return False


def _read(target: Target, database: Database) -> tuple[str, ...] | None:
    assert target.migrated is not None
    table = find_version_table(target.migrated.read(target.root))
    return read_versions(database, target.root, table)


def make(target: Target, origin: str) -> str:
    """Make a worktree's database as its branch makes it; say what it is.

    A file is there as a whole or not at all; on a server, an empty one is filled in one
    step.

    Args:
        target: The database.
        origin: The address of the main checkout's.

    Raises:
        SceneshiftError: It cannot be made; a file is not there then.
    """
    system = find_system(target)
    with hold_lock(target.name_lock()) as lock, system.hold():
        system.sweep()
        order = make_order(target, system, choice=choose(target, None))
        _adopt(order, system, origin)
        snapshot = obtain(order, system, lock)
        if target.file is None:
            place_state(target, system, "reset", "first use", snapshot.id)
        else:
            _make_file(target, system, target.file, snapshot)
    count = snapshot.count
    said = f"is made anew by {count} migration{'' if count == 1 else 's'}"
    return f"{said}, dataset {order.recipe.dataset}" if order.choice else said


def _make_file(target: Target, system: System, file: Path, snapshot: Snapshot) -> None:
    draft = system.begin(snapshot.id)
    try:
        path = draft.find_file(target.root)
        assert path is not None
        marker = Marker(project=target.owner, environment=target.environment)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            for statement in list_statements(marker):
                connection.execute(statement)
            connection.commit()
        copy_sqlite(path, file)
    finally:
        system.drop(draft)


def _adopt(order: Order, system: System, origin: str) -> None:
    """Keep what the main checkout has kept, and this would have to build."""
    target, worktree = order.target, order.target.project.worktree
    root = None if worktree is None else worktree.find_main(target.root)
    if root is None or order.find() is not None:
        return
    main = replace(
        target,
        project=replace(target.project, root=root),
        database=replace(target.database, url=origin),
    )
    if not (main.folder / "snapshots").is_dir():
        return
    theirs = find_system(main)
    with hold_lock(main.name_lock()), theirs.hold():
        for one in _choose(order, replace(order, target=main), theirs):
            draft = theirs.begin(one.id)
            try:
                system.keep(draft, one.id, is_strict=False)
            finally:
                theirs.drop(draft)
            target.make_folder("snapshots")
            order.store.write(replace(one, is_pinned=False))


def _choose(order: Order, theirs: Order, system: System) -> Iterator[Snapshot]:
    """Yield the snapshot that would be made, or else the nearest to begin with."""
    root, values = order.target.root, order.variables
    store = theirs.store
    kept = [one for one in store.list_all() if system.has_snapshot(one.id)]
    found = store.find(order.recipe, root, values)
    if found is None:
        found = store.find(order.schema.recipe, root, values)
    if found is None:
        found = find_ancestor(kept, order.recipe, order.links, root, values)
    if found is not None and found in kept:
        yield found
