"""A project in one environment: what its files say, resolved together."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.commandline import find_scheme
from sceneshift.core.config import PYPROJECT, TABLE, Config, ProcessConfig, load_config
from sceneshift.core.databases import check_database_names
from sceneshift.core.environment import Environment, expand, resolve_environment
from sceneshift.core.instances import (
    Instance,
    expand_instances,
    list_fixed_ports,
    name_addresses,
    number_types,
)
from sceneshift.core.marks import ROOT_VARIABLE
from sceneshift.core.procfile import (
    DEFAULT_FILES,
    Procfile,
    load_procfile,
    unknown_process,
)
from sceneshift.core.schema import join_keys, key_error
from sceneshift.core.selection import VARIABLE
from sceneshift.core.value import Source, SourceKind, Value
from sceneshift.core.worktree import Worktree, find_worktree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_USES_PORT = re.compile(r"\$(?:PORT\b|\{PORT\b)")


class Project(Struct, frozen=True, kw_only=True):
    """What the files of a project say, for one environment.

    Attributes:
        root: The project's folder, absolute.
        config: What its pyproject.toml says.
        environment: The environment, the addresses of all processes included.
        procfile: Its processes.
        instances: Each instance of each process, with its port.
        numbers: Place of each line of the Procfile in the numbering of ports.
        worktree: The linked worktree that it is in; None in the main checkout.
        offset: How far its fixed ports are above those of the main checkout.
        shared: Types that run in the main checkout alone.
    """

    root: Path
    config: Config
    environment: Environment
    procfile: Procfile
    instances: tuple[Instance, ...]
    numbers: Mapping[str, int]
    worktree: Worktree | None = None
    offset: int = 0
    shared: frozenset[str] = frozenset()


def load_project(  # noqa: PLR0913 - options, each by its name
    root: Path,
    *,
    environ: Mapping[str, str],
    environment: str | None = None,
    concurrency: Mapping[str, int] | None = None,
    procfile: str | None = None,
    is_looking: bool = False,
    config: Config | None = None,
    former: Mapping[str, int] | None = None,
) -> Project:
    """Read configuration, environment and Procfile, and find each process's port.

    Ports that the environment leaves to `auto` are allocated here, and kept in
    `.sceneshift/ports.json`; the offset of a linked worktree is kept in the `.git` that
    all worktrees share. Nothing else is written.

    Args:
        root: The project's folder.
        environ: The process environment.
        environment: Name or alias of the environment; None means the active one.
        concurrency: Number of instances by process; one where it says nothing.
        procfile: The Procfile, relative to `root`; None means the configured one,
            or that of the variable PROCFILE.
        is_looking: Whether nothing is to run: then nothing is written, and a project
            without a Procfile has no processes.
        config: What pyproject.toml says, where that was read already.
        former: The numbering of a stack that runs, whose processes keep their ports.

    Raises:
        ConfigError: A file says what cannot be.
        UsageError: An argument names what does not exist.
    """
    root = root.resolve()
    config = load_config(root) if config is None else config
    resolve = partial(
        resolve_environment, root, config, environ=environ, flag=environment
    )
    active = resolve()
    check_database_names(root, config, active.values)
    named = procfile or config.procfile or _find_name(active)
    parsed = _read_procfile(root, named, may_lack=is_looking)
    if parsed.lines:
        _check_process_names(config, active, parsed)
    numbers = number_types(parsed.commands, former)
    worktree = find_worktree(root)
    offset = _find_offset(worktree, root, config, parsed, is_looking=is_looking)
    shared = frozenset(config.worktrees.share if worktree else ())
    instances = expand_instances(
        root,
        active,
        parsed.commands,
        concurrency or {},
        numbers,
        offset=offset,
        shared=shared,
        is_looking=is_looking,
    )
    # Once more: what the files say may refer to the addresses, `${REDIS_PORT}`, which
    # depend on the ports that they say.
    addresses = list_addresses(instances, active, parsed)
    own = {each.port for each in instances if each.type not in shared}
    return Project(
        root=root,
        config=config,
        environment=resolve(addresses=addresses, own_ports=own),
        procfile=parsed,
        instances=instances,
        numbers=numbers,
        worktree=worktree,
        offset=offset,
        shared=shared,
    )


def _find_offset(
    worktree: Worktree | None,
    root: Path,
    config: Config,
    procfile: Procfile,
    *,
    is_looking: bool,
) -> int:
    if worktree is None or not procfile.commands:
        return 0
    from sceneshift.core.offsets import claim_offset  # noqa: PLC0415 - seldom

    ports = list_fixed_ports(config, procfile.commands)
    return claim_offset(worktree, root, ports, is_looking=is_looking)


def build_common_env(project: Project) -> dict[str, str]:
    """Return what every process and command of the environment gets."""
    env = {key: value.text for key, value in project.environment.values.items()}
    env |= use_virtual_environment(project.root, env)
    return env | {VARIABLE: project.environment.name}


def build_env(project: Project, instance: Instance) -> dict[str, str]:
    """Return the whole environment of a process.

    What the process's own table says is stronger than all.

    Raises:
        ConfigError: That table sets PORT.
    """
    section = project.config.processes.get(instance.type, ProcessConfig())
    if "PORT" in section.env:
        keys = (*TABLE, "processes", instance.type, "env", "PORT")
        hint = f"set `{instance.type}` in `ports` of the environment"
        raise key_error(PYPROJECT, keys, "a port is not set here", hint=hint)
    env = {"PYTHONUNBUFFERED": "1"} | build_common_env(project)
    env |= {
        ROOT_VARIABLE: str(project.root),
        "HONCHO_PROCESS_NAME": instance.label,
        "PORT": str(instance.port),
    }
    return env | {key: expand(str(own), env) for key, own in section.env.items()}


def listens(project: Project, instance: Instance) -> bool:
    """Tell whether anything says that the process uses its port.

    `web` is the type that platforms with Procfiles send requests to.
    """
    section = project.config.processes.get(instance.type, ProcessConfig())
    return (
        instance.type == "web"
        or instance.type in project.environment.ports
        or section.open is not None
        or isinstance(section.health, str)
        or _USES_PORT.search(instance.command) is not None
    )


def list_addresses(
    instances: Sequence[Instance], environment: Environment, procfile: Procfile
) -> dict[str, Value]:
    """Return `<PROCESS>_PORT` and `<PROCESS>_URL` of each type's first instance."""
    addresses: dict[str, Value] = {}
    for instance in instances:
        source = _find_source(instance, environment, procfile)
        port, address = name_addresses(instance.type)
        url = f"{find_scheme(instance.command)}://127.0.0.1:{instance.port}"
        addresses.setdefault(port, Value(str(instance.port), source))
        addresses.setdefault(address, Value(url, source))
    return addresses


def _find_source(
    instance: Instance, environment: Environment, procfile: Procfile
) -> Source:
    """Return what decides on a port: the table, or the place in the Procfile."""
    if instance.type in environment.ports:
        keys = [*TABLE, "environments", environment.name, "ports", instance.type]
        return Source(kind=SourceKind.PYPROJECT, file=PYPROJECT, key=join_keys(keys))
    line = procfile.lines[instance.type]
    return Source(kind=SourceKind.DEFAULT, file=procfile.file, line=line)


def use_virtual_environment(root: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return what activating the project's own `.venv` would set."""
    folder = root / ".venv"
    programs = folder / "bin"
    if not programs.is_dir():
        return {}
    path = os.pathsep.join([str(programs), env.get("PATH", os.defpath)])
    return {"PATH": path, "VIRTUAL_ENV": str(folder)}


def _read_procfile(root: Path, named: str | None, *, may_lack: bool) -> Procfile:
    """Read the Procfile; where there may be none, that is one without processes."""
    files = [Path(named)] if named else DEFAULT_FILES
    if may_lack and not any((root / file).exists() for file in files):
        return Procfile(file=files[0], looked_for=(), commands={}, lines={})
    return load_procfile(root, *files)


def _find_name(environment: Environment) -> str | None:
    """Return the Procfile that the variable PROCFILE names, as honcho has it."""
    value = environment.values.get("PROCFILE")
    return None if value is None else value.text or None


def _check_process_names(
    config: Config, environment: Environment, procfile: Procfile
) -> None:
    """Refuse settings of processes that the Procfile does not have."""
    processes = (*TABLE, "processes")
    environments = (*TABLE, "environments", environment.name)
    section = config.environments.get(environment.name)
    shared = (*TABLE, "worktrees", "share")
    tables: tuple[tuple[tuple[str, ...], Iterable[str]], ...] = (
        (processes, config.processes),
        ((*environments, "ports"), environment.ports),
        ((*environments, "debug_ports"), section.debug_ports if section else ()),
        (shared, config.worktrees.share),
    )
    for keys, names in tables:
        for name in names:
            if name not in procfile.commands:
                raise unknown_process([*keys, name], name, procfile.commands)
