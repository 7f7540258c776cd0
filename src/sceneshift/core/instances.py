"""The instances of each process and their ports: honcho's rules, then ours."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.config import PYPROJECT, TABLE
from sceneshift.core.errors import ConfigError, UsageError
from sceneshift.core.ports import allocate, foresee
from sceneshift.core.schema import key_error
from sceneshift.core.value import SourceKind
from sceneshift.core.wording import quote, suggest

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )
    from pathlib import Path

    from sceneshift.core.config import Config
    from sceneshift.core.environment import Environment
    from sceneshift.core.value import Value

_BASE_PORT = 5000  # honcho's and foreman's
_STEP = 100  # theirs too: from one type to the next
_LAST_PORT = 65535


class Instance(Struct, frozen=True, kw_only=True):
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


def name_addresses(kind: str) -> tuple[str, str]:
    """Return the variables that tell others where a type is: its port, its URL."""
    prefix = kind.upper().replace("-", "_")
    return f"{prefix}_PORT", f"{prefix}_URL"


def number_types(
    types: Iterable[str], former: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Return each type's place in the numbering of ports: that in the Procfile.

    While a stack runs, a type keeps the place that it has, and a new one takes its own
    or the first after it that nobody has: no port moves because of another line.

    Args:
        types: All types, in the Procfile's order.
        former: What this returned for the stack that runs.

    Returns:
        The places, those that were known first.
    """
    names, known = list(types), former or {}
    numbers = {name: known[name] for name in names if name in known}
    for place, name in enumerate(names):
        if name not in numbers:
            taken = frozenset(numbers.values())
            numbers[name] = next(n for n in count(place) if n not in taken)
    return numbers


def expand_instances(  # noqa: PLR0913 - what instances depend on
    root: Path,
    environment: Environment,
    commands: Mapping[str, str],
    concurrency: Mapping[str, int],
    numbers: Mapping[str, int],
    *,
    offset: int = 0,
    shared: Collection[str] = (),
    is_looking: bool = False,
) -> tuple[Instance, ...]:
    """Return every instance of every process, in the Procfile's order.

    PORT begins at the environment's PORT or 5000, goes up by 100 for each place in
    the numbering and by 1 for each instance. `ports` of the environment replaces it.

    Args:
        root: The project's folder.
        environment: The active one.
        commands: Command line of each type.
        concurrency: Number of instances by type; one where it says nothing.
        numbers: What `number_types` returned.
        offset: What is added to every port but those for `auto`.
        shared: Types whose ports are not shifted so.
        is_looking: Whether ports for `auto` are only found, and not kept.

    Raises:
        ConfigError: PORT is no number, a number is too large or stands twice.
        UsageError: `concurrency` names what is not in the Procfile.
    """
    for name in concurrency:
        if name not in commands:
            raise UsageError(
                f"there is no process {quote(name)}", hint=suggest(name, commands)
            )
    shifts = {kind: 0 if kind in shared else offset for kind in commands}
    first = _get_first_ports(environment, shifts, numbers)
    expanded = list(_expand(first, commands, concurrency))
    first_known = sorted(expanded, key=lambda each: [*numbers].index(each.type))
    find_free = partial(foresee if is_looking else allocate, root=root)
    ports = _assign_ports(environment, first_known, shifts, find_free)
    return tuple(replace(instance, port=ports[instance.label]) for instance in expanded)


def list_fixed_ports(config: Config, commands: Mapping[str, str]) -> set[int]:
    """Return the first port of each type, in all environments."""
    numbered = range(_BASE_PORT, _BASE_PORT + _STEP * len(commands), _STEP)
    tables = (section.ports.values() for section in config.environments.values())
    return {*numbered, *(port for ports in tables for port in ports if port != "auto")}


def _expand(
    first: Mapping[str, int],
    commands: Mapping[str, str],
    concurrency: Mapping[str, int],
) -> Iterator[Instance]:
    """Yield what honcho expands a Procfile to."""
    from honcho.environ import expand_processes  # noqa: PLC0415 - slow

    for params in expand_processes(commands, concurrency=concurrency):
        kind, _, number = params.name.rpartition(".")
        is_alone = concurrency.get(kind, 1) == 1
        yield Instance(
            type=kind,
            number=int(number),
            name=kind if is_alone else params.name,
            command=params.cmd,
            port=first[kind] + int(number) - 1,
        )


def _get_first_ports(
    environment: Environment, shifts: Mapping[str, int], numbers: Mapping[str, int]
) -> dict[str, int]:
    """Return the port of each type's first instance.

    A PORT that the shell says is meant as it stands.
    """
    value = environment.values.get("PORT")
    base = _BASE_PORT if value is None else _read_port(value)
    is_exact = value is not None and value.source.kind is SourceKind.PROCESS
    return {
        kind: base + _STEP * numbers[kind] + (0 if is_exact else shift)
        for kind, shift in shifts.items()
    }


def _read_port(value: Value) -> int:
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
    shifts: Mapping[str, int],
    find_free: Callable[..., dict[str, int]],
) -> dict[str, int]:
    """Return each label's port: fixed numbers first, the others around them."""
    ports = _fix_ports(environment, instances, shifts)
    autos: list[str] = []
    for instance in instances:
        if environment.ports.get(instance.type) == "auto":
            autos.append(instance.label)
        elif instance.label not in ports:
            ports[instance.label] = _find_gap(instance, set(ports.values()))
    return ports | find_free(autos, taken=ports.values())


def _fix_ports(
    environment: Environment,
    instances: Sequence[Instance],
    shifts: Mapping[str, int],
) -> dict[str, int]:
    """Return the ports that the environment gives as numbers."""
    fixed: dict[int, str] = {}
    for instance in instances:
        first = environment.ports.get(instance.type)
        if not isinstance(first, int):
            continue
        port = first + shifts[instance.type] + instance.number - 1
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
        port += _STEP
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
