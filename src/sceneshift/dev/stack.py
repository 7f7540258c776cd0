"""From files to the stack that is about to run: load, resolve, check, assemble."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.config import PYPROJECT, TABLE, Config, ProcessConfig, load_config
from sceneshift.core.environment import (
    STATE_FILE,
    VARIABLE,
    Environment,
    expand,
    resolve_environment,
)
from sceneshift.core.errors import ConfigError, UsageError
from sceneshift.core.schema import key_error
from sceneshift.core.wording import quote, suggest
from sceneshift.dev.absence import find_absence
from sceneshift.dev.command import find_scheme
from sceneshift.dev.dependencies import close_over, read_dependencies, unknown_process
from sceneshift.dev.holders import ROOT_VARIABLE
from sceneshift.dev.instances import (
    Instance,
    expand_instances,
    name_addresses,
    number_types,
)
from sceneshift.dev.model import (
    CommandProbe,
    Condition,
    Dependency,
    HttpProbe,
    LogProbe,
    Probe,
    ProcessSpec,
    ReloadPolicy,
    SetupStep,
    StackSpec,
    StopPolicy,
    TcpProbe,
)
from sceneshift.dev.pattern import compile_pattern
from sceneshift.dev.procfile import Procfile, load_procfile

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sceneshift.dev.dependencies import Graph

_USES_PORT = re.compile(r"\$(?:PORT\b|\{PORT\b)")


class _Sources(Struct, frozen=True, kw_only=True):
    """What the files say, checked file by file and against each other."""

    root: Path
    config: Config
    environment: Environment
    procfile: Procfile
    graph: Graph
    instances: tuple[Instance, ...]


def load_stack(  # noqa: PLR0913 - one argument for each flag of the command
    root: Path,
    *,
    environ: Mapping[str, str],
    environment: str | None = None,
    concurrency: Mapping[str, int] | None = None,
    only: Sequence[str] = (),
    procfile: str | None = None,
    former: StackSpec | None = None,
) -> StackSpec:
    """Read configuration, environment and Procfile; return what is to run.

    Ports that the environment leaves to `auto` are allocated here, and kept in
    `.sceneshift/ports.json`. Nothing else is written, and nothing is
    started but a Python that is asked for a module which no folder shows.

    Args:
        root: The project's folder.
        environ: The process environment.
        environment: Name or alias of the environment; None means the active one.
        concurrency: Number of instances by process; one where it says nothing.
        only: Processes to run, with all that they depend on; none means all.
        procfile: The Procfile, relative to `root`; None means the configured one,
            or that of the variable PROCFILE.
        former: The stack that runs, whose processes keep their ports.

    Raises:
        ConfigError: A file says what cannot be.
        UsageError: An argument names what does not exist, or leaves nothing to run.
    """
    root = root.resolve()
    config = load_config(root)
    active = resolve_environment(root, config, environ=environ, flag=environment)
    named = procfile or config.procfile or _find_name(active)
    parsed = load_procfile(root, *([Path(named)] if named else []))
    _check_process_names(config, active, parsed)
    graph = read_dependencies(config, list(parsed.commands))
    wanted = close_over(graph, only or list(graph))
    numbers = number_types(parsed.commands, former.numbers if former else None)
    instances = expand_instances(
        root, active, parsed.commands, concurrency or {}, numbers
    )
    # Once more: what the files say may refer to the addresses, `${REDIS_PORT}`, which
    # depend on the ports that they say.
    active = resolve_environment(
        root,
        config,
        environ=environ,
        flag=environment,
        addresses=_list_addresses(instances),
    )
    sources = _Sources(
        root=root,
        config=config,
        environment=active,
        procfile=parsed,
        graph=graph,
        instances=instances,
    )
    return StackSpec(
        root=root,
        environment=active.name,
        processes=_assemble_all(sources, wanted),
        inputs=_list_inputs(sources),
        numbers=numbers,
    )


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


def _list_inputs(sources: _Sources) -> tuple[Path, ...]:
    files = [PYPROJECT, STATE_FILE, *sources.procfile.looked_for]
    return tuple(sources.root / file for file in [*files, *sources.environment.files])


def _assemble_all(
    sources: _Sources, wanted: Collection[str]
) -> tuple[ProcessSpec, ...]:
    """Return the processes of these types; there is one at least."""
    chosen = [each for each in sources.instances if each.type in wanted]
    if not chosen:
        raise UsageError(
            "no process is left to start: `--concurrency` has 0 for each",
            hint="leave one of them out of it, or give it 1 or more",
        )
    return tuple(_assemble(sources, instance) for instance in chosen)


def _assemble(sources: _Sources, instance: Instance) -> ProcessSpec:
    """Return one process with everything that is known of it."""
    name = instance.type
    section = sources.config.processes.get(name, ProcessConfig())
    keys = (*TABLE, "processes", name)
    cwd = _get_cwd(sources.root, section, keys)
    env = _build_env(sources, instance, section)
    if not _may_be_made(sources, name):
        _check_command(sources.procfile, instance, cwd, env)
    return ProcessSpec(
        name=instance.name,
        label=instance.label,
        command=instance.command,
        cwd=cwd,
        env=env,
        port=instance.port,
        listens=_listens(sources.environment, instance, section),
        probe=_get_probe(section, keys),
        depends_on=_get_dependencies(sources, name),
        setup=_get_setup(section),
        watch=None if section.watch is None else tuple(section.watch),
        reload=ReloadPolicy(section.reload),
        stop=_get_stop_policy(section, keys),
        open=section.open,
        scheme=find_scheme(instance.command),
    )


def _build_env(
    sources: _Sources, instance: Instance, section: ProcessConfig
) -> dict[str, str]:
    """Return the whole environment of a process.

    What the process's own table says is stronger than all.
    """
    if "PORT" in section.env:
        keys = (*TABLE, "processes", instance.type, "env", "PORT")
        hint = f"set `{instance.type}` in `ports` of the environment"
        raise key_error(PYPROJECT, keys, "a port is not set here", hint=hint)
    values = sources.environment.values
    env = {"PYTHONUNBUFFERED": "1"}
    env |= {key: value.text for key, value in values.items()}
    env |= _use_virtual_environment(sources.root, env)
    env |= {
        VARIABLE: sources.environment.name,
        ROOT_VARIABLE: str(sources.root),
        "HONCHO_PROCESS_NAME": instance.label,
        "PORT": str(instance.port),
    }
    return env | {key: expand(str(own), env) for key, own in section.env.items()}


def _list_addresses(instances: Sequence[Instance]) -> dict[str, str]:
    """Return `<PROCESS>_PORT` and `<PROCESS>_URL` of each type's first instance."""
    addresses: dict[str, str] = {}
    for instance in instances:
        port, url = name_addresses(instance.type)
        addresses.setdefault(port, str(instance.port))
        scheme = find_scheme(instance.command)
        addresses.setdefault(url, f"{scheme}://127.0.0.1:{instance.port}")
    return addresses


def _use_virtual_environment(root: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return what activating the project's own `.venv` would set."""
    folder = root / ".venv"
    programs = folder / "bin"
    if not programs.is_dir():
        return {}
    path = os.pathsep.join([str(programs), env.get("PATH", os.defpath)])
    return {"PATH": path, "VIRTUAL_ENV": str(folder)}


def _get_cwd(root: Path, section: ProcessConfig, keys: Sequence[str]) -> Path:
    cwd = (root / section.cwd).resolve()
    if not cwd.is_dir():
        text = f"there is no folder {quote(section.cwd)} in the project"
        raise key_error(PYPROJECT, [*keys, "cwd"], text, hint=f"looked at: {cwd}")
    return cwd


def _check_command(
    procfile: Procfile, instance: Instance, cwd: Path, env: Mapping[str, str]
) -> None:
    absence = find_absence(instance.command, cwd=cwd, env=env)
    if absence is not None:
        raise ConfigError(
            f"`{instance.type}` {absence}",
            file=procfile.file,
            line=procfile.lines[instance.type],
            hint=absence.hint,
        )


def _may_be_made(sources: _Sources, name: str) -> bool:
    """Tell whether something runs before a process that may well make what it runs.

    That is a set-up, its own or of what it waits for, or a process whose end is
    waited for.
    """
    before = close_over(sources.graph, [name])
    sections = sources.config.processes
    return any(
        (other in sections and sections[other].setup is not None)
        or any(need.condition is Condition.COMPLETED for need in sources.graph[other])
        for other in before
    )


def _listens(
    environment: Environment, instance: Instance, section: ProcessConfig
) -> bool:
    """Tell whether anything says that the process uses its port.

    `web` is the type that platforms with Procfiles send requests to.
    """
    return (
        instance.type == "web"
        or instance.type in environment.ports
        or section.open is not None
        or isinstance(section.health, str)
        or _USES_PORT.search(instance.command) is not None
    )


def _get_probe(section: ProcessConfig, keys: Sequence[str]) -> Probe | None:
    health = section.health
    if health is None:
        return None
    if isinstance(health, str):
        return TcpProbe() if health == "tcp" else HttpProbe(path=health)
    if health.command is not None:
        return CommandProbe(command=health.command)
    pattern = health.log or ""
    try:
        compile_pattern(pattern)
    except ValueError as exc:
        text = f"{quote(pattern)} is no regular expression: {exc}"
        hint = "mend it, or escape what is meant as it stands: \\("
        keys = [*keys, "health", "log"]
        raise key_error(PYPROJECT, keys, text, hint=hint) from exc
    return LogProbe(pattern=pattern)


def _get_dependencies(sources: _Sources, name: str) -> tuple[Dependency, ...]:
    """Return the dependencies on each instance of the types that are named."""
    return tuple(
        Dependency(name=instance.name, condition=entry.condition)
        for entry in sources.graph[name]
        for instance in sources.instances
        if instance.type == entry.name
    )


def _get_setup(section: ProcessConfig) -> SetupStep | None:
    if section.setup is None:
        return None
    return SetupStep(run=section.setup.run, when=tuple(section.setup.when))


def _get_stop_policy(section: ProcessConfig, keys: Sequence[str]) -> StopPolicy:
    stop = section.stop
    known = {one.name.removeprefix("SIG"): one for one in signal.Signals}
    name = stop.signal.upper().removeprefix("SIG")
    if name not in known:
        text = f"{quote(stop.signal)} is no signal"
        hint = suggest(name, known)
        raise key_error(PYPROJECT, [*keys, "stop", "signal"], text, hint=hint)
    return StopPolicy(
        signal=known[name], time_s=stop.time_s, reload_time_s=stop.reload_time_s
    )
