"""The ports at which debuggers of processes listen: on this machine alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.config import PYPROJECT, TABLE
from sceneshift.core.schema import key_error
from sceneshift.core.wording import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.core.config import Config
    from sceneshift.core.project import Project

_BASE_PORT = 5678  # debugpy's
_STEP = 20  # from one environment to the next: two stacks run while one is switched


def find_debug_ports(project: Project) -> Mapping[str, int]:
    """Return the port of each process that may be debugged, by its Procfile's name.

    What `debug_ports` of the environment says is fixed, but for the offset of a linked
    worktree. The others follow from the order of environments and of processes, and so
    are the same on each machine: editors' files name them.

    Raises:
        ConfigError: Two are to have one port.
    """
    config, name = project.config, project.environment.name
    given = _read(config, name)
    names = [*config.environments]
    place = names.index(name) if name in names else 0
    first = _BASE_PORT + _STEP * place
    taken = set(given.values())
    free = (port for port in range(first, 65536) if port not in taken)
    ports = {
        process: given[process] if process in given else next(free)
        for process in project.procfile.commands
    }
    return {process: port + project.offset for process, port in ports.items()}


def _read(config: Config, environment: str) -> Mapping[str, int]:
    section = config.environments.get(environment)
    given = {} if section is None else section.debug_ports
    seen: dict[int, str] = {}
    for process, port in given.items():
        if seen.setdefault(port, process) != process:
            raise key_error(
                PYPROJECT,
                (*TABLE, "environments", environment, "debug_ports", process),
                f"port {port} is already that of {quote(seen[port])}",
                hint="give it another",
            )
    return given
