"""`inv env.list`: every environment, and how it is at the moment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sceneshift.core.config import load_config
from sceneshift.core.console import StreamConsole
from sceneshift.core.databases import list_databases
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.project import load_project
from sceneshift.core.reach import Reach, find_reach
from sceneshift.core.selection import (
    choose_environment,
    list_aliases,
    list_environments,
)
from sceneshift.core.services.use import find_services
from sceneshift.env.running import find_running
from sceneshift.env.sidebyside import run_side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sceneshift.core.config import Config
    from sceneshift.core.databases import Database
    from sceneshift.core.services.service import Service

_LOOK_S = 0.1  # the whole command is to answer within 0.4 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An environment as the files say it.

    Attributes:
        name: Its own name.
        aliases: Its other names.
        is_active: Whether a command without `--env` means it.
        is_protected: Whether commands that destroy data refuse.
        ports: The port of each process.
        databases: Its databases.
        services: The project's own servers that they are on.
        error: Why its files cannot be read; then ports and databases are empty.
    """

    name: str
    aliases: tuple[str, ...]
    is_active: bool
    is_protected: bool
    ports: Mapping[str, int]
    databases: tuple[Database, ...]
    services: tuple[Service, ...] = ()
    error: str | None = None


def load_entries(root: Path, environ: Mapping[str, str]) -> list[Entry]:
    """Read every environment; what is wrong with one does not hide the others.

    Raises:
        ConfigError: pyproject.toml says what cannot be.
        UsageError: The environment that is to be active does not exist.
    """
    config = load_config(root)
    active, _ = choose_environment(root, config, environ, None)
    environments = list_environments(root, config)
    return [
        _load_entry(
            root,
            environ,
            config,
            name=name,
            aliases=list_aliases(name, environments),
            is_active=name == active,
            is_protected=section.protected,
        )
        for name, section in environments.items()
    ]


def _load_entry(
    root: Path, environ: Mapping[str, str], config: Config, *, name: str, **fields: Any
) -> Entry:
    try:
        project = load_project(
            root, environ=environ, environment=name, is_looking=True, config=config
        )
    except SceneshiftError as error:
        return Entry(name=name, **fields, ports={}, databases=(), error=error.message)
    ports = {each.name: each.port for each in project.instances}
    databases = tuple(list_databases(project.environment.values))
    services = find_services(project)
    return Entry(
        name=name, **fields, ports=ports, databases=databases, services=services
    )


def show_environments(
    root: Path,
    environ: Mapping[str, str],
    *,
    as_json: bool,
    limit_s: float = _LOOK_S,
) -> None:
    """Print every environment.

    Args:
        root: The project's folder.
        environ: The process environment.
        as_json: Whether JSON is printed.
        limit_s: Seconds that all databases together have to answer.

    Raises:
        UsageError: The configuration says what cannot be.
    """
    entries = load_entries(root, environ)
    running = find_running(root)
    found = _find_reaches(entries, root, limit_s)
    rows = [
        _describe(entry, reaches, running.environment if running else None)
        for entry, reaches in zip(entries, found, strict=True)
    ]
    console = StreamConsole()
    if running is not None and running.problem is not None:
        console.note(running.problem)
    if as_json:
        console.json({"environments": rows})
        return
    head = ("environment", "aliases", "state", "ports", "databases")
    console.table([head, *map(_make_row, rows)])


def _find_reaches(
    entries: Sequence[Entry], root: Path, limit_s: float
) -> Iterator[list[Reach]]:
    """Yield the reach of each environment's databases; all are asked at once."""
    databases = {each.url: each for entry in entries for each in entry.databases}
    services = {one: None for entry in entries for one in entry.services}
    works = [
        partial(find_reach, database, root, limit_s=limit_s, services=services)
        for database in databases.values()
    ]
    found = run_side_by_side(works, limit_s=limit_s)
    reaches = dict(zip(databases, found, strict=True))
    late = Reach(is_reachable=False, problem=f"no answer within {limit_s:g} s")
    for entry in entries:
        yield [reaches[each.url] or late for each in entry.databases]


def _describe(
    entry: Entry, reaches: Sequence[Reach], running: str | None
) -> dict[str, Any]:
    answers = {reach.is_reachable for reach in reaches}
    return {
        "name": entry.name,
        "aliases": list(entry.aliases),
        "is_active": entry.is_active,
        "is_running": entry.name == running,
        "is_reachable": _sum_up(answers),
        "is_protected": entry.is_protected,
        "ports": dict(entry.ports),
        "databases": [
            {
                "name": database.name,
                "url": database.url,
                "is_reachable": reach.is_reachable,
                "problem": reach.problem,
            }
            for database, reach in zip(entry.databases, reaches, strict=True)
        ],
        "error": entry.error,
    }


def _sum_up(answers: set[bool | None]) -> bool | None:
    """Return one answer for all: no as soon as one is, else unknown likewise."""
    if False in answers:
        return False
    return None if None in answers or not answers else True


def _make_row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    words = ("active", "running", "reachable", "protected")
    states = [word for word in words if entry[f"is_{word}"]]
    if entry["is_reachable"] is False:
        states.append("unreachable")
    ports = ", ".join(f"{name} {port}" for name, port in entry["ports"].items())
    databases = (
        " ".join(filter(None, (each["name"], each["url"], _note(each))))
        for each in entry["databases"]
    )
    return (
        entry["name"],
        ", ".join(entry["aliases"]) or "-",
        ", ".join(states) or "-",
        entry["error"] or ports or "-",
        ", ".join(databases) or "-",
    )


def _note(database: Mapping[str, Any]) -> str:
    return f"({database['problem']})" if database["problem"] else ""
