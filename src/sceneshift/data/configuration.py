"""Which databases of an environment have migrations, and where these are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.config import PYPROJECT, TABLE
from sceneshift.core.databases import Database, list_databases, name_variable
from sceneshift.core.schema import key_error
from sceneshift.core.wording import quote
from sceneshift.data.scripts import INI, Scripts, read_scripts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.core.project import Project


class Migrated(Struct, frozen=True, kw_only=True):
    """A database that has migrations.

    Attributes:
        database: The database.
        config: Alembic's configuration, relative to the project.
        key: Where that is said; None where it was found in its usual place.
    """

    database: Database
    config: Path
    key: tuple[str, ...] | None = None

    def read(self, root: Path) -> Scripts:
        """Read where its scripts are.

        Raises:
            ConfigError: The file does not exist or cannot be read, or the scripts are
                not where it says.
        """
        if self.key is not None and not (root / self.config).is_file():
            problem = f"there is no file {quote(str(self.config))}"
            hint = "name it as seen from the project's folder"
            raise key_error(PYPROJECT, self.key, problem, hint=hint)
        return read_scripts(root, self.config)


def list_migrated(project: Project) -> list[Migrated]:
    """Return the databases of the project's environment that have migrations.

    They are those whose table says `alembic = "…"`. Where none does, it is the only
    database there is, with the only configuration in a usual place: an alembic.ini
    beside pyproject.toml, or the table `[tool.alembic]` in that. One in memory has
    none: it is empty each time, and migrated by whoever opens it, or never.
    """
    found = _list_all(project)
    return [each for each in found if each.database.is_lasting]


def _list_all(project: Project) -> list[Migrated]:
    databases = collect_databases(project)
    configured = list(_list_configured(project))
    if configured:
        return [
            Migrated(database=databases[variable], config=config, key=key)
            for variable, config, key in configured
            if variable in databases
        ]
    usual = _find_usual(project.root) if len(databases) == 1 else None
    if usual is None:
        return []
    return [Migrated(database=each, config=usual) for each in databases.values()]


def collect_databases(project: Project) -> dict[str, Database]:
    """Return databases by variable: the project's, and what its tables name.

    What only the shell has is not the project's, unless there is a table for it.
    """
    values = project.environment.values
    found = {each.variable: each for each in list_databases(values)}
    for name in project.config.databases:
        value = values.get(name_variable(name))
        if value is not None and "://" in value.text:
            one = Database(name=name, url=value.text)
            found.setdefault(one.variable, one)
    return found


def _list_configured(
    project: Project,
) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    """Yield (variable, Alembic's file, key path) of each table that names one."""
    for name, section in project.config.databases.items():
        if section.alembic is not None:
            key = (*TABLE, "databases", name, "alembic")
            yield name_variable(name), Path(section.alembic), key


def _find_usual(root: Path) -> Path | None:
    # The file first: Alembic reads the table too, where both are there.
    if (root / INI).is_file():
        return INI
    try:
        text = (root / PYPROJECT).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    return PYPROJECT if "\n[tool.alembic]" in f"\n{text}" else None
