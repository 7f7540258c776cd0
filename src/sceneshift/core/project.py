"""A project in one environment: what its files say, resolved together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.commandline import find_scheme
from sceneshift.core.config import PYPROJECT, TABLE, Config, ProcessConfig, load_config
from sceneshift.core.environment import Environment, expand, resolve_environment
from sceneshift.core.holders import ROOT_VARIABLE
from sceneshift.core.instances import Instance, expand_instances
from sceneshift.core.procfile import load_procfile, unknown_process
from sceneshift.core.schema import key_error
from sceneshift.core.selection import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sceneshift.core.procfile import Procfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What the files of a project say, for one environment.

    Attributes:
        root: The project's folder, absolute.
        config: What its pyproject.toml says.
        environment: The environment, the addresses of all processes included.
        procfile: Its processes.
        instances: Each instance of each process, with its port.
    """

    root: Path
    config: Config
    environment: Environment
    procfile: Procfile
    instances: tuple[Instance, ...]


def load_project(
    root: Path,
    *,
    environ: Mapping[str, str],
    environment: str | None = None,
    concurrency: Mapping[str, int] | None = None,
    procfile: str | None = None,
) -> Project:
    """Read configuration, environment and Procfile, and find each process's port.

    Ports that the environment leaves to `auto` are allocated here, and kept in
    `.sceneshift/ports.json`. Nothing else is written.

    Args:
        root: The project's folder.
        environ: The process environment.
        environment: Name or alias of the environment; None means the active one.
        concurrency: Number of instances by process; one where it says nothing.
        procfile: The Procfile, relative to `root`; None means the configured one,
            or that of the variable PROCFILE.

    Raises:
        ConfigError: A file says what cannot be.
        UsageError: An argument names what does not exist.
    """
    root = root.resolve()
    config = load_config(root)
    active = resolve_environment(root, config, environ=environ, flag=environment)
    named = procfile or config.procfile or _find_name(active)
    parsed = load_procfile(root, *([Path(named)] if named else []))
    _check_process_names(config, active, parsed)
    instances = expand_instances(root, active, parsed.commands, concurrency or {})
    # Once more: what the files say may refer to the addresses, `${REDIS_PORT}`, which
    # depend on the ports that they say.
    active = resolve_environment(
        root,
        config,
        environ=environ,
        flag=environment,
        addresses=list_addresses(instances),
    )
    return Project(
        root=root,
        config=config,
        environment=active,
        procfile=parsed,
        instances=instances,
    )


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
    env = {"PYTHONUNBUFFERED": "1"}
    env |= {key: value.text for key, value in project.environment.values.items()}
    env |= use_virtual_environment(project.root, env)
    env |= {
        VARIABLE: project.environment.name,
        ROOT_VARIABLE: str(project.root),
        "HONCHO_PROCESS_NAME": instance.label,
        "PORT": str(instance.port),
    }
    return env | {key: expand(str(own), env) for key, own in section.env.items()}


def list_addresses(instances: Sequence[Instance]) -> dict[str, str]:
    """Return `<PROCESS>_PORT` and `<PROCESS>_URL` of each type's first instance."""
    addresses: dict[str, str] = {}
    for instance in instances:
        prefix = instance.type.upper().replace("-", "_")
        addresses.setdefault(f"{prefix}_PORT", str(instance.port))
        scheme = find_scheme(instance.command)
        addresses.setdefault(f"{prefix}_URL", f"{scheme}://127.0.0.1:{instance.port}")
    return addresses


def use_virtual_environment(root: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return what activating the project's own `.venv` would set."""
    folder = root / ".venv"
    programs = folder / "bin"
    if not programs.is_dir():
        return {}
    path = os.pathsep.join([str(programs), env.get("PATH", os.defpath)])
    return {"PATH": path, "VIRTUAL_ENV": str(folder)}


def _find_name(environment: Environment) -> str | None:
    """Return the Procfile that the variable PROCFILE names, as honcho has it."""
    value = environment.values.get("PROCFILE")
    return None if value is None else value.text or None


def _check_process_names(
    config: Config, environment: Environment, procfile: Procfile
) -> None:
    """Refuse settings of processes that the Procfile does not have."""
    processes = (*TABLE, "processes")
    ports = (*TABLE, "environments", environment.name, "ports")
    for keys, names in ((processes, config.processes), (ports, environment.ports)):
        for name in names:
            if name not in procfile.commands:
                raise unknown_process([*keys, name], name, procfile.commands)
