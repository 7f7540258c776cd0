"""The processes of a project in one environment, as editors have to know them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.config import ProcessConfig
from sceneshift.core.debugports import find_debug_ports
from sceneshift.core.invocation import list_packages
from sceneshift.core.project import listens
from sceneshift.ide.jsonc import parse
from sceneshift.ide.kinds import detect
from sceneshift.ide.model import Kind, Process
from sceneshift.ide.unreadable import telling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.core.instances import Instance
    from sceneshift.core.project import Project
    from sceneshift.ide.kinds import Detected

_ADDRESS = "127.0.0.1"
# Of a configuration of Vite; an address elsewhere in it is mostly a proxy's.
_HOST = re.compile(rf"""\bhost["']?\s*:\s*["'`]{re.escape(_ADDRESS)}["'`]""")


def read_processes(project: Project, *, has_ports: bool) -> Iterator[Process]:
    """Yield the processes of the Procfile, in the environment of a project.

    Args:
        project: The project.
        has_ports: Whether ports that the environment does not give as numbers are the
            same on each machine.

    Raises:
        ConfigError: A file that says what one runs cannot be read.
    """
    debug_ports, fixed = find_debug_ports(project), project.environment.ports
    for instance in project.instances:
        section = project.config.processes.get(instance.type, ProcessConfig())
        cwd = Path(os.path.normpath(project.root / section.cwd))
        _check_packages(instance.command, cwd, project.root)
        found = detect(instance.command, cwd, project.root)
        is_page = found.is_page and found.kind in {Kind.VITE, Kind.NODE}
        is_server = listens(project, instance) or is_page or found.ready is not None
        is_known = is_server and (has_ports or instance.type in fixed)
        port = _find_port(project, instance) if is_known else None
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
        with telling(path):
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
    with telling(path):
        return path.read_text(encoding="utf-8", errors="replace")


def _find_port(project: Project, instance: Instance) -> int | None:
    """Return the port that a process has in the main checkout of each machine."""
    if project.environment.ports.get(instance.type) == "auto":
        return None
    is_shared = instance.type in project.shared
    return instance.port - (0 if is_shared else project.offset)


def _relate(folder: Path, root: Path) -> str:
    return Path(os.path.relpath(folder, root)).as_posix()
