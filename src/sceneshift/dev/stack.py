"""From files to the stack that is about to run: load, resolve, check, assemble."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.commandline import find_scheme
from sceneshift.core.config import PYPROJECT, TABLE, ProcessConfig
from sceneshift.core.errors import ConfigError, UsageError
from sceneshift.core.project import Project, build_env, listens, load_project
from sceneshift.core.schema import key_error
from sceneshift.core.selection import STATE_FILE
from sceneshift.core.services.use import find_services
from sceneshift.core.wording import quote, suggest
from sceneshift.dev.absence import find_absence
from sceneshift.dev.dependencies import close_over, read_dependencies
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

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from sceneshift.core.instances import Instance
    from sceneshift.core.procfile import Procfile
    from sceneshift.core.services.service import Service
    from sceneshift.dev.dependencies import Graph


class _Sources(Struct, frozen=True, kw_only=True):
    """What the files say, and in which order processes may start."""

    project: Project
    graph: Graph
    services: tuple[Service, ...]


def load_stack(  # noqa: PLR0913 - one argument for each flag of the command
    root: Path,
    *,
    environ: Mapping[str, str],
    environment: str | None = None,
    concurrency: Mapping[str, int] | None = None,
    only: Sequence[str] = (),
    procfile: str | None = None,
    debug: str = "",
    former: StackSpec | None = None,
    is_looking: bool = False,
) -> StackSpec:
    """Read configuration, environment and Procfile; return what is to run.

    Ports that the environment leaves to `auto` are allocated here, and kept in
    `.sceneshift/ports.json`, the offset of a linked worktree in the `.git` that all
    share. Nothing else is written, and nothing is started but a Python that is asked
    for a module which no folder shows.

    Args:
        root: The project's folder.
        environ: The process environment.
        environment: Name or alias of the environment; None means the active one.
        concurrency: Number of instances by process; one where it says nothing.
        only: Processes to run, with all that they depend on; none means all.
        procfile: The Procfile, relative to `root`; None means the configured one,
            or that of the variable PROCFILE.
        debug: Processes that are debugged, `web,worker`, or `*`; empty means none.
        former: The stack that runs, whose processes keep their ports.
        is_looking: Whether nothing is to run, and so nothing is written.

    Raises:
        ConfigError: A file says what cannot be.
        UsageError: An argument names what does not exist, or leaves nothing to run.
    """
    project = load_project(
        root,
        environ=environ,
        environment=environment,
        concurrency=concurrency,
        procfile=procfile,
        is_looking=is_looking,
        former=former.numbers if former else None,
    )
    project.procfile.refuse_missing(project.root)
    graph = read_dependencies(project.config, list(project.procfile.commands))
    wanted = close_over(graph, only or list(graph))
    services = find_services(project)
    sources = _Sources(project=project, graph=graph, services=services)
    return StackSpec(
        root=project.root,
        environment=project.environment.name,
        processes=_add_debug_ports(
            _assemble_all(sources, wanted), project, debug, former
        ),
        inputs=_list_inputs(project),
        numbers=project.numbers,
        worktree=project.worktree.name if project.worktree else "",
        offset=project.offset,
        separation=project.environment.separation,
        protected=project.environment.protected,
    )


def _add_debug_ports(
    processes: tuple[ProcessSpec, ...],
    project: Project,
    debug: str,
    former: StackSpec | None,
) -> tuple[ProcessSpec, ...]:
    if not debug:
        return processes
    from sceneshift.dev.debugged import assign_debug_ports  # noqa: PLC0415 - seldom

    return assign_debug_ports(processes, project, debug, former=former)


def _list_inputs(project: Project) -> tuple[Path, ...]:
    files = [PYPROJECT, STATE_FILE, *project.procfile.looked_for]
    return tuple(project.root / file for file in [*files, *project.environment.files])


def _assemble_all(
    sources: _Sources, wanted: Collection[str]
) -> tuple[ProcessSpec, ...]:
    """Return the processes of these types; there is one at least."""
    mine = set(wanted) - sources.project.shared
    chosen = [each for each in sources.project.instances if each.type in mine]
    if not chosen:
        raise UsageError(
            "no process is left to start: `--concurrency` has 0 for each",
            hint="leave one of them out of it, or give it 1 or more",
        )
    return tuple(_assemble(sources, instance) for instance in chosen)


def _assemble(sources: _Sources, instance: Instance) -> ProcessSpec:
    """Return one process with everything that is known of it."""
    name, project = instance.type, sources.project
    section = project.config.processes.get(name, ProcessConfig())
    keys = (*TABLE, "processes", name)
    cwd = _get_cwd(project.root, section, keys)
    env = build_env(project, instance)
    if not _may_be_made(sources, name):
        _check_command(project.procfile, instance, cwd, env)
    return ProcessSpec(
        name=instance.name,
        label=instance.label,
        command=instance.command,
        cwd=cwd,
        env=env,
        port=instance.port,
        listens=listens(project, instance),
        probe=_get_probe(section, keys),
        depends_on=_get_dependencies(sources, name),
        setup=_get_setup(section),
        watch=None if section.watch is None else tuple(section.watch),
        reload=ReloadPolicy(section.reload),
        stop=_get_stop_policy(section, keys),
        open=section.open,
        scheme=find_scheme(instance.command),
        host=project.worktree.host if project.worktree else "127.0.0.1",
        databases=project.environment.separation.own,
        services=sources.services,
        follows=_follows(project),
    )


def _follows(project: Project) -> bool:
    """Tell whether a database of the environment follows the branch of git."""
    is_wanted = any(each.follow_branch for each in project.config.databases.values())
    return is_wanted and not project.environment.protected


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
    sections = sources.project.config.processes
    return any(
        (other in sections and sections[other].setup is not None)
        or any(need.condition is Condition.COMPLETED for need in sources.graph[other])
        for other in before
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
        for instance in sources.project.instances
        if instance.type == entry.name and entry.name not in sources.project.shared
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
