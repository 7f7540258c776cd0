"""Reading what editors need to know off a project's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.core.config import load_config, read_project_name
from sceneshift.core.environment import resolve_environment
from sceneshift.core.project import load_project
from sceneshift.core.selection import (
    DEFAULT_NAME,
    get_name,
    is_guarded,
    list_aliases,
    list_shared_environments,
)
from sceneshift.ide.databases import list_databases, list_datasets
from sceneshift.ide.guarded import is_left_alone
from sceneshift.ide.model import Commands, Environment, Kind, Model
from sceneshift.ide.processes import read_processes
from sceneshift.ide.setup import find_setup
from sceneshift.ide.suite import find_tests

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from sceneshift.core.config import Config, EnvironmentConfig

# The commands of projects that do this, by the first of these names that there is.
_TEST = ("test", "test.run", "test.all", "tests", "tests.run", "tests.all")
_QUALITY = (
    *("quality", "quality.run", "quality.all", "quality.check", "lint", "lint.run"),
    *("test.lint", "check", "check.run", "check.all"),
)


def read_model(root: Path, *, tasks: Collection[str] = ()) -> Model:
    """Read a project, in all its environments; nothing is written.

    What comes of it is the same on each machine, and in each worktree of git: editors'
    files are committed. So no env file is read and no variable of the shell, ports are
    those of the main checkout, and one that is `auto` is none.

    Args:
        root: The project's folder.
        tasks: Names of the project's own commands.

    Raises:
        ConfigError: A file says what cannot be.
    """
    root = root.resolve()
    config = load_config(root)
    environments = tuple(_read_environments(root, config))
    return Model(
        name=read_project_name(root) or root.name,
        environments=environments,
        virtual_environment=config.ide.virtual_environment or None,
        datasets=tuple(list_datasets(root, config)),
        tests=find_tests(root),
        commands=_read_commands(tasks),
        packages=tuple(_list_packages(root, environments)),
        setup=find_setup(root, environments),
    )


def _read_commands(tasks: Collection[str]) -> Commands:
    return Commands(
        test=_pick(_TEST, tasks),
        quality=_pick(_QUALITY, tasks),
        own=tuple(sorted(tasks)),
    )


def _pick(names: Sequence[str], tasks: Collection[str]) -> str | None:
    return next((name for name in names if name in tasks), None)


def _read_environments(root: Path, config: Config) -> Iterator[Environment]:
    sections = list_shared_environments(root, config)
    aliases = {name: list_aliases(name, sections) for name in sections}
    development = _find_development(config, sections)
    committed = _leave_out_files(config, sections)
    for name, section in sections.items():
        known = _leave_out_port(root, committed, name)
        project = load_project(
            root, environ={}, environment=name, is_looking=True, config=known
        )
        has_ports = known is committed
        names = (name, *aliases[name])
        yield Environment(
            name=name,
            aliases=aliases[name],
            is_guarded=is_left_alone(names, section, config),
            is_development=name == development,
            processes=tuple(read_processes(project, has_ports=has_ports)),
            databases=list_databases(root, config, name, section),
            dataset=section.dataset,
        )


def _leave_out_files(
    config: Config, sections: Mapping[str, EnvironmentConfig]
) -> Config:
    """Return a configuration by which nothing is read that one machine alone has.

    Databases go with the env files, which may be all that names them.
    """
    bare = {name: replace(each, env_files=[]) for name, each in sections.items()}
    worktrees = replace(config.worktrees, share_databases=[])
    return replace(config, environments=bare, databases={}, worktrees=worktrees)


def _leave_out_port(root: Path, config: Config, name: str) -> Config:
    """Return a configuration without a PORT that only a machine's own variables tell.

    It is the same one where there is no such PORT.
    """
    section = config.environments[name]
    if "${" not in str(section.env.get("PORT", "")):
        return config
    values = resolve_environment(root, config, environ={}, flag=name).values
    if values["PORT"].text.isdecimal():
        return config
    env = {key: text for key, text in section.env.items() if key != "PORT"}
    sections = {**config.environments, name: replace(section, env=env)}
    return replace(config, environments=sections)


def _find_development(config: Config, sections: Mapping[str, EnvironmentConfig]) -> str:
    """Return the environment in which code is written.

    That is the one that is active where nobody says another, unless it is guarded.
    """
    asked = config.default_environment or DEFAULT_NAME
    for each in (asked, DEFAULT_NAME):
        name = get_name(each, sections)
        if not is_guarded(name, sections[name], config):
            return name
    return ""


def _list_packages(root: Path, environments: Sequence[Environment]) -> Iterator[str]:
    """Yield where commands are offered in a package.json: at the top, or of pages."""
    if (root / "package.json").is_file():
        yield "."
        return
    folders = (
        each.folder
        for environment in environments[:1]
        for each in environment.processes
        if each.kind in {Kind.NODE, Kind.VITE}
    )
    for folder in dict.fromkeys(folders):
        if not folder.startswith("..") and (root / folder / "package.json").is_file():
            yield folder
