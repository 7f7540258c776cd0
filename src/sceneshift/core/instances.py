"""The instances of each process and their ports: honcho's rules, then ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from sceneshift.core.config import PYPROJECT, TABLE
from sceneshift.core.errors import ConfigError, UsageError
from sceneshift.core.ports import allocate, foresee
from sceneshift.core.schema import key_error
from sceneshift.core.wording import quote, suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sceneshift.core.environment import Environment

_BASE_PORT = 5000  # honcho's and foreman's
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One process of a type.

    Attributes:
        type: The Procfile's name.
        number: Counted from 1.
        name: The type, or the label where the type has several instances.
        command: The command line.
        port: The value of its PORT.
    """

    type: str
    number: int
    name: str
    command: str
    port: int

    @property
    def label(self) -> str:
        """What honcho calls it: `web.1`."""
        return f"{self.type}.{self.number}"


def expand_instances(
    root: Path,
    environment: Environment,
    commands: Mapping[str, str],
    concurrency: Mapping[str, int],
    *,
    is_looking: bool = False,
) -> tuple[Instance, ...]:
    """Return every instance of every process, in the Procfile's order.

    PORT begins at the environment's PORT or 5000, goes up by 100 for each type
    and by 1 for each instance. `ports` of the environment replaces it. Who is only
    looking gets the ports for `auto` without their being kept.

    Raises:
        ConfigError: PORT is no number, a number is too large or stands twice.
        UsageError: `concurrency` names what is not in the Procfile.
    """
    for name in concurrency:
        if name not in commands:
            raise UsageError(
                f"there is no process {quote(name)}", hint=suggest(name, commands)
            )
    expanded = list(_expand(environment, commands, concurrency))
    find_free = partial(foresee if is_looking else allocate, root=root)
    ports = _assign_ports(environment, expanded, find_free)
    return tuple(replace(instance, port=ports[instance.label]) for instance in expanded)


def _expand(
    environment: Environment,
    commands: Mapping[str, str],
    concurrency: Mapping[str, int],
) -> Iterator[Instance]:
    """Yield what honcho expands a Procfile to."""
    from honcho.environ import expand_processes  # noqa: PLC0415 - slow

    base = _get_base_port(environment)
    for params in expand_processes(commands, concurrency=concurrency, port=base):
        kind, _, number = params.name.rpartition(".")
        is_alone = concurrency.get(kind, 1) == 1
        yield Instance(
            type=kind,
            number=int(number),
            name=kind if is_alone else params.name,
            command=params.cmd,
            port=int(params.env["PORT"]),
        )


def _get_base_port(environment: Environment) -> int:
    value = environment.values.get("PORT")
    if value is None:
        return _BASE_PORT
    try:
        port = int(value.text)
    except ValueError:
        port = 0
    if not 1 <= port <= _LAST_PORT:
        raise ConfigError(
            f"PORT is to be a number from 1 to {_LAST_PORT}, found: "
            f"{quote(value.text)} (from {value.source})",
            hint="set PORT to the first process's port, or unset it",
        )
    return port


def _assign_ports(
    environment: Environment,
    instances: Sequence[Instance],
    find_free: Callable[..., dict[str, int]],
) -> dict[str, int]:
    """Return each label's port: fixed numbers first, the others around them."""
    ports = _fix_ports(environment, instances)
    autos: list[str] = []
    for instance in instances:
        if environment.ports.get(instance.type) == "auto":
            autos.append(instance.label)
        elif instance.label not in ports:
            ports[instance.label] = _find_gap(instance, set(ports.values()))
    return ports | find_free(autos, taken=ports.values())


def _fix_ports(
    environment: Environment, instances: Sequence[Instance]
) -> dict[str, int]:
    """Return the ports that the environment gives as numbers."""
    fixed: dict[int, str] = {}
    for instance in instances:
        first = environment.ports.get(instance.type)
        if not isinstance(first, int):
            continue
        port = first + instance.number - 1
        keys = (*TABLE, "environments", environment.name, "ports", instance.type)
        if port in fixed:
            text = f"port {port} is already that of {quote(fixed[port])}"
            hint = 'give it another, or "auto"'
            raise key_error(PYPROJECT, keys, text, hint=hint)
        if port > _LAST_PORT:
            hint = "give the first a smaller number"
            raise key_error(PYPROJECT, keys, _too_large(instance, port), hint=hint)
        fixed[port] = instance.label
    return {label: port for port, label in fixed.items()}


def _find_gap(instance: Instance, taken: set[int]) -> int:
    """Return honcho's port, or the first hundred further on that nobody has."""
    port = instance.port
    while port in taken:
        port += 100
    if port > _LAST_PORT:
        raise ConfigError(
            _too_large(instance, port),
            hint="set PORT, the first process's port, to a smaller number",
        )
    return port


def _too_large(instance: Instance, port: int) -> str:
    return (
        f"the port of {quote(instance.label)} would be {port}, the last is {_LAST_PORT}"
    )
