"""What must come before what: read, checked for names and for circles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.config import PYPROJECT, TABLE
from sceneshift.core.errors import UsageError
from sceneshift.core.procfile import unknown_process
from sceneshift.core.schema import key_error
from sceneshift.core.wording import quote, suggest
from sceneshift.dev.model import Condition, Dependency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sceneshift.core.config import Config

    Graph = Mapping[str, tuple[Dependency, ...]]


def read_dependencies(config: Config, names: Sequence[str]) -> Graph:
    """Return what each process type depends on.

    Args:
        config: The project's configuration.
        names: The Procfile's names.

    Raises:
        ConfigError: A name is unknown, or processes wait for each other.
    """
    graph: dict[str, tuple[Dependency, ...]] = dict.fromkeys(names, ())
    for name, section in config.processes.items():
        listed = section.depends_on
        conditions = (
            listed if isinstance(listed, dict) else dict.fromkeys(listed, "ready")
        )
        for other in conditions:
            if other not in names:
                raise unknown_process(_keys(name), other, names)
        graph[name] = tuple(
            Dependency(name=other, condition=Condition(condition))
            for other, condition in conditions.items()
        )
    _refuse_circles(graph)
    return graph


def close_over(graph: Graph, names: Sequence[str]) -> frozenset[str]:
    """Return the named processes and all that they depend on.

    Raises:
        UsageError: There is no process of a name.
    """
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in graph:
            raise UsageError(
                f"there is no process {quote(name)}", hint=suggest(name, graph)
            )
        if name not in found:
            found.add(name)
            waiting.extend(dependency.name for dependency in graph[name])
    return frozenset(found)


def _keys(name: str) -> tuple[str, ...]:
    return (*TABLE, "processes", name, "depends_on")


def _refuse_circles(graph: Graph) -> None:
    done: set[str] = set()
    for name in graph:
        circle = _find_circle(graph, name, (), done)
        if circle:
            raise key_error(
                PYPROJECT,
                _keys(circle[0]),
                f"processes wait for each other: {' -> '.join(circle)}",
                hint="take one of these dependencies out",
            )


def _find_circle(
    graph: Graph, name: str, path: tuple[str, ...], done: set[str]
) -> tuple[str, ...]:
    """Return the first circle that is reached from a name; empty where none is."""
    if name in path:
        return (*path[path.index(name) :], name)
    if name not in done:
        for dependency in graph[name]:
            circle = _find_circle(graph, dependency.name, (*path, name), done)
            if circle:
                return circle
        done.add(name)
    return ()
