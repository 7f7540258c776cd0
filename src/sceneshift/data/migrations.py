"""What an environment's databases lack of the code's schema, and applying it.

The room of environments gets these two functions through `composition`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.paths import StateFolder
from sceneshift.core.project import build_common_env, load_project
from sceneshift.core.wording import quote
from sceneshift.data.change import change_database
from sceneshift.data.configuration import list_migrated
from sceneshift.data.firstuse import make_missing
from sceneshift.data.locking import hold_lock, hold_server_lock
from sceneshift.data.revisions import load_history
from sceneshift.data.scripts import name_below
from sceneshift.data.standing import compare, find_standing
from sceneshift.data.target import FOLDER, list_targets
from sceneshift.data.upgrade import Upgrade
from sceneshift.data.versions import find_version_table, read_file, read_versions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.core.databases import Database
    from sceneshift.core.project import Project
    from sceneshift.data.configuration import Migrated
    from sceneshift.data.standing import Standing
    from sceneshift.data.target import Target


class Pending(Struct, frozen=True, kw_only=True):
    """What a database lacks, or has been given.

    Attributes:
        database: Its name: `default`, …
        revisions: `3f2a9c1 add users`, in the order in which they are applied.
        problem: Why nothing can be applied, in one sentence; None where it can.
        undo: The id of the change, by which `inv data.undo` takes it back; None where
            nothing was applied, or it cannot.
        obstacle: Why it cannot.
    """

    database: str
    revisions: tuple[str, ...] = ()
    problem: str | None = None
    undo: str | None = None
    obstacle: str | None = None


def find_pending(
    root: Path,
    environ: Mapping[str, str],
    environment: str | None,
    database: str | None = None,
) -> list[Pending]:
    """Return the databases that have something pending, or a problem.

    Args:
        root: The project's folder.
        environ: The process environment.
        environment: Name or alias of the environment; None means the active one.
        database: Name of a database; None means all.

    Raises:
        UsageError: There is no such environment, or a file says what cannot be.
    """
    project = _load(root, environ, environment)
    found = (
        _look(migrated, project.root)
        for migrated in list_migrated(project)
        if database in {None, migrated.database.name}
    )
    return [each for each in found if each.revisions or each.problem]


def _look(migrated: Migrated, root: Path) -> Pending:
    name = migrated.database.name
    try:
        standing = find_standing(migrated, root)
    except SceneshiftError as error:
        return Pending(database=name, problem=error.message)
    if standing.problem is not None:
        return Pending(database=name, problem=standing.problem)
    return _describe(name, standing)


def _describe(name: str, standing: Standing) -> Pending:
    return Pending(
        database=name, revisions=tuple(str(each) for each in standing.pending)
    )


def migrate(
    root: Path,
    environ: Mapping[str, str],
    environment: str | None,
    database: str | None = None,
) -> list[Pending]:
    """Apply what is pending to all databases of an environment, one after another.

    A worktree's own are made first, where they are not there yet.
    A database has all of it afterwards, or is as it was, whatever happens meanwhile;
    of systems that cannot take back a change of the schema, MySQL for one, that cannot
    be said. Two at once follow each other, and the second finds nothing to do.

    Args:
        root: The project's folder.
        environ: The process environment.
        environment: Name or alias of the environment; None means the active one.
        database: Name of a database; None means all.

    Returns:
        What was applied, by database.

    Raises:
        UsageError: There is no such environment, or a file says what cannot be.
        BusyError: A file is being written to all the time.
        SceneshiftError: A database cannot be migrated, or it failed.
    """
    project = _load(root, environ, environment)
    if not make_missing(project):  # an empty one would not be copied any more
        raise SceneshiftError(
            "a database of this worktree cannot be made",
            hint="mend what the lines above say",
        )
    applied = [
        _migrate(target, target.migrated)
        for target in list_targets(project)
        if target.migrated and database in {None, target.database.name}
    ]
    return [each for each in applied if each.revisions]


def _load(root: Path, environ: Mapping[str, str], environment: str | None) -> Project:
    return load_project(root, environ=environ, environment=environment, is_looking=True)


def _migrate(target: Target, migrated: Migrated) -> Pending:
    """Apply what is pending to one database."""
    root, database = target.root, target.database
    state = StateFolder(root)
    lock = hold_lock(target.name_lock())
    with state.being_written(), lock as held, hold_server_lock(database, root):
        standing = _find_applicable(migrated, root)
        if not standing.pending:
            return Pending(database=database.name)
        upgrade = Upgrade(
            root=root,
            scripts=standing.scripts,
            database=database,
            env=build_common_env(target.project),
            log=state.make(FOLDER) / f"migration-{database.name}.log",
            locks=(held,),
        )
        apply = partial(_apply if target.file is None else _apply_to_copy, upgrade)
        changed = change_database(target, "migrate", _name_change(standing), apply)
        return replace(
            _describe(database.name, standing),
            undo=changed.entry.id if changed.entry else None,
            obstacle=changed.obstacle,
        )


def _name_change(standing: Standing) -> str:
    count = len(standing.pending)
    first = quote(str(standing.pending[0]))
    return f"migration {first}" if count == 1 else f"{count} migrations from {first} on"


def _find_applicable(migrated: Migrated, root: Path) -> Standing:
    standing = find_standing(migrated, root)
    if standing.problem is not None:
        raise SceneshiftError(
            f"{quote(migrated.database.name)} cannot be migrated: {standing.problem}",
            hint=standing.advise(root),
        )
    return standing


def _apply(upgrade: Upgrade, _database: Database) -> None:
    """Let Alembic do it, by itself: its transaction is the server's."""
    upgrade.run()
    table = find_version_table(upgrade.scripts)
    _check(upgrade, read_versions(upgrade.database, upgrade.root, table))


def _apply_to_copy(upgrade: Upgrade, copy: Database) -> None:
    """Let Alembic do it to the copy of a file, and look whether it did."""
    draft = copy.find_file(upgrade.root)
    assert draft is not None
    table = find_version_table(upgrade.scripts)
    before = read_file(draft, table)
    try:
        upgrade.aim(draft).run()
    except SceneshiftError as error:
        # The file itself is locked by us.
        is_elsewhere = "database is locked" in error.message
        if is_elsewhere and read_file(draft, table) == before:
            raise _name_elsewhere(upgrade) from error
        raise
    _check(upgrade, read_file(draft, table))


def _check(upgrade: Upgrade, current: tuple[str, ...] | None) -> None:
    """Make sure that what was to be applied has been, and here."""
    scripts = upgrade.scripts
    standing = compare(scripts, load_history(scripts), current)
    if standing.pending or standing.problem is not None:
        database = upgrade.database
        program = name_below(upgrade.root, scripts.environment)
        raise SceneshiftError(
            f"{quote(database.name)} still lacks what is pending: {program} connects "
            f"to another database or schema than {database.variable} names, or does "
            "not commit",
            hint=f'let it connect to os.environ["{database.variable}"], name a '
            "schema as `version_table_schema`, and begin no transaction before Alembic "
            f"does: {program}",
        )


def _name_elsewhere(upgrade: Upgrade) -> SceneshiftError:
    database = upgrade.database
    program = name_below(upgrade.root, upgrade.scripts.environment)
    return SceneshiftError(
        f"{quote(database.name)} is as it was: {program} connects to another database "
        f"than the one that {database.variable} names",
        hint=f'let it read os.environ["{database.variable}"]: {program}',
    )
