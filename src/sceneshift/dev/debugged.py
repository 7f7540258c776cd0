"""Which processes are debugged, and at which ports editors attach to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.core.debugports import find_debug_ports
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.pageservers import serves_page
from sceneshift.core.wording import quote, suggest
from sceneshift.dev.debugger import refuse_without_debugger
from sceneshift.dev.run.choice import choose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sceneshift.core.project import Project
    from sceneshift.dev.model import ProcessSpec, StackSpec
    from sceneshift.dev.run.choice import Choice

# No process can have these names.
ALL = "*"
SERVERS = "@backend"
WORKERS = "@worker"
PAGES = "@frontend"  # what a browser shows, which is debugged there
_PORTS = "[tool.sceneshift.environments.<name>.debug_ports] of pyproject.toml"


def assign_debug_ports(
    processes: tuple[ProcessSpec, ...],
    project: Project,
    asked: str,
    *,
    former: StackSpec | None = None,
) -> tuple[ProcessSpec, ...]:
    """Give those that are debugged their ports.

    Of several instances of a process the first one is.

    Args:
        processes: All that are to run.
        project: Names the ports.
        asked: Processes or words for some of them, `web,worker`; empty means none.
        former: The stack that runs: editors are attached to its ports.

    Raises:
        SceneshiftError: debugpy is not installed for one of them or too old, or two
            processes would have one port.
        UsageError: One is not there, or no debugger for Python can be had in it.
    """
    if not asked:
        return processes
    first: dict[str, ProcessSpec] = {}
    for spec in processes:
        first.setdefault(spec.label.rpartition(".")[0], spec)
    ports = find_debug_ports(project)
    chosen = {
        first[type_].name: ports[type_] for type_ in _choose(first, project.root, asked)
    }
    if former is not None and former.environment == project.environment.name:
        chosen = _keep(chosen, former)
    _refuse_shared(processes, chosen)
    return tuple(replace(spec, debug_port=chosen.get(spec.name)) for spec in processes)


def _choose(first: dict[str, ProcessSpec], root: Path, asked: str) -> list[str]:
    """Return those that are asked for, each once."""
    words = [word for word in asked.split(",") if word]
    found: list[str] = []
    for word in words:
        found += _ROLES[word](first, root) if word in _ROLES else [word]
    pages = _find_pages(first, root) if PAGES in words else []
    pages += _find_certain_pages(first, root) if ALL in words else []
    for name in found:
        if name not in first:
            text = f"there is no process {quote(name)} to debug"
            raise UsageError(text, hint=suggest(name, first))
        if name not in pages:
            _refuse_unable(name, choose(first[name], root))
    return list(dict.fromkeys(found))


def _keep(chosen: dict[str, int], former: StackSpec) -> dict[str, int]:
    """Leave those that run their ports; another one takes none of theirs."""
    kept = {
        spec.name: spec.debug_port
        for spec in former.processes
        if spec.name in chosen and spec.debug_port is not None
    }
    taken = {*kept.values(), *chosen.values()}
    free = (port for port in range(max(taken) + 1, 65536))
    others = {
        name: next(free) if port in kept.values() else port
        for name, port in chosen.items()
        if name not in kept
    }
    return {name: kept.get(name) or others[name] for name in chosen}


def _find_all(first: dict[str, ProcessSpec], root: Path) -> list[str]:
    """Return those that can be debugged; where none can, the first is refused.

    A page is one of them: its browser may be asked for while all runs.
    """
    pages = _find_certain_pages(first, root)
    able = [
        name
        for name in first
        if name in pages or choose(first[name], root).program is not None
    ]
    return able or list(first)[:1]


def _find_servers(first: dict[str, ProcessSpec], root: Path) -> list[str]:
    """Return what is called `backend`, else the Python programs that listen."""
    return _find(first, root, "backend", is_python=True, listens=True)


def _find_workers(first: dict[str, ProcessSpec], root: Path) -> list[str]:
    """Return what is called `worker`, else the Python programs that do not listen."""
    return _find(first, root, "worker", is_python=True, listens=False)


def _find_pages(first: dict[str, ProcessSpec], root: Path) -> list[str]:
    """Return what is called `frontend`, else the first that serves a page.

    Where no program is known to, it is the first that listens and is not of Python.
    """
    pages = _find_certain_pages(first, root)
    return pages or _find(first, root, "frontend", is_python=False, listens=True)[:1]


def _find_certain_pages(first: dict[str, ProcessSpec], root: Path) -> list[str]:
    """Return the one that is called `frontend`, or is known to serve a page."""
    found = [
        name
        for name, spec in first.items()
        if spec.listens
        and ("frontend" not in first or name == "frontend")
        and (name == "frontend" or serves_page(spec.command, spec.cwd))
        and choose(spec, root).program is None
    ]
    return found[:1]


def _find(
    first: dict[str, ProcessSpec],
    root: Path,
    usual: str,
    *,
    is_python: bool,
    listens: bool,
) -> list[str]:
    names = [usual] if usual in first else list(first)
    found = [
        name
        for name in names
        if (choose(first[name], root).program is not None) is is_python
        and first[name].listens is listens
    ]
    if not found:
        raise UsageError(
            f"no process is a {usual}: {', '.join(first)}",
            hint="name those that are to be debugged: inv dev --debug web",
        )
    return found


_ROLES = {
    ALL: _find_all,
    SERVERS: _find_servers,
    WORKERS: _find_workers,
    PAGES: _find_pages,
}


def _refuse_unable(name: str, choice: Choice) -> None:
    if choice.program is None:
        raise UsageError(
            f"`{name}` cannot be debugged: {choice.reason}",
            hint="see which are Python programs: inv dev --dry-run",
        )
    refuse_without_debugger(name, choice.program)


def _refuse_shared(processes: Sequence[ProcessSpec], chosen: dict[str, int]) -> None:
    """Refuse a debugger's port that is also an address of a process."""
    own = {spec.port: spec.name for spec in processes if spec.listens and spec.port}
    for name, port in chosen.items():
        if port in own:
            raise SceneshiftError(
                f"port {port} of the debugger of `{name}` is that of `{own[port]}`",
                hint=f"give the debugger another in {_PORTS}",
            )
