"""Which databases of an environment have datasets, and which is meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.config import PYPROJECT, TABLE
from sceneshift.core.databases import Database, name_variable
from sceneshift.core.errors import ConfigError, RefusedError, UsageError
from sceneshift.core.schema import key_error
from sceneshift.core.selection import list_aliases, list_environments
from sceneshift.core.wording import find_nearest, quote, suggest
from sceneshift.data.configuration import collect_databases
from sceneshift.data.seeding.model import (
    Dataset,
    check_policy,
    find_datasets,
    find_excluded,
    name_file,
    order_datasets,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sceneshift.core.project import Project

USUAL = Path("seeds")


class Seeded(Struct, frozen=True, kw_only=True):
    """A database that has datasets.

    Attributes:
        database: The database.
        folder: Where they are, relative to the project.
        datasets: Those that there are, by name.
    """

    database: Database
    folder: Path
    datasets: Mapping[str, Dataset]


def list_seeded(project: Project) -> list[Seeded]:
    """Return the databases of the project's environment that have datasets.

    They are those whose table says `seeds = "…"`. Where none does, it is the only
    database there is, with the folder `seeds`.

    Raises:
        ConfigError: A folder does not exist, or a dataset says what cannot be.
    """
    # One in memory would be gone with whoever has filled it.
    databases = {
        variable: each
        for variable, each in collect_databases(project).items()
        if each.is_lasting
    }
    configured = {
        name: section.seeds
        for name, section in project.config.databases.items()
        if section.seeds is not None
    }
    if not configured:
        is_usual = len(databases) == 1 and (project.root / USUAL).is_dir()
        found = databases.values() if is_usual else ()
        return [_read(each, USUAL, project.root) for each in found]
    return [
        _read(
            databases[name_variable(name)], _locate(name, folder, project), project.root
        )
        for name, folder in configured.items()
        if name_variable(name) in databases
    ]


def _locate(name: str, folder: str, project: Project) -> Path:
    if not (project.root / folder).is_dir():
        raise key_error(
            PYPROJECT,
            (*TABLE, "databases", name, "seeds"),
            f"there is no folder {quote(folder)}",
            hint="name it as seen from the project's folder",
        )
    return Path(folder)


def _read(database: Database, folder: Path, root: Path) -> Seeded:
    datasets = find_datasets(root / folder, root=root)
    return Seeded(database=database, folder=folder, datasets=datasets)


def choose_dataset(project: Project, asked: str | None) -> str:
    """Return the name of the dataset that an environment is filled with.

    Args:
        project: The project in that environment.
        asked: The value of `--dataset`.

    Raises:
        UsageError: Neither that nor the environment names one.
    """
    environment = project.environment.name
    section = list_environments(project.root, project.config)[environment]
    name = asked or section.dataset
    if name is None:
        known = {each for one in list_seeded(project) for each in one.datasets}
        text = ", ".join(quote(each) for each in sorted(known)) or "there is none yet"
        raise UsageError(
            f"no dataset is named for {quote(environment)}: {text}",
            hint="name one: inv data.seed --dataset NAME, or for always in "
            f"{PYPROJECT}: [{'.'.join(TABLE)}.environments.{environment}] "
            'dataset = "NAME"',
        )
    return name


def find_with(
    seeded: Sequence[Seeded], name: str, project: Project, *, is_asked: bool
) -> list[Seeded]:
    """Return the databases that have a dataset of this name.

    Args:
        seeded: Databases.
        name: The dataset's name.
        project: The project.
        is_asked: Whether a person has just typed it.

    Raises:
        UsageError: None has, or none has any.
    """
    found = [each for each in seeded if name in each.datasets]
    if found:
        return found
    known = sorted({each for one in seeded for each in one.datasets})
    if not seeded:
        problem = "no database has datasets"
        hint = f"make a folder `{USUAL}/{name}` with files that fill tables"
    else:
        problem = f"there is no dataset {quote(name)}"
        hint = suggest(name, known)
    if is_asked:
        raise UsageError(problem, hint=hint)
    keys = (*TABLE, "environments", project.environment.name, "dataset")
    raise key_error(PYPROJECT, keys, problem, hint=hint)


def pick_databases(
    seeded: Sequence[Seeded], asked: str | None, project: Project
) -> list[Seeded]:
    """Return the databases that are meant; all where none was named.

    Raises:
        UsageError: There is none of that name, or it has no datasets.
    """
    if asked is None:
        return list(seeded)
    found = [each for each in seeded if each.database.name == asked]
    if found:
        return found
    known = [each.name for each in collect_databases(project).values()]
    if asked in known:
        raise UsageError(
            f"the database {quote(asked)} has no datasets",
            hint=f"say where they are: [{'.'.join(TABLE)}.databases.{asked}] "
            'seeds = "…"',
        )
    raise UsageError(f"there is no database {quote(asked)}", hint=suggest(asked, known))


def order_for(seeded: Seeded, name: str, project: Project) -> tuple[Dataset, ...]:
    """Return a dataset behind all that it needs.

    Raises:
        ConfigError: It needs one that is not there, or misspells an environment.
    """
    ordered = order_datasets(seeded.datasets[name], seeded.datasets)
    environments = list_environments(project.root, project.config)
    known = set(environments)
    for each in environments:
        known |= set(list_aliases(each, environments))
    for dataset, unknown in check_policy(ordered, known):
        # An env file alone, which git ignores, makes an environment on other machines.
        if find_nearest(unknown, environments) is not None:
            raise _unknown(dataset, unknown, sorted(environments))
    return ordered


def check_allowed(datasets: Sequence[Dataset], project: Project) -> None:
    """Refuse a dataset where its policy does.

    Raises:
        RefusedError: It is not for the project's environment.
    """
    excluded = find_excluded(datasets, list_names(project))
    if excluded is not None:
        allowed = ", ".join(excluded.environments or ()) or "none"
        raise RefusedError(
            f"the dataset {quote(excluded.name)} is not for "
            f"{quote(project.environment.name)}: {name_file(excluded)} allows "
            f"{allowed}",
            hint="take another dataset, or add the environment there",
        )


def list_names(project: Project) -> set[str]:
    """Return the name of the project's environment, and its aliases."""
    name = project.environment.name
    environments = list_environments(project.root, project.config)
    return {name, *list_aliases(name, environments)}


def _unknown(dataset: Dataset, name: str, known: list[str]) -> ConfigError:
    problem = f"there is no environment {quote(name)}"
    return key_error(
        name_file(dataset), ["environments"], problem, hint=suggest(name, known)
    )
