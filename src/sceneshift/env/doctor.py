"""`inv env.doctor`: whether the machine has what the project needs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sceneshift.core.check import Check, ok, skip
from sceneshift.core.project import use_virtual_environment
from sceneshift.env.catalog import load_entries
from sceneshift.env.disk import check_clock, check_room, check_speed
from sceneshift.env.inspection import print_results, run_checks
from sceneshift.env.surroundings import (
    check_case,
    check_file_system,
    check_proxy,
    check_watches,
)
from sceneshift.env.tools import (
    check_clients,
    check_docker,
    check_git,
    check_managers,
    check_node,
    check_python,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sceneshift.core.check import Verdict

_PROGRAM_S = 3.0  # a version manager's shim may take a while
_LOCAL_DISK = "move the project to a local disk"


def examine(root: Path, environ: Mapping[str, str], *, as_json: bool) -> None:
    """Run the checks of the machine and print what they found.

    Raises:
        DriftError: A check has failed.
    """
    results = run_checks(list_checks(root, environ))
    print_results(results, {}, as_json=as_json)


def list_checks(root: Path, environ: Mapping[str, str]) -> Iterator[Check]:
    """Yield every check of the machine."""
    env = {**environ, **use_virtual_environment(root, environ)}
    program = partial(Check, limit_s=_PROGRAM_S)
    yield Check(name="python", look=partial(check_python, root))
    yield program(name="node", look=partial(check_node, root, env))
    yield program(name="git", look=partial(check_git, root, env))
    yield program(name="docker", look=partial(check_docker, root, env))
    yield Check(name="package managers", look=partial(check_managers, root, env))
    yield program(
        name="database clients", look=partial(_check_clients, root, environ, env)
    )
    yield program(name="servers", look=partial(_check_servers, root, environ))
    yield Check(name="inotify", look=partial(check_watches, root), limit_s=1.5)
    yield Check(name="case", look=partial(check_case, root), slow_remedy=_LOCAL_DISK)
    yield Check(name="file system", look=partial(check_file_system, root))
    yield Check(
        name="disk speed",
        look=partial(check_speed, root),
        limit_s=2.0,
        slow_remedy=_LOCAL_DISK,
    )
    yield Check(
        name="disk space", look=partial(check_room, root), slow_remedy=_LOCAL_DISK
    )
    yield Check(name="proxy", look=partial(check_proxy, environ))
    yield Check(name="clock", look=partial(check_clock, root), slow_remedy=_LOCAL_DISK)


def _check_servers(root: Path, environ: Mapping[str, str]) -> Verdict:
    """Look for the programs of the project's own servers, in all environments.

    Raises:
        SceneshiftError: They are not there, or cannot run what is.
    """
    entries = load_entries(root, environ)
    services = {one.name: one for entry in entries for one in entry.services}
    if not services:
        return skip("the project has none of its own")
    from sceneshift.core.services.cluster import open_cluster  # noqa: PLC0415 - few

    found = [open_cluster(each, environ) for each in services.values()]
    texts = (f"{each.service.name}: {each.programs.folder}" for each in found)
    return ok(", ".join(texts))


def _check_clients(
    root: Path, environ: Mapping[str, str], env: Mapping[str, str]
) -> Verdict:
    """Look for the clients of all environments' databases."""
    entries = load_entries(root, environ)
    systems = [each.system for entry in entries for each in entry.databases]
    return check_clients(systems, env)
