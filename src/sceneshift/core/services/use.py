"""Using the servers of a project: they are there, and stay as long as this program."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

from sceneshift.core.databases import is_service
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.selection import list_environments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import IO

    from sceneshift.core.project import Project
    from sceneshift.core.services.service import Service

    Say = Callable[[str], None]

_PAUSE_S = 0.005
_LIMIT_S = 300.0
# What this program holds, until it ends: the system frees it then.
_HELD: dict[Path, IO[bytes]] = {}


def find_services(project: Project) -> tuple[Service, ...]:
    """Return the servers that an environment's databases are on, mostly none."""
    sections = list_environments(project.root, project.config)
    databases = sections[project.environment.name].databases
    if not any(map(is_service, databases.values())):
        return ()
    from sceneshift.core.services.service import list_services  # noqa: PLC0415 - 2 ms

    return list_services(project)


def use_services(
    services: Iterable[Service], environ: Mapping[str, str], say: Say
) -> None:
    """Return when the servers answer, and have their databases.

    One that answers already is left alone: that costs well below 1 ms.

    Args:
        services: What `find_services` has returned.
        environ: The process environment.
        say: Takes a line for people.

    Raises:
        ComponentError: The programs of one are not on this machine.
        SceneshiftError: One does not start, and why.
    """
    for service in services:
        _use(service, environ, say)


def is_in_use(service: Service) -> bool:
    """Tell whether a service answers, has its databases, and stays for this program."""
    from sceneshift.core.services.readiness import is_kept, is_ready  # noqa: PLC0415

    return (
        service.folder in _HELD
        and is_ready(service)
        and is_kept(service)
        and not _list_missing(service)
    )


def _use(service: Service, environ: Mapping[str, str], say: Say) -> None:
    service.make()
    _hold(service.folder)
    if is_in_use(service):
        return
    # What starts one takes 15 ms to import, which a command does not pay otherwise.
    from sceneshift.core.services.server import make_database, start  # noqa: PLC0415

    start(service, environ, say)
    for mark in _list_missing(service):
        make_database(service, environ, mark.name)
        mark.parent.mkdir(exist_ok=True)
        mark.touch()


def _list_missing(service: Service) -> list[Path]:
    """Return the marks of databases that were never made.

    One that was dropped since is not made again: who drops it means it.
    """
    return [each for each in service.marks if not each.exists()]


def _hold(folder: Path) -> None:
    """Be a user, from now to the end of this program.

    Who ends the server holds the lock meanwhile, and is waited for.
    """
    if folder in _HELD:
        return
    file = (folder / "users.lock").open("ab")
    end = time.monotonic() + _LIMIT_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= end:
                file.close()
                raise SceneshiftError(
                    f"a server is being stopped, and does not end: {folder}",
                    hint=f"see its log: {folder}/log",
                ) from None
            time.sleep(_PAUSE_S)
    _HELD[folder] = file


def release(service: Service) -> None:
    """Be no user any more, as at the end of this program."""
    held = _HELD.pop(service.folder, None)
    if held is not None:
        held.close()


def hand_over() -> None:
    """Let the program that takes this one's place be the user."""
    for file in _HELD.values():
        os.set_inheritable(file.fileno(), True)
