"""The databases of an environment that commands are about."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.blake2 import blake2b
from sceneshift.core.config import read_project_name
from sceneshift.core.console import StreamConsole
from sceneshift.core.databases import DEFAULT, Database, list_databases
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.paths import StateFolder
from sceneshift.core.project import load_project
from sceneshift.core.services.use import find_services, use_services
from sceneshift.core.wording import name_few, quote, suggest
from sceneshift.data.configuration import Migrated, list_migrated
from sceneshift.data.renaming import JOURNAL
from sceneshift.data.versions import VersionTable, find_plain_file, find_version_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.core.project import Project

FOLDER = "data"
_FEW = 4


class Target(Struct, frozen=True, kw_only=True):
    """One database of an environment.

    Attributes:
        project: The project in that environment.
        database: The database.
        migrated: Where its migrations are; None where it has none.
        owner: The project's name, as it is written into databases.
    """

    project: Project
    database: Database
    migrated: Migrated | None
    owner: str

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.project.root

    @property
    def environment(self) -> str:
        """The environment's name."""
        return self.project.environment.name

    @property
    def file(self) -> Path | None:
        """Its file, if it is one that Python's own SQLite can read."""
        return find_plain_file(self.database, self.root)

    @property
    def key(self) -> str:
        """What files about it are called: its address, as a hash."""
        return hash_address(self.database, self.root)

    @property
    def is_in_project(self) -> bool:
        """Whether it is a file in the project's folder, which is whose it is then.

        Or on a server whose data is there.
        """
        if self.file is not None:
            return self.file.resolve().is_relative_to(self.root)
        services = find_services(self.project)
        return any(each.has(self.database.url) for each in services)

    @property
    def title(self) -> str:
        """What people know it by: its file, or its name on the server."""
        if self.file is not None:
            return self.file.name
        return self.database.url.partition("?")[0].rpartition("/")[2]

    @property
    def version_table(self) -> str:
        """The table in which Alembic keeps where it is; its rows are nobody's data."""
        try:
            if self.migrated is not None:
                scripts = self.migrated.read(self.root)
                return find_version_table(scripts).name
        except SceneshiftError:  # who migrates it will say so
            pass
        return VersionTable().name

    def check_lasting(self) -> None:
        """Make sure that there is something of it to be kept.

        Raises:
            SceneshiftError: It is in memory.
        """
        if not self.database.is_lasting:
            raise SceneshiftError(
                f"{quote(self.database.name)} is in memory: nothing of it can be kept",
                hint=f"name a file in {self.database.variable}: sqlite:///app.db",
            )

    def make_folder(self, *parts: str) -> Path:
        """Make and return the folder of what is kept of it.

        Raises:
            SceneshiftError: It cannot be made.
        """
        name = f"{self.database.name}-{self.key}"
        return StateFolder(self.root).make(FOLDER, name, *parts)

    @property
    def folder(self) -> Path:
        """That folder, which may not be there."""
        name = f"{self.database.name}-{self.key}"
        return StateFolder(self.root).path / FOLDER / name

    def name_lock(self) -> Path:
        """Return the file that whoever changes it holds; its folder is made.

        Raises:
            SceneshiftError: It cannot be made.
        """
        return StateFolder(self.root).make(FOLDER) / f"{self.key}.lock"


class Request(Struct, frozen=True, kw_only=True):
    """What was asked of a command about databases.

    Attributes:
        root: The project's folder.
        environ: The process environment.
        environment: Name or alias; None means the active one.
        database: Name of a database; None means all that the command is for.
        is_confirmed: Whether `--yes` was given.
        is_dry: Whether the plan is to be shown alone.
        as_json: Whether JSON is printed.
    """

    root: Path
    environ: Mapping[str, str]
    environment: str | None = None
    database: str | None = None
    is_confirmed: bool = False
    is_dry: bool = False
    as_json: bool = False

    def load(self) -> list[Target]:
        """Return the databases that are meant; see `load_targets`."""
        return load_targets(
            self.root,
            self.environ,
            environment=self.environment,
            database=self.database,
        )


def hash_address(database: Database, root: Path) -> str:
    """Return a name for files about a database: two of one address have the same."""
    place = database.find_file(root) or database.url
    return blake2b(os.fsencode(place), digest_size=8).hexdigest()


def load_targets(
    root: Path,
    environ: Mapping[str, str],
    *,
    environment: str | None = None,
    database: str | None = None,
) -> list[Target]:
    """Return the databases of an environment, or the one that is named.

    Args:
        root: The project's folder.
        environ: The process environment.
        environment: Name or alias; None means the active one.
        database: Name of a database; None means all.

    Raises:
        ConfigError: A file says what cannot be.
        UsageError: There is no such environment or database, or none at all.
    """
    project = open_project(root, environ, environment)
    return _choose(list_targets(project), database, project.environment.name)


def open_project(
    root: Path, environ: Mapping[str, str], environment: str | None = None
) -> Project:
    """Return a project whose own servers answer, until this program ends.

    Args:
        root: The project's folder.
        environ: The process environment.
        environment: Name or alias; None means the active one.

    Raises:
        ConfigError: A file says what cannot be.
        UsageError: There is no such environment.
        SceneshiftError: A server does not start, and why.
    """
    project = load_project(
        root, environ=environ, environment=environment, is_looking=True
    )
    use_services(find_services(project), environ, StreamConsole().note)
    return project


def list_targets(project: Project) -> list[Target]:
    """Return the databases of a project's environment.

    Raises:
        ConfigError: A file says what cannot be.
    """
    _resume(project.root)
    owner = find_owner(project)
    migrated = {each.database.variable: each for each in list_migrated(project)}
    databases = {
        each.variable: each for each in list_databases(project.environment.values)
    }
    databases |= {name: each.database for name, each in migrated.items()}
    return [
        Target(
            project=project,
            database=each,
            migrated=migrated.get(variable),
            owner=owner,
        )
        for variable, each in databases.items()
    ]


def _resume(root: Path) -> None:
    """Do a squash to the end that was killed, or take it back."""
    if (StateFolder(root).path / FOLDER / JOURNAL).exists():
        from sceneshift.data.squash.exchange import resume  # noqa: PLC0415 - seldom

        resume(root)


def _choose(found: list[Target], name: str | None, environment: str) -> list[Target]:
    names = [each.database.name for each in found]
    if not found:
        raise UsageError(
            f"the environment {quote(environment)} has no database",
            hint="name one: [tool.sceneshift.environments."
            f'{environment}] databases = {{ default = "sqlite:///app.db" }}',
        )
    if name is None:
        return found
    if name not in names:
        raise UsageError(
            f"{quote(environment)} has no database {quote(name)}",
            hint=suggest(name, names),
        )
    return [each for each in found if each.database.name == name]


def load_target(
    root: Path,
    environ: Mapping[str, str],
    *,
    environment: str | None = None,
    database: str | None = None,
) -> Target:
    """Return one database: the one that is named, the default one, or the only one.

    Args:
        root: The project's folder.
        environ: The process environment.
        environment: Name or alias; None means the active one.
        database: Name of a database; None means what is meant by none.

    Raises:
        ConfigError: A file says what cannot be.
        UsageError: There is no such environment or database, or there are several.
    """
    found = load_targets(root, environ, environment=environment, database=database)
    usual = [each for each in found if each.database.name == DEFAULT] or found
    if len(usual) == 1:
        return usual[0]
    names = [each.database.name for each in found]
    raise UsageError(
        f"{quote(found[0].environment)} has several databases: {name_few(names, _FEW)}",
        hint=f"name one: --database {names[0]}",
    )


def find_owner(project: Project) -> str:
    """Return the project's name: that of pyproject.toml, or of the main checkout."""
    worktree = project.worktree
    folder = project.root if worktree is None else worktree.common.parent
    return read_project_name(project.root) or folder.name
