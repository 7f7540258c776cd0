"""Reading what editors need to know off a project's files."""

from __future__ import annotations

import os
import re
import shlex
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.core.config import (
    PYPROJECT,
    ProcessConfig,
    load_config,
    read_project_name,
)
from sceneshift.core.databases import DEFAULT
from sceneshift.core.debugports import find_debug_ports
from sceneshift.core.errors import ConfigError
from sceneshift.core.invocation import list_packages
from sceneshift.core.project import build_env, listens, load_project
from sceneshift.core.selection import (
    DEFAULT_NAME,
    get_name,
    is_guarded,
    list_aliases,
    list_shared_environments,
)
from sceneshift.ide.jsonc import parse
from sceneshift.ide.kinds import detect
from sceneshift.ide.model import (
    Commands,
    Database,
    Environment,
    Kind,
    Model,
    Process,
)
from sceneshift.ide.suite import find_tests

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sceneshift.core.config import Config, EnvironmentConfig
    from sceneshift.core.instances import Instance
    from sceneshift.core.project import Project
    from sceneshift.ide.kinds import Detected

_ALEMBIC = "alembic.ini"
_SEEDS = "seeds"
_ADDRESS = "127.0.0.1"
# Of a configuration of Vite; an address elsewhere in it is mostly a proxy's.
_HOST = re.compile(rf"""\bhost["']?\s*:\s*["'`]{re.escape(_ADDRESS)}["'`]""")
_VENV = "python -m venv .venv && .venv/bin/pip install"
_SETUPS = {
    "inv": "./inv --list",
    "uv.lock": "pip install uv && uv sync",
    "poetry.lock": "pip install poetry && poetry config virtualenvs.in-project true "
    "&& poetry install",
    "requirements-dev.txt": f"{_VENV} -r requirements-dev.txt",
    "requirements.txt": f"{_VENV} -r requirements.txt",
    PYPROJECT.name: f"{_VENV} -e .",
}
# All that a shell may say: whatever else it has is one person's.
_PASSED = ("HOME", "PATH")
_PRODUCTION = frozenset({"prod", "production"})
# The commands of projects that do this, by the first of these names that there is.
_TEST = ("test", "test.run", "test.all", "tests", "tests.run", "tests.all")
_QUALITY = (
    *("quality", "quality.run", "quality.all", "quality.check", "lint", "lint.run"),
    *("test.lint", "check", "check.run", "check.all"),
)


def read_model(
    root: Path, environ: Mapping[str, str], *, tasks: Collection[str] = ()
) -> Model:
    """Read a project, in all its environments; nothing is written.

    What comes of it is the same on each machine, and in each worktree of git: editors'
    files are committed. So no env file is read, ports are those of the main checkout,
    and one that is `auto` is none.

    Args:
        root: The project's folder.
        environ: The process environment; only where programs are is taken from it.
        tasks: Names of the project's own commands.

    Raises:
        ConfigError: A file says what cannot be.
    """
    root = root.resolve()
    passed = {name: environ[name] for name in _PASSED if name in environ}
    config = load_config(root)
    environments = tuple(_read_environments(root, config, passed))
    databases = tuple(_list_databases(root, config))
    return Model(
        name=read_project_name(root) or root.name,
        environments=environments,
        virtual_environment=config.ide.virtual_environment or None,
        databases=databases,
        datasets=tuple(_list_datasets(root, config)),
        tests=find_tests(root),
        commands=Commands(test=_pick(_TEST, tasks), quality=_pick(_QUALITY, tasks)),
        packages=tuple(_list_packages(root, environments)),
        setup=_find_setup(root),
    )


def _pick(names: Sequence[str], tasks: Collection[str]) -> str | None:
    return next((name for name in names if name in tasks), None)


def _read_environments(
    root: Path, config: Config, environ: Mapping[str, str]
) -> Iterator[Environment]:
    sections = list_shared_environments(root, config)
    aliases = {name: list_aliases(name, sections) for name in sections}
    development = _find_development(config, sections)
    committed = _leave_out_files(config, sections)
    for name, section in sections.items():
        project = load_project(
            root, environ=environ, environment=name, is_looking=True, config=committed
        )
        names = {name, *aliases[name]}
        yield Environment(
            name=name,
            aliases=aliases[name],
            is_guarded=is_guarded(name, section, config) or bool(names & _PRODUCTION),
            is_development=name == development,
            processes=tuple(_read_processes(project)),
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


def _read_processes(project: Project) -> Iterator[Process]:
    debug_ports = find_debug_ports(project)
    for instance in project.instances:
        section = project.config.processes.get(instance.type, ProcessConfig())
        cwd = Path(os.path.normpath(project.root / section.cwd))
        _check_packages(instance.command, cwd, project.root)
        found = detect(instance.command, cwd, build_env(project, instance))
        is_page = found.is_page and found.kind in {Kind.VITE, Kind.NODE}
        is_server = listens(project, instance) or is_page or found.ready is not None
        port = _find_port(project, instance) if is_server else None
        host = _find_host(found)
        url = f"http://{host}:{port}{section.open or '/'}"
        yield Process(
            name=instance.type,
            kind=found.kind,
            program=found.program,
            folder=_relate(found.folder, project.root),
            port=port,
            url=url if port else None,
            debug_port=debug_ports[instance.type] - project.offset,
            python_options=found.python_options,
            reload_arguments=found.reload_arguments,
            steady_arguments=found.steady_arguments,
            ready=found.ready,
            reload_ready=found.reload_ready,
            is_page=is_page,
        )


def _check_packages(command: str, cwd: Path, root: Path) -> None:
    """Refuse a package.json that does not say what a command line runs.

    To guess would make another program of it, and its entries would go.
    """
    for folder in dict.fromkeys(list_packages(command, cwd)):
        path = folder / "package.json"
        if not path.exists():
            continue
        with _reading(path):
            data = path.read_bytes()
        document = parse(data, name=_relate(path, root), is_strict=True)
        if not isinstance(document.value, dict):
            document.refuse(0, "expected an object", hint="put it in braces")


def _find_host(found: Detected) -> str:
    """Return by which name a browser reaches a process.

    Vite listens on what `localhost` means, which may be ::1 alone.
    """
    if found.kind is not Kind.VITE or found.has_host(_ADDRESS):
        return _ADDRESS
    files = sorted(found.folder.glob("vite.config.*"))
    is_said = any(_HOST.search(_read_text(path)) for path in files if path.is_file())
    return _ADDRESS if is_said else "localhost"


def _read_text(path: Path) -> str:
    with _reading(path):
        return path.read_text(encoding="utf-8", errors="replace")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what the system says of a file into one line.

    To take it for one that is not there would remove the entries that it makes.
    """
    try:
        yield
    except OSError as exc:
        raise ConfigError(
            f"cannot be read: {exc.strerror}",
            file=path,
            hint=f"ls -ld {shlex.quote(str(path))}",
        ) from exc


def _find_port(project: Project, instance: Instance) -> int | None:
    """Return the port that a process has in the main checkout of each machine."""
    if project.environment.ports.get(instance.type) == "auto":
        return None
    is_shared = instance.type in project.shared
    return instance.port - (0 if is_shared else project.offset)


def _relate(folder: Path, root: Path) -> str:
    return Path(os.path.relpath(folder, root)).as_posix()


def _list_databases(root: Path, config: Config) -> Iterator[Database]:
    """Yield the databases that committed files name."""
    sections = config.environments.values()
    names = dict.fromkeys(
        (*config.databases, *(name for each in sections for name in each.databases))
    )
    has_usual = (root / _ALEMBIC).is_file() or _has_table(root, "tool.alembic")
    if not names and has_usual:
        names = {DEFAULT: None}
    has_said = any(each.alembic for each in config.databases.values())
    for name in names:
        section = config.databases.get(name)
        is_usual = has_usual and not has_said and len(names) == 1
        yield Database(
            name=name,
            has_migrations=bool(section and section.alembic) or is_usual,
        )


def _has_table(root: Path, name: str) -> bool:
    try:
        text = (root / PYPROJECT).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return f"\n[{name}]" in f"\n{text}"


def _list_datasets(root: Path, config: Config) -> Iterator[str]:
    """Yield the names of what databases can be filled with."""
    folders = [each.seeds for each in config.databases.values() if each.seeds]
    for folder in folders or [_SEEDS]:
        path = root / folder
        with _reading(path):
            found = sorted(path.iterdir()) if path.is_dir() else []
            names = [each.name for each in found if each.is_dir()]
        yield from (name for name in names if name[0] not in "._")


def _find_setup(root: Path) -> str:
    """Return what installs the project: its wrapper, or what has locked its packages.

    All of them make the `.venv` that commands and entries name.
    """
    for file, command in _SETUPS.items():
        if (root / file).is_file():
            return command
    return f"{_VENV} sceneshift"


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
