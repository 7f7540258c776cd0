"""Whether a database answers, as far as can be told without its library."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sceneshift.core.databases import Database
    from sceneshift.core.services.service import Service

_PORTS = {
    "amqp": 5672,
    "cockroachdb": 26257,
    "mariadb": 3306,
    "mongodb": 27017,
    "mssql": 1433,
    "mysql": 3306,
    "oracle": 1521,
    "postgres": 5432,
    "postgresql": 5432,
    "redis": 6379,
}
_HIGHEST_PORT = 65535
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
# As SQLAlchemy reads it: a password may hold `/`, `?` and `#`.
_ADDRESS = re.compile(
    r"[^:]+://(?:[^:/]*(?::[^@]*)?@)?"
    r"(?:\[(?P<ipv6>[^/?]+)\]|(?P<host>[^/:?]+))?(?::(?P<port>[^/?]*))?"
    r"(?:/[^?]*)?(?:\?(?P<query>.*))?"
)
_SOCKETS = {
    "postgres": "/var/run/postgresql/.s.PGSQL.5432",
    "postgresql": "/var/run/postgresql/.s.PGSQL.5432",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Whether a database answers.

    Attributes:
        is_reachable: None where that cannot be told.
        problem: Why not, or why it cannot be told; None where it answers.
        is_missing: Whether that is a file which does not exist.
    """

    is_reachable: bool | None
    problem: str | None = None
    is_missing: bool = False


def find_reach(
    database: Database, root: Path, *, limit_s: float, services: Iterable[Service] = ()
) -> Reach:
    """Look for the file of a SQLite database, or knock at the port of any other.

    Args:
        database: The database.
        root: What a relative path of a file is relative to.
        limit_s: Seconds that a server has to accept a connection.
        services: The project's own servers, which need not run as yet.
    """
    for service in services:
        if service.has(database.url):
            return _look_at_service(service)
    try:
        if database.system == "sqlite":
            return _look_at_file(database.find_file(root))
        return _knock(database, limit_s)
    except ValueError:
        return Reach(is_reachable=False, problem="this is no URL")
    except OSError as error:  # a folder that this user may not enter
        return Reach(is_reachable=False, problem=(error.strerror or "").lower())


def _look_at_service(service: Service) -> Reach:
    from sceneshift.core.services.readiness import (  # noqa: PLC0415 - few have any
        is_ready,
    )

    if is_ready(service):
        return Reach(is_reachable=True)
    problem = f"{service.title} of this project is started by whoever needs it"
    return Reach(is_reachable=None, problem=problem)


def _look_at_file(path: Path | None) -> Reach:
    if path is None:
        return Reach(is_reachable=True)  # it is made when it is opened
    if os.access(path, os.R_OK | os.W_OK):
        return Reach(is_reachable=True)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        problem = "the file does not exist"
        return Reach(is_reachable=False, problem=problem, is_missing=True)
    except PermissionError:
        pass  # a folder above it is closed to us
    return Reach(is_reachable=False, problem="the file is not readable and writable")


def _knock(database: Database, limit_s: float) -> Reach:
    found = _ADDRESS.match(database.url)
    if found is None:
        raise ValueError(database.variable)
    given = parse_qs(found["query"] or "")
    if "unix_socket" in given:  # MySQL's
        return _look_at_socket(Path(given["unix_socket"][0]))
    hosts = given.get("host") or [unquote(found["host"] or found["ipv6"] or "")]
    ports = given.get("port") or [found["port"] or ""]
    host = ",".join(hosts)
    if "," in host + ",".join(ports) or (":" in host and host != found["ipv6"]):
        return Reach(is_reachable=None, problem="the URL names several hosts")
    port = _read_port(ports[0]) or _PORTS.get(database.system)
    if host.startswith("/"):
        return _look_at_socket(Path(host, f".s.PGSQL.{port}"))
    if not host and database.system in _SOCKETS:
        return _look_at_socket(Path(_SOCKETS[database.system]))
    if not host or port is None:
        return Reach(is_reachable=None, problem="the URL names no host and port")
    return knock(host, port, limit_s=limit_s)


def find_local_port(database: Database) -> int | None:
    """Return the port of a server on this machine; None for any other database."""
    found = _ADDRESS.match(database.url)
    if found is None or (found["host"] or found["ipv6"]) not in _LOCAL:
        return None
    try:
        return _read_port(found["port"] or "") or _PORTS.get(database.system)
    except ValueError:
        return None


def _read_port(text: str) -> int | None:
    port = int(text) if text else None
    if port is not None and not 0 <= port <= _HIGHEST_PORT:
        raise ValueError(text)
    return port


def _look_at_socket(path: Path) -> Reach:
    if path.exists():
        return Reach(is_reachable=True)
    return Reach(is_reachable=False, problem=f"there is no socket {path}")


def knock(host: str, port: int, *, limit_s: float) -> Reach:
    """Tell whether a server accepts a connection."""
    try:
        socket.create_connection((host, port), timeout=limit_s).close()
    except TimeoutError:
        problem = f"no answer from {host}:{port} within {limit_s:g} s"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        problem = f"{host}:{port}: {reason}"
    else:
        return Reach(is_reachable=True)
    return Reach(is_reachable=False, problem=problem)
