"""The ports at which debuggers of processes listen: on this machine alone."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sceneshift.core.config import PYPROJECT, TABLE
from sceneshift.core.instances import list_fixed_ports
from sceneshift.core.schema import key_error
from sceneshift.core.selection import find_place
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.core.project import Project

_BASE_PORT = 5678  # debugpy's
_STEP = 20  # from one environment to the next: two stacks run while one is switched


def find_debug_ports(project: Project) -> Mapping[str, int]:
    """Return the port of each process that may be debugged, by its Procfile's name.

    What `debug_ports` of the environment says is fixed, but for the offset of a linked
    worktree. The others follow from the order of environments and of processes, and so
    are the same on each machine: editors' files name them. None of them is what the
    files give to a process itself.

    Raises:
        ConfigError: Two are to have one port.
    """
    config, commands = project.config, project.procfile.commands
    given = _read(project)
    taken = list_fixed_ports(config, commands)
    for section in config.environments.values():
        taken.update(section.debug_ports.values())
    free = (port for port in range(_BASE_PORT, 65536) if port not in taken)
    step = _STEP * -(-len(commands) // _STEP)
    place = find_place(project.root, config, project.environment.name)
    own = islice(free, step * place, None)
    ports = {
        process: given[process] if process in given else next(own)
        for process in commands
    }
    return {process: port + project.offset for process, port in ports.items()}


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
