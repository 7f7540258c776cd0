"""What a fact about the project is read from, in words for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sceneshift.core.config import PYPROJECT, TABLE, load_config
from sceneshift.core.debugports import RECORD, RECORD_KEY, read_recorded_ports
from sceneshift.core.procfile import load_procfile
from sceneshift.core.schema import join_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sceneshift.core.config import Config
    from sceneshift.ide.model import Model

_OTHERS = {
    "name": f"{PYPROJECT}: project.name",
    "virtual_environment": "the folder of the project's Python",
    "datasets": "the project's datasets: inv data.status",
    "tests": "how the project is tested: pytest's configuration",
    "commands": "the project's own commands: inv --list",
    "packages": "where the project has a package.json",
    "setup": "what installs the project, and what its databases need",
}


def describe_fact(model: Model, root: Path, fact: tuple[str | int, ...]) -> str:
    """Return what a fact comes from: `Procfile.dev:1`, `pyproject.toml: …`.

    Args:
        model: What the fact is of.
        root: The project's folder.
        fact: Names of attributes and places in tuples, from the model down to it.
    """
    config = load_config(root)
    match fact:
        case ("environments", int(place), "processes", int(number), *rest):
            environment = model.environments[place]
            process = environment.processes[number].name
            return _describe_process(config, root, environment.name, process, rest)
        case ("environments", int(place), "databases", int(number), *_):
            environment = model.environments[place]
            database = environment.databases[number].name
            return _describe_database(config, environment.name, database)
        case ("environments", int(place), *rest):
            name = model.environments[place].name
            return _describe_environment(config, name, rest)
        case (str(what), *_):
            return _OTHERS[what]
    raise AssertionError(fact)


def _describe_environment(config: Config, name: str, rest: list[Any]) -> str:
    section = config.environments.get(name)
    keys = ["environments", name]
    if section is None:
        return f"the environment {name}, which no table of {PYPROJECT} is about"
    if rest[:1] == ["aliases"]:
        keys.append("aliases")
    elif rest[:1] == ["dataset"]:
        keys.append("dataset")
    return _name(keys)


def _describe_database(config: Config, environment: str, database: str) -> str:
    section = config.environments.get(environment)
    if section is not None and database in section.databases:
        return _name(["environments", environment, "databases", database])
    return "the project's databases: inv data.status"


def _describe_process(
    config: Config, root: Path, environment: str, process: str, rest: list[Any]
) -> str:
    section = config.environments.get(environment)
    tables: dict[str, Mapping[str, Any]] = {}
    if section is not None:
        tables = {"port": section.ports, "debug_port": section.debug_ports}
    table = tables.get(rest[0], {})
    if process in table:
        return _name(["environments", environment, f"{rest[0]}s", process])
    recorded = read_recorded_ports(root).get(environment, {})
    if rest[0] == "debug_port" and process in recorded:
        return f"{RECORD}: {join_keys([RECORD_KEY, environment, process])}"
    named = [Path(config.procfile)] if config.procfile else []
    procfile = load_procfile(root, *named)
    return f"{procfile.file}:{procfile.lines[process]}"


def _name(keys: list[str]) -> str:
    return f"{PYPROJECT}: {join_keys([*TABLE, *keys])}"
