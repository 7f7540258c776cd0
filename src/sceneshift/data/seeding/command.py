"""`inv data.seed`: filling the databases of an environment with a dataset."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import DriftError, RefusedError, SceneshiftError
from sceneshift.core.paths import StateFolder
from sceneshift.core.wording import describe_seconds, name_few, quote
from sceneshift.data.branches.before import follow_before
from sceneshift.data.change import change_database
from sceneshift.data.configuration import list_migrated
from sceneshift.data.firstuse import make_missing
from sceneshift.data.locking import hold_lock, hold_server_lock
from sceneshift.data.parting import start_parting
from sceneshift.data.seeding.application import prepare
from sceneshift.data.seeding.configuration import (
    check_allowed,
    choose_dataset,
    find_with,
    list_seeded,
    order_for,
    pick_databases,
)
from sceneshift.data.seeding.progress import Telling
from sceneshift.data.standing import find_standing
from sceneshift.data.system import find_system
from sceneshift.data.target import Request, Target, find_owner, open_project
from sceneshift.data.undo import Changed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.core.databases import Database
    from sceneshift.core.project import Project
    from sceneshift.data.scripts import Scripts
    from sceneshift.data.seeding.application import Counts, Seeding
    from sceneshift.data.seeding.model import Dataset
    from sceneshift.data.sqlite.pausing import Paused

_FEW = 3
_HEADER = 100  # bytes
_COUNTER = slice(24, 28)


class SeedRequest(Request, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
        dataset: The dataset; None: the one that the environment names.
    """

    dataset: str | None = None


class Filling(Struct, frozen=True, kw_only=True):
    """A database that is to be filled.

    Attributes:
        target: The database.
        datasets: What it is filled with, in this order.
        scripts: Its migrations, where it has some.
    """

    target: Target
    datasets: tuple[Dataset, ...]
    scripts: Scripts | None = None

    @property
    def name(self) -> str:
        """The name of the database."""
        return self.target.database.name


class Filled(Struct, frozen=True, kw_only=True):
    """What became of it.

    Attributes:
        tables: What became of the rows.
        undo: The id of the change; None where it cannot be taken back, or is none.
        obstacle: Why it cannot.
        paused: Who was paused for it, each time.
        duration_s: How long it took.
    """

    tables: Mapping[str, Counts]
    undo: str | None
    obstacle: str | None = None
    paused: tuple[Paused, ...] = ()
    duration_s: float


class _UnchangedError(Exception):
    """All was there already: the copy is what it was."""


def seed(request: SeedRequest) -> None:
    """Fill databases with a dataset, and say what became of it.

    Raises:
        UsageError: There is no such environment, dataset or database, or a file says
            what cannot be.
        RefusedError: The environment is protected, or the dataset is not for it.
        DriftError: A database lacks migrations.
        BusyError: A file is being written to all the time.
        SceneshiftError: It failed; the database that it failed in is as it was.
    """
    project = open_project(request.root, request.environ, request.environment)
    _check_protected(project)
    fillings = plan(project, dataset=request.dataset, database=request.database)
    if request.is_dry:
        _check_all(fillings)
        _show_plan(project, fillings, as_json=request.as_json)
        return
    if not make_missing(project):
        raise SceneshiftError(
            "a database of this worktree cannot be made",
            hint="mend what the lines above say",
        )
    follow_before([each.target for each in fillings])
    _check_all(fillings)
    filled = []
    for each in fillings:
        filled.append(fill(each))
        _tell(each, filled[-1])
    start_parting(each.target for each in fillings)
    _show_filled(project, fillings, filled, as_json=request.as_json)
    for filling, done in zip(fillings, filled, strict=True):
        if done.obstacle is not None:
            StreamConsole().note(f"no undo takes {filling.name} back: {done.obstacle}")
    if any(each.undo for each in filled):
        StreamConsole().note("take it back: inv data.undo")


def plan(
    project: Project, *, dataset: str | None = None, database: str | None = None
) -> list[Filling]:
    """Return what is to be done, in an environment that may be filled.

    Args:
        project: The project in the environment.
        dataset: The dataset; None: the one that the environment names.
        database: The database; None: all that have the dataset.

    Raises:
        UsageError: There is no such dataset or database, or a file says what cannot be.
        RefusedError: The dataset is not for this environment.
    """
    picked = pick_databases(list_seeded(project), database, project)
    name = choose_dataset(project, dataset)
    found = find_with(picked, name, project, is_asked=dataset is not None)
    migrated = {each.database.variable: each for each in list_migrated(project)}
    fillings = []
    for each in found:
        target = Target(
            project=project,
            database=each.database,
            migrated=migrated.get(each.database.variable),
            owner=find_owner(project),
        )
        filling = Filling(
            target=target,
            datasets=order_for(each, name, project),
            scripts=target.migrated.read(project.root) if target.migrated else None,
        )
        check_allowed(filling.datasets, project)
        fillings.append(filling)
    return fillings


def _check_protected(project: Project) -> None:
    name = project.environment.name
    if project.environment.protected:
        raise RefusedError(
            f"{quote(name)} is protected: nothing is seeded there",
            hint="seed another environment: inv data.seed --env development",
        )


def _check_all(fillings: list[Filling]) -> None:
    """Refuse to fill what lacks migrations: rows are for the tables of the code."""
    for each in fillings:
        if each.target.migrated is None:
            continue
        root = each.target.root
        standing = find_standing(each.target.migrated, root)
        if standing.problem is not None:
            raise DriftError(
                f"{quote(each.name)} cannot be seeded: {standing.problem}",
                hint=standing.advise(root),
            )
        if standing.pending:
            few = name_few([str(one) for one in standing.pending], _FEW)
            raise DriftError(
                f"{quote(each.name)} lacks migrations: {few}",
                hint=f"apply them: inv data.migrate --env {each.target.environment}",
            )


def fill(filling: Filling) -> Filled:
    """Fill one database; it has all of it afterwards, or is as it was.

    Two at once follow each other, as do migrations.

    Raises:
        BusyError: A file is being written to all the time.
        SceneshiftError: It failed.
    """
    target = filling.target
    state = StateFolder(target.root)
    lock = hold_lock(target.name_lock())
    began = time.monotonic()
    with state.being_written(), lock, hold_server_lock(target.database, target.root):
        seeding = prepare(
            target, filling.datasets, filling.scripts, now=datetime.now(UTC)
        )
        tables: dict[str, Counts] = {}
        fill = _fill_in_place if target.file is None else _fill_copy
        what = f"dataset {seeding.datasets[-1].name}"
        changed = Changed()
        with contextlib.suppress(_UnchangedError):
            change = partial(fill, target, seeding, Telling(), tables)
            changed = change_database(target, "seed", what, change)
    return Filled(
        tables=tables,
        undo=changed.entry.id if changed.entry else None,
        obstacle=changed.obstacle,
        paused=changed.paused,
        duration_s=time.monotonic() - began,
    )


def _fill_copy(
    target: Target,
    seeding: Seeding,
    telling: Telling,
    tables: dict[str, Counts],
    copy: Database,
) -> None:
    """Fill a copy of a file, which is put in place if that has changed it."""
    draft = copy.find_file(target.root)
    assert draft is not None
    before = _read_counter(draft)
    tables.clear()  # it may be done again, to a newer copy
    tables.update(seeding.aim(draft).run(telling))
    if _read_counter(draft) == before:
        raise _UnchangedError


def _fill_in_place(
    target: Target,
    seeding: Seeding,
    telling: Telling,
    tables: dict[str, Counts],
    _database: Database,
) -> None:
    """Fill a server's database, in a transaction of its own."""
    files = (path for dataset in seeding.datasets for path in dataset.list_files())
    has_sql = any(path.suffix == ".sql" for path in files)  # which may make tables
    before = find_system(target).read_schema(None) if has_sql else None
    done = seeding.apply(telling)
    tables.update(done.tables)
    if done.is_changed is False and (
        not has_sql or find_system(target).read_schema(None) == before
    ):
        raise _UnchangedError


def _read_counter(draft: Path) -> bytes:
    """Return what is another after each write to a file (sqlite.org/fileformat.html).

    Without a log, in which that would only be when it is taken over.
    """
    with contextlib.closing(sqlite3.connect(draft)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    with draft.open("rb") as file:
        return file.read(_HEADER)[_COUNTER]


def _show_plan(project: Project, fillings: list[Filling], *, as_json: bool) -> None:
    console = StreamConsole()
    if as_json:
        entries = [_describe(each, project) for each in fillings]
        console.json(_wrap(project, "planned", entries))
        return
    rows = [
        (each.name, dataset.name, str(path.relative_to(project.root)))
        for each in fillings
        for dataset in each.datasets
        for path in dataset.list_files()
    ]
    console.table([("DATABASE", "DATASET", "FILE"), *rows])


def _show_filled(
    project: Project,
    fillings: list[Filling],
    filled: list[Filled],
    *,
    as_json: bool,
) -> None:
    console = StreamConsole()
    pairs = list(zip(fillings, filled, strict=True))
    if as_json:
        entries = [_describe(each, project, done) for each, done in pairs]
        console.json(_wrap(project, "seeded", entries))
        return
    rows = [
        (each.name, table, one.inserted, one.updated, one.unchanged)
        for each, done in pairs
        for table, one in done.tables.items()
    ]
    if rows:
        head = ("DATABASE", "TABLE", "INSERTED", "UPDATED", "UNCHANGED")
        console.table([head, *rows])


def _tell(filling: Filling, filled: Filled) -> None:
    database, dataset = filling.name, filling.datasets[-1].name
    took = describe_seconds(filled.duration_s)
    StreamConsole().success(
        f"{quote(database)} has the dataset {quote(dataset)}, after {took}"
    )


def _wrap(project: Project, outcome: str, entries: list[Any]) -> dict[str, Any]:
    return {
        "environment": project.environment.name,
        "outcome": outcome,
        "databases": entries,
    }


def _describe(
    filling: Filling, project: Project, filled: Filled | None = None
) -> dict[str, Any]:
    tables = filled.tables if filled else {}
    return {
        "name": filling.name,
        "datasets": [
            {
                "name": each.name,
                "files": [
                    str(path.relative_to(project.root)) for path in each.list_files()
                ],
            }
            for each in filling.datasets
        ],
        "tables": [{"name": name, **asdict(one)} for name, one in tables.items()],
        "undo": filled.undo if filled else None,
        "duration_s": round(filled.duration_s, 3) if filled else None,
        "paused": [each.as_json() for each in filled.paused] if filled else [],
    }
