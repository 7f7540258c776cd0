"""Which processes are debugged, and at which ports editors attach to them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.core.debugports import find_debug_ports
from sceneshift.core.errors import SceneshiftError, UsageError
from sceneshift.core.wording import quote, suggest
from sceneshift.dev.run.choice import choose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sceneshift.core.program import PythonProgram
    from sceneshift.core.project import Project
    from sceneshift.dev.model import ProcessSpec

ALL = "*"  # no process can have that name
_PORTS = "[tool.sceneshift.environments.<name>.debug_ports] of pyproject.toml"


def assign_debug_ports(
    processes: tuple[ProcessSpec, ...], project: Project, asked: str
) -> tuple[ProcessSpec, ...]:
    """Give those that are debugged their ports.

    Of several instances of a process the first one is.

    Args:
        processes: All that are to run.
        project: Names the ports.
        asked: Processes, `web,worker`, or ALL; empty means none.

    Raises:
        SceneshiftError: debugpy is not installed for one of them, or two processes
            would have one port.
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
    _refuse_shared(processes, chosen)
    return tuple(replace(spec, debug_port=chosen.get(spec.name)) for spec in processes)


def _choose(first: dict[str, ProcessSpec], root: Path, asked: str) -> list[str]:
    """Return those that are asked for; of all, those that can be debugged."""
    names = list(first) if asked == ALL else [n for n in asked.split(",") if n]
    found: list[str] = []
    reasons: list[str] = []
    for name in names:
        if name not in first:
            text = f"there is no process {quote(name)} to debug"
            raise UsageError(text, hint=suggest(name, first))
        choice = choose(first[name], root)
        if choice.program is None:
            reasons.append(f"`{name}` cannot be debugged: {choice.reason}")
            continue
        _refuse_missing(name, choice.program)
        found.append(name)
    if reasons and (asked != ALL or not found):
        hint = "see which are Python programs: inv dev --dry-run"
        raise UsageError("; ".join(reasons), hint=hint)
    return found


def _refuse_missing(name: str, program: PythonProgram) -> None:
    if not any((folder / "debugpy").is_dir() for folder in _list_folders(program)):
        raise SceneshiftError(
            f"debugpy is not installed for `{name}`: {program.interpreter}",
            hint="install it there: pip install 'sceneshift[debug]'",
        )


def _list_folders(program: PythonProgram) -> Iterator[Path]:
    for place in program.env.get("PYTHONPATH", "").split(os.pathsep):
        yield program.cwd / place
    yield from program.package_folders()
    base = Path(program.interpreter).resolve().parent.parent
    yield from base.glob("lib*/python3*/*-packages")  # of one with the system's


def _refuse_shared(processes: Sequence[ProcessSpec], chosen: dict[str, int]) -> None:
    """Refuse a debugger's port that is also an address of a process."""
    own = {spec.port: spec.name for spec in processes if spec.listens and spec.port}
    for name, port in chosen.items():
        if port in own:
            raise SceneshiftError(
                f"port {port} of the debugger of `{name}` is that of `{own[port]}`",
                hint=f"give the debugger another in {_PORTS}",
            )
