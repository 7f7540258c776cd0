"""A project with a PostgreSQL server of its own, as the product starts it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from typing import TYPE_CHECKING

import psycopg

import components
from sceneshift.core.project import load_project
from sceneshift.core.services import readiness
from sceneshift.core.services.programs import read_major
from sceneshift.core.services.use import find_services, release, use_services
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.core.services.service import Service

SETTINGS = """\
[project]
name = "shop"
[tool.sceneshift.environments.development]
databases = {{ default = "postgres:{major}" }}
"""


def find_major() -> int:
    """Return the version of the machine's programs."""
    major = read_major([str(components.get("postgresql"))])
    assert major is not None
    return major


def write_project(root: Path, settings: str = SETTINGS) -> Path:
    """Write a project that names the machine's version, and return its folder."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "pyproject.toml").write_text(settings.format(major=find_major()))
    return root


def load_service(root: Path, environment: str = "development") -> Service:
    """Return the server that a project's databases are on."""
    project = load_project(root, environ={}, environment=environment, is_looking=True)
    (service,) = find_services(project)
    return service


def use(service: Service) -> list[str]:
    """Use a server; return what was said."""
    said: list[str] = []
    use_services([service], os.environ, said.append)
    return said


@contextlib.contextmanager
def serving(root: Path, environment: str = "development") -> Iterator[Service]:
    """Yield the server of a project, which is ended with whatever a test made of it."""
    service = load_service(root, environment)
    try:
        yield service
    finally:
        release(service)
        stop(service)
        if not service.socket.is_relative_to(root):
            shutil.rmtree(service.socket, ignore_errors=True)


def stop(service: Service) -> None:
    """End a server in order, as what keeps it does."""
    pid = readiness.read_pid(service)
    if pid is not None and readiness.is_held(service.folder / "server.lock"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        wait_until(lambda: not readiness.is_held(service.folder / "server.lock"))


def run(service: Service, statement: str) -> list[tuple[object, ...]]:
    """Run a statement in the first database, and return its rows."""
    address = service.describe_address("", service.databases[0])
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return list(cursor) if cursor.description else []
