"""Pointing a program at another database of the same server of MariaDB or MySQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
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


def aim(program: AimedT, draft: Database, root: Path) -> AimedT:
    """Return the same for a draft, by all variables that name the database.

    Args:
        program: What is to be run.
        draft: The draft, whose name is plain.
        root: The project's folder.
    """
    live = Place(url=program.database.url, root=root)
    name = Place(url=draft.url, root=root).name
    others = {
        variable: pointed
        for variable, text in program.env.items()
        if (pointed := _point(variable, text, live, name)) is not None
    }
    return replace(program, database=draft, env={**program.env, **others})


def _point(variable: str, text: str, live: Place, name: str) -> str | None:
    """Return what a variable is to be; None where it stays."""
    if _SYSTEMS.match(text):
        other = Place(url=text, root=live.root)
        is_it = other.name == live.name and _find_server(text) == _find_server(live.url)
        return other.rename(name) if is_it else None
    return name if text == live.name and _NAMES.fullmatch(variable) else None


def _find_server(url: str) -> object:
    """Return what two addresses of one server have in common."""
    place, _, query = url.partition("://")[2].partition("?")
    socket = dict(parse_qsl(query)).get("unix_socket")
    if socket:
        return socket
    try:
        parts = urlsplit(f"//{place.rpartition('@')[2]}")
        host, port = (parts.hostname or "").lower(), parts.port or _PORT
    except ValueError:
        return place
    return "" if host in _NEAR else host, port
