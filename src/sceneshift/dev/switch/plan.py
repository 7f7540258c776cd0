"""What a switch to another environment means for each process, as data."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from sceneshift.core.commandline import find_scheme
from sceneshift.core.instances import name_addresses

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from sceneshift.dev.model import ProcessSpec, StackSpec

_MARKS = re.compile(r"ENVIRONMENT|SCENESHIFT_\w+")
# What a server that is no web server and no program of the project's may read besides
# what its command line names: where it is, how it writes, and settings of its own.
_READ = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|LANG|LC_\w+|LD_\w+|MALLOC_\w+|GLIBC_\w+|"
    r"(KEYDB|MARIADB|MEMCACHED|MONGO|MYSQL|NATS|PG|REDIS|VALKEY)\w*"
)
_REFERENCE = re.compile(r"\$\{?(\w+)")


class Action(Enum):
    """What becomes of a process."""

    KEEP = "keep"
    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


class How(Enum):
    """How a new process comes up.

    BESIDE: nobody has what it needs.
    HANDOVER: an old one serves its address, and leaves it to it when all is ready.
    IN_TURN: who has its port is stopped for it, last of all.
    """

    BESIDE = "beside"
    HANDOVER = "handover"
    IN_TURN = "in turn"


class Step(Struct, frozen=True, kw_only=True):
    """What becomes of one process.

    Attributes:
        process: Its name.
        action: What.
        how: How it comes up, where it does.
        stops: Running processes that are stopped for it.
        variables: Names of its environment variables that are others; no values, which
            may be secrets.
        settings: What else is another: `command`, `port`, `cwd`, ...
        old_port: Its PORT where it runs.
        new_port: Its PORT in the target.
    """

    process: str
    action: Action
    how: How | None = None
    stops: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    old_port: int | None = None
    new_port: int | None = None

    @property
    def comes_up(self) -> bool:
        """Whether something new is started."""
        return self.how is not None

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {
            "process": self.process,
            "action": self.action.value,
            "how": self.how and self.how.value,
            "stops": list(self.stops),
            "variables": list(self.variables),
            "settings": list(self.settings),
            "old_port": self.old_port,
            "new_port": self.new_port,
        }


class Facts(Struct, frozen=True, kw_only=True):
    """What cannot be read off the specifications.

    Attributes:
        ports: Those that each running process has, as far as is known.
        forked: Processes whose addresses are held for them, and will be.
    """

    ports: Mapping[str, frozenset[int]] = {}
    forked: frozenset[str] = frozenset()


def plan_switch(former: StackSpec, target: StackSpec, facts: Facts) -> tuple[Step, ...]:
    """Return a step for each process of the target, then for those that go.

    Args:
        former: What runs.
        target: What is to run.
        facts: What is known of what runs.
    """
    old = {spec.name: spec for spec in former.processes}
    addresses = frozenset(_name_addresses(former, target))
    kept = {
        spec.name
        for spec in target.processes
        if spec.name in old and not any(_compare(old[spec.name], spec, addresses))
    }
    users = {name: ports for name, ports in facts.ports.items() if name not in kept}
    known = Facts(ports=users, forked=facts.forked)
    steps = [
        _plan(old.get(spec.name), spec, addresses, known) for spec in target.processes
    ]
    names = {spec.name for spec in target.processes}
    gone = [spec for spec in former.processes if spec.name not in names]
    steps += [
        Step(process=spec.name, action=Action.REMOVE, old_port=spec.port)
        for spec in gone
    ]
    return tuple(steps)


def _plan(
    old: ProcessSpec | None, new: ProcessSpec, addresses: Collection[str], facts: Facts
) -> Step:
    if old is None:
        how, stops = _find_how(new, None, facts)
        return Step(
            process=new.name, action=Action.ADD, how=how, stops=stops, new_port=new.port
        )
    variables, settings = _compare(old, new, addresses)
    step = Step(
        process=new.name, action=Action.KEEP, old_port=old.port, new_port=new.port
    )
    if not variables and not settings:
        return step
    how, stops = _find_how(new, old, facts)
    return replace(
        step,
        action=Action.REPLACE,
        how=how,
        stops=stops,
        variables=variables,
        settings=settings,
    )


def _find_how(
    new: ProcessSpec, old: ProcessSpec | None, facts: Facts
) -> tuple[How, tuple[str, ...]]:
    """Return how a process comes up, and who is stopped for it."""
    users = tuple(name for name, ports in facts.ports.items() if new.port in ports)
    shared = facts.ports.get(new.name, frozenset())
    if old is not None and old.port is not None and old.port != new.port:
        shared -= {old.port}
    if new.name in facts.forked and {*users} <= {new.name}:
        return (How.HANDOVER if shared else How.BESIDE), ()
    return (How.IN_TURN, users) if users else (How.BESIDE, ())


def _compare(
    old: ProcessSpec, new: ProcessSpec, addresses: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return variables and settings that are others, as far as they matter."""
    variables = tuple(
        sorted(
            name
            for name in old.env.keys() | new.env.keys()
            if old.env.get(name) != new.env.get(name) and _matters(name, new, addresses)
        )
    )
    settings = tuple(
        field
        for field in new.__struct_fields__
        if field not in ("databases", "depends_on", "env")
        and getattr(old, field) != getattr(new, field)
    )
    return variables, settings


def _matters(name: str, spec: ProcessSpec, addresses: Collection[str]) -> bool:
    """Say whether a process may read a variable.

    Any program of the project may read all of them; of a known server it is known.
    """
    if find_scheme(spec.command) == "http" or spec.setup is not None:
        return True
    if name in _REFERENCE.findall(spec.command):
        return True
    is_mark = _MARKS.fullmatch(name) is not None or name in addresses
    return not is_mark and _READ.fullmatch(name) is not None


def _name_addresses(former: StackSpec, target: StackSpec) -> Iterator[str]:
    for kind in (*former.numbers, *target.numbers):
        yield from name_addresses(kind)
