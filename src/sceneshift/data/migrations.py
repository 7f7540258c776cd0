"""What an environment's databases lack of the code's schema, and applying it.

The room of environments gets these two functions through `composition`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.core.paths import StateFolder
from sceneshift.core.project import build_common_env
from sceneshift.core.wording import quote
from sceneshift.data.change import change_database
from sceneshift.data.configuration import list_migrated
from sceneshift.data.firstuse import make_missing
from sceneshift.data.locking import hold_lock, hold_server_lock
from sceneshift.data.revisionindex import RevisionIndex
from sceneshift.data.revisions import load_history
from sceneshift.data.route import HEADS, find_route
from sceneshift.data.scripts import name_below
from sceneshift.data.sqlite.references import check_references
from sceneshift.data.standing import find_standing
from sceneshift.data.target import FOLDER, list_targets, open_project
from sceneshift.data.undo import UnkeptError
from sceneshift.data.upgrade import Upgrade
from sceneshift.data.versions import find_version_table, read_file, read_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sceneshift.core.databases import Database
    from sceneshift.data.configuration import Migrated
    from sceneshift.data.route import Route
    from sceneshift.data.scripts import Scripts
    from sceneshift.data.sqlite.pausing import Paused
    from sceneshift.data.standing import Standing
    from sceneshift.data.target import Target
    from sceneshift.data.undo import Changed


class Pending(Struct, frozen=True, kw_only=True):
    """What a database lacks, or has been given.

    Attributes:
        database: Its name: `default`, …
        revisions: `3f2a9c1 add users`, in the order in which they are applied.
        problem: Why nothing can be applied, in one sentence; None where it can.
        undo: The id of the change, by which `inv data.undo` takes it back; None where
            nothing was applied, or it cannot.
        obstacle: Why it cannot.
        verb: What is done to each: `migrate`, or `downgrade`.
        paused: Who was paused for it, each time.
    """

    database: str
    revisions: tuple[str, ...] = ()
    problem: str | None = None
    undo: str | None = None
    obstacle: str | None = None
    verb: str = "migrate"
    paused: tuple[Paused, ...] = ()


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
    project = open_project(root, environ, environment)
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


def migrate(  # noqa: PLR0913 - of which, and how
    root: Path,
    environ: Mapping[str, str],
    environment: str | None,
    database: str | None = None,
    *,
    to: str | None = None,
    is_guarded: bool = False,
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
        to: Where to, see `find_route`; None means all that the code has.
        is_guarded: Whether revisions may be undone for that.

    Returns:
        What was applied or undone, by database.

    Raises:
        UsageError: There is no such environment or revision, or a file says what
            cannot be.
        BusyError: A file is being written to all the time.
        SceneshiftError: A database cannot be migrated, or it failed.
    """
    project = open_project(root, environ, environment)
    if not make_missing(project):  # an empty one would not be copied any more
        raise SceneshiftError(
            "a database of this worktree cannot be made",
            hint="mend what the lines above say",
        )
    applied = [
        _migrate(target, target.migrated, to, is_guarded=is_guarded)
        for target in list_targets(project)
        if target.migrated and database in {None, target.database.name}
    ]
    return [each for each in applied if each.revisions]


def _migrate(
    target: Target, migrated: Migrated, to: str | None, *, is_guarded: bool
) -> Pending:
    """Apply or undo what leads to a revision, to one database."""
    root, database = target.root, target.database
    state = StateFolder(root)
    lock = hold_lock(target.name_lock())
    with state.being_written(), lock as held, hold_server_lock(database, root):
        scripts, route = find_way(migrated, root, to)
        if not route.revisions:
            return Pending(database=database.name)
        if route.is_down and not is_guarded:
            raise BusyError(
                f"{quote(database.name)} was migrated by another command just now",
                hint="see where it stands: inv data.status",
            )
        upgrade = Upgrade(
            root=root,
            scripts=scripts,
            database=database,
            env=build_common_env(target.project),
            log=state.make(FOLDER) / f"migration-{database.name}.log",
            locks=(held,),
            words=route.words,
        )
        apply = _apply if target.file is None else _apply_to_copy
        changed = _change(target, route, partial(apply, upgrade, route), upgrade)
        return Pending(
            database=database.name,
            revisions=tuple(str(each) for each in route.revisions),
            undo=changed.entry.id if changed.entry else None,
            obstacle=changed.obstacle,
            verb=route.verb,
            paused=changed.paused,
        )


def _change(
    target: Target,
    route: Route,
    apply: Callable[[Database], None],
    upgrade: Upgrade,
) -> Changed:
    table = find_version_table(upgrade.scripts)
    try:
        return change_database(
            target,
            "migrate",
            route.name,
            apply,
            is_insisting=route.is_down,
            revisions=read_versions(target.database, target.root, table) or (),
        )
    except UnkeptError as error:
        words = " ".join(route.words)
        command = upgrade.scripts.name_command(target.root, words)
        raise SceneshiftError(
            f"{quote(target.database.name)} is as it was, for no undo could take its "
            f"downgrade back: {error.message}",
            hint=f"mend that, or let Alembic do it by itself: {command}",
        ) from error


def find_way(
    migrated: Migrated, root: Path, to: str | None = None
) -> tuple[Scripts, Route]:
    """Return what leads a database to a revision, and the migrations that it is of.

    Args:
        migrated: The database.
        root: The project's folder.
        to: See `find_route`.

    Raises:
        UsageError: There is no such revision.
        SceneshiftError: It cannot be migrated, or cannot be read.
    """
    standing = find_standing(migrated, root)
    is_named = to not in {None, HEADS}
    if standing.unknown or (standing.problem is not None and not is_named):
        raise SceneshiftError(
            f"{quote(migrated.database.name)} cannot be migrated: {standing.problem}",
            hint=standing.advise(root),
        )
    history = load_history(standing.scripts, RevisionIndex(root, standing.scripts))
    return standing.scripts, find_route(history, standing.current or (), to)


def _apply(upgrade: Upgrade, route: Route, _database: Database) -> None:
    """Let Alembic do it, by itself: its transaction is the server's."""
    upgrade.run()
    table = find_version_table(upgrade.scripts)
    _check(upgrade, route, read_versions(upgrade.database, upgrade.root, table))


def _apply_to_copy(upgrade: Upgrade, route: Route, copy: Database) -> None:
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
    _check(upgrade, route, read_file(draft, table))
    file = upgrade.database.find_file(upgrade.root)
    assert file is not None
    check_references(draft, file)


def _check(upgrade: Upgrade, route: Route, current: tuple[str, ...] | None) -> None:
    """Make sure that what was to be done has been, and here."""
    scripts = upgrade.scripts
    history = load_history(scripts)
    known = [one for one in current or () if one in history.revisions]
    is_there = history.find_ancestors(known) == route.applied
    if not is_there or len(known) < len(current or ()):
        database = upgrade.database
        program = name_below(upgrade.root, scripts.environment)
        problem = "still has what was to be undone"
        if not route.is_down:
            problem = "still lacks what is pending"
        raise SceneshiftError(
            f"{quote(database.name)} {problem}: {program} connects to another "
            f"database or schema than {database.variable} names, or does not commit",
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
