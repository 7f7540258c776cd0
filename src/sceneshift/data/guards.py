"""What stands between a command and data that it would destroy.

In this order: the environment's policy, where the database is, whose it says that it
is, and a person who types its name. Each refusal says what would have been destroyed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from msgspec import Struct

from sceneshift.core.console import StreamConsole, can_ask
from sceneshift.core.errors import RefusedError, SceneshiftError
from sceneshift.core.wording import name_few, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sceneshift.core.value import Value
    from sceneshift.data.marker import Marker
    from sceneshift.data.system import System
    from sceneshift.data.target import Request, Target

_LOOPBACK = frozenset({"localhost", "::1"})
# What says where a database is, and what says it where an address does not.
_VARIABLES = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "service": "PGSERVICE"}
# What MySQL's drivers may read a host from.
_FILES = frozenset({"option_files", "read_default_file", "read_default_group"})
_FEW = 4


class Intent(Struct, frozen=True, kw_only=True):
    """What a command is about to do to a database.

    Attributes:
        command: As it is typed: `inv data.reset`.
        doing: As in "this resets it".
        target: The database.
        count: Returns the number of rows by table that are there now.
        read_marker: Returns whose it says that it is; None where it says nothing.
        is_named: Whether the environment was named by a flag.
        is_confirmed: Whether `--yes` was given.
    """

    command: str
    doing: str
    target: Target
    count: Callable[[], Mapping[str, int]]
    read_marker: Callable[[], Marker | None]
    is_named: bool = False
    is_confirmed: bool = False


def guard(intent: Intent) -> None:
    """Let it go on, or refuse.

    Raises:
        RefusedError: A guard says no; nothing was touched.
    """
    check(intent)
    _confirm(intent)


def check(intent: Intent) -> None:
    """Let it go on, or refuse; nobody is asked, for nothing is lost by it.

    Raises:
        RefusedError: A guard says no; nothing was touched.
    """
    _check_policy(intent)
    _check_host(intent)
    _check_marker(intent)


def guard_change(
    target: Target, system: System, request: Request, *, command: str, doing: str
) -> None:
    """Let a command change a database, or refuse.

    Args:
        target: The database.
        system: What can do it.
        request: What was asked for.
        command: See `Intent.command`.
        doing: See `Intent.doing`.

    Raises:
        RefusedError: A guard says no; nothing was touched.
    """
    guard(
        Intent(
            command=command,
            doing=doing,
            target=target,
            count=system.count_rows,
            read_marker=system.read_marker,
            is_named=request.environment is not None,
            is_confirmed=request.is_confirmed,
        )
    )


def describe_rows(rows: Mapping[str, int]) -> str:
    """Say what a database holds: the largest tables first."""
    filled = {name: count for name, count in rows.items() if count}
    if not filled:
        return "no rows"
    largest = sorted(filled, key=lambda name: (-filled[name], name))
    names = name_few([f"{name} {filled[name]:,}" for name in largest], _FEW)
    total = sum(filled.values())
    return f"{total:,} row{'s' if total > 1 else ''}: {names}"


def _name(intent: Intent) -> str:
    target = intent.target
    return f"{quote(target.title)} of {target.environment}"


def _holds(intent: Intent) -> str:
    try:
        return f"it holds {describe_rows(intent.count())}"
    except SceneshiftError as error:  # the refusal is what is to be told
        return f"what it holds cannot be told: {error.message}"


def _check_policy(intent: Intent) -> None:
    target = intent.target
    if target.project.environment.protected:
        raise RefusedError(
            f"{_name(intent)} is protected, and this {intent.doing} it: "
            f"{_holds(intent)}",
            hint=f"choose another environment: {intent.command} --env NAME",
        )


def list_foreign_hosts(target: Target) -> list[str]:
    """Return the hosts of a database that are neither here nor allowed."""
    hosts = find_hosts(target.database.url, target.project.environment.values)
    allowed = target.project.config.data.hosts
    return [each for each in hosts if not (is_here(each) or each in allowed)]


def _check_host(intent: Intent) -> None:
    target = intent.target
    allowed = target.project.config.data.hosts
    others = list_foreign_hosts(target)
    if not others:
        return
    raise RefusedError(
        f"{_name(intent)} is on {', '.join(others)}, and this {intent.doing} it: "
        f"{_holds(intent)}",
        hint="allow that host for databases that may be destroyed: "
        f"[tool.sceneshift.data] hosts = {json.dumps([*allowed, *others])}",
    )


def _check_marker(intent: Intent) -> None:
    target, marker = intent.target, intent.read_marker()
    if marker is None and not target.is_in_project and any(intent.count().values()):
        # No lock is held yet: those rows may be another command's, and the mark too.
        marker = intent.read_marker()
        if marker is None:
            raise RefusedError(
                f"{_name(intent)} does not say whose it is, and this {intent.doing} "
                f"it: {_holds(intent)}",
                hint=f"make it this one's: inv data.claim --env {target.environment}",
            )
    own = (target.owner, target.environment)
    if marker is not None and (marker.project, marker.environment) != own:
        raise RefusedError(
            f"{_name(intent)} says that it is {quote(marker.environment)} of the "
            f"project {quote(marker.project)}, and this {intent.doing} it: "
            f"{_holds(intent)}",
            hint="mend its URL, or make it this one's: "
            f"inv data.claim --env {target.environment}",
        )


def _confirm(intent: Intent) -> None:
    target = intent.target
    if can_ask():
        if not intent.is_confirmed:
            _have_typed(intent)
        return
    if not (intent.is_confirmed and intent.is_named):
        raise RefusedError(
            f"this {intent.doing} {_name(intent)}, and nobody can be asked here: "
            f"{_holds(intent)}",
            hint=f"confirm it: {intent.command} --yes --env {target.environment}",
        )


def _have_typed(intent: Intent) -> None:
    title = intent.target.title
    question = (
        f"this {intent.doing} {_name(intent)}, {_holds(intent)}; type {quote(title)}:"
    )
    typed = StreamConsole().ask(question)
    if typed != title:
        said = f"{quote(typed)} was typed" if typed else "nothing was typed"
        raise RefusedError(
            f"{said}, not {quote(title)}: nothing was done",
            hint=f"type the name, or confirm it: {intent.command} --yes",
        )


def find_hosts(url: str, values: Mapping[str, Value]) -> list[str]:
    """Return where a database may be: hosts, folders of sockets; empty for here.

    All that are named count, for which of them a driver takes is the driver's.

    Args:
        url: Its address.
        values: The variables of its environment: libpq has some of its own, for what an
            address does not say.
    """
    _, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    named = place.partition("/")[0].rpartition("@")[2]
    said = [pair for pair in parse_qsl(query) if pair[0] in _VARIABLES]
    keys = {key for key, _ in said} | ({"host"} if named else set())
    if url.startswith("postgres"):
        said += [
            (key, values[variable].text)
            for key, variable in _VARIABLES.items()
            if key not in keys and variable in values
        ]
    hosts = [text for key, text in said if key != "service"]
    found = [_trim(unquote(one)) for text in (named, *hosts) for one in text.split(",")]
    found += [f"service {text}" for key, text in said if key == "service"]
    found += [f"{key} {text}" for key, text in parse_qsl(query) if key in _FILES]
    return [each for each in found if each]


def _trim(host: str) -> str:
    """Take the port from a host, and the brackets from an address."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    if host.startswith(("/", "@")) or host.count(":") > 1:
        return host
    return host.partition(":")[0].lower()


def is_here(host: str) -> bool:
    """Tell whether a host, as `find_hosts` names it, is this machine."""
    is_socket = host.startswith(("/", "@"))
    return is_socket or host in _LOOPBACK or host.startswith("127.")
