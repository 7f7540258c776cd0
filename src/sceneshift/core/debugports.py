"""The ports at which debuggers of processes listen: on this machine alone."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from sceneshift.core.config import PYPROJECT, TABLE
from sceneshift.core.instances import list_fixed_ports
from sceneshift.core.schema import key_error
from sceneshift.core.selection import find_place
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from sceneshift.core.project import Project

_BASE_PORT = 5678  # debugpy's
_STEP = 20  # from one environment to the next: two stacks run while one is switched

RECORD = ".sceneshift-ide.json"  # with what editors' files were generated from
RECORD_KEY = "debug_ports"


def find_debug_ports(project: Project) -> Mapping[str, int]:
    """Return the port of each process that may be debugged, by its Procfile's name.

    What `debug_ports` of the environment says is fixed, but for the offset of a linked
    worktree. Another process keeps the port that editors' files have been generated
    with, whatever lines of the Procfile come before it. Those that are new follow from
    the order of environments and of processes, and so are the same on each machine.
    None of them is what the files give to a process itself.

    Raises:
        ConfigError: Two are to have one port.
    """
    config, commands = project.config, project.procfile.commands
    name, given = project.environment.name, _read(project)
    taken = list_fixed_ports(config, commands)
    for section in config.environments.values():
        taken.update(section.debug_ports.values())
    recorded = read_recorded_ports(project.root)
    kept = _keep(recorded, name, taken)
    taken.update(port for ports in recorded.values() for port in ports.values())
    free = (port for port in range(_BASE_PORT, 65536) if port not in taken)
    step = _STEP * -(-len(commands) // _STEP)
    place = find_place(project.root, config, name)
    own = islice(free, step * place, None)
    known = {**kept, **given}
    ports = {
        process: known[process] if process in known else next(own)
        for process in commands
    }
    return {process: port + project.offset for process, port in ports.items()}


def read_recorded_ports(root: Path) -> Mapping[str, Mapping[str, int]]:
    """Return the ports that editors' files name, by environment and process.

    A record that is damaged has none: who generates the files is told of it.
    """
    try:
        found = json.loads((root / RECORD).read_bytes())
        return {
            environment: {process: int(port) for process, port in ports.items()}
            for environment, ports in found.get(RECORD_KEY, {}).items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _keep(
    recorded: Mapping[str, Mapping[str, int]], name: str, taken: Collection[int]
) -> dict[str, int]:
    """Return the ports of an environment that may be kept.

    Where two branches of git have each added a process, both may have one port: the
    first keeps it.
    """
    owners: dict[int, tuple[str, str]] = {}
    for environment, ports in recorded.items():
        for process, port in ports.items():
            owners.setdefault(port, (environment, process))
    return {
        process: port
        for process, port in recorded.get(name, {}).items()
        if port not in taken and owners[port] == (name, process)
    }


def _read(project: Project) -> Mapping[str, int]:
    """Return the ports that the environment gives."""
    name = project.environment.name
    section = project.config.environments.get(name)
    given = {} if section is None else section.debug_ports
    shared, ports = project.shared, project.environment.ports
    seen = {
        each.port - (0 if each.type in shared else project.offset): each.type
        for each in project.instances
        if ports.get(each.type) != "auto"
    }
    for process, port in given.items():
        if port in seen:
            raise key_error(
                PYPROJECT,
                (*TABLE, "environments", name, "debug_ports", process),
                f"port {port} is already that of {quote(seen[port])}",
                hint="give it another",
            )
        seen[port] = process
    return given
