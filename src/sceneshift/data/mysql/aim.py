"""Pointing a program at another database of the same server of MariaDB or MySQL."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from msgspec.structs import replace

from sceneshift.data.mysql.session import Place

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.core.databases import Database
    from sceneshift.data.system import AimedT

_SYSTEMS = re.compile(r"(?:mysql|mariadb)(?:\+\w+)?://")
_PORT = 3306
# What programs put addresses together from.
_NAMES = re.compile(r"(?:\w+_)?(?:MYSQL|MARIADB|DB|DATABASE)_(?:DB|NAME|DATABASE)|DB")
_NEAR = frozenset({"", "localhost", "127.0.0.1", "::1"})


class _Server(NamedTuple):
    """Where a server is; a socket is of the machine, and its port not known."""

    host: str
    port: int | None = None
    socket: str = ""


def aim(
    program: AimedT, draft: Database, root: Path, *, is_cased: bool = True
) -> AimedT:
    """Return the same for a draft, by all variables that name the database.

    Args:
        program: What is to be run.
        draft: The draft, whose name is plain.
        root: The project's folder.
        is_cased: Whether databases are two whose names differ by capitals alone.
    """
    live = Place(url=program.database.url, root=root)
    name = Place(url=draft.url, root=root).name
    others = {
        variable: pointed
        for variable, text in program.env.items()
        if (pointed := _point(variable, text, live, name, is_cased)) is not None
    }
    return replace(program, database=draft, env={**program.env, **others})


def _point(
    variable: str,
    text: str,
    live: Place,
    name: str,
    is_cased: bool,  # noqa: FBT001
) -> str | None:
    """Return what a variable is to be; None where it stays."""

    def is_it(found: str) -> bool:
        return found == live.name or (
            not is_cased and found.lower() == live.name.lower()
        )

    if _SYSTEMS.match(text):
        other = Place(url=text, root=live.root)
        is_meant = is_it(other.name) and _is_same(
            _find_server(text), _find_server(live.url)
        )
        return other.rename(name) if is_meant else None
    return name if is_it(text) and _NAMES.fullmatch(variable) else None


def _is_same(one: _Server, other: _Server) -> bool:
    """Tell whether two addresses may lead to one server.

    In doubt they do: a draft is not found on another server, which is told, and a
    database that is taken for another one is changed.
    """
    if one.socket and other.socket:
        return one.socket == other.socket
    is_by_socket = bool(one.socket or other.socket)
    return one.host == other.host and (is_by_socket or one.port == other.port)


def _find_server(url: str) -> _Server:
    """Return what two addresses of one server have in common."""
    place, _, query = url.partition("://")[2].partition("?")
    socket = dict(parse_qsl(query)).get("unix_socket")
    if socket:
        return _Server("", socket=os.path.realpath(socket))
    try:
        parts = urlsplit(f"//{place.rpartition('@')[2]}")
        host, port = (parts.hostname or "").lower(), parts.port or _PORT
    except ValueError:
        return _Server(place)
    return _Server("" if host in _NEAR else host, port)
