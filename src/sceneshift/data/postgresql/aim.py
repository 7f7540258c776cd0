"""Pointing a program at another database of the same PostgreSQL server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from msgspec.structs import replace

from sceneshift.data.postgresql.session import Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sceneshift.core.databases import Database
    from sceneshift.core.value import Value
    from sceneshift.data.system import AimedT

_SYSTEMS = re.compile(r"postgres(?:ql)?(?:\+\w+)?://")
_PORT = "5432"
# What programs put addresses together from, besides libpq's own.
_NAMES = re.compile(
    r"PGDATABASE|(?:\w+_)?(?:POSTGRES(?:QL)?|PG|DB|DATABASE)_(?:DB|NAME|DATABASE)|DB"
)
# libpq's own, and its options; None where it stands before the host.
_VARIABLES = {
    "PGHOST": "host",
    "PGPASSWORD": None,
    "PGPORT": "port",
    "PGSSLMODE": "sslmode",
    "PGUSER": None,
}
# What would lead to another server than the one that is said.
_ELSEWHERE = frozenset({"PGHOSTADDR", "PGSERVICE"})
_PARTS = re.compile(r"(?:\w+_)?(?:POSTGRES(?:QL)?|PG|DB|DATABASE)_(HOST|PORT)")
_KEYWORDS = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGDATABASE": "dbname",
}
_NEAR = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
_PAIR = re.compile(r"(\bdbname\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)")


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


def lead(program: AimedT, draft: Database, root: Path) -> AimedT:
    """Return the same for a draft on a server of our own, at a socket of that.

    What puts an address together from a host and a port has to take a socket's folder.

    Args:
        program: What is to be run.
        draft: The draft, whose name is plain.
        root: The project's folder.
    """
    live = Place(url=program.database.url, root=root)
    name = Place(url=draft.url, root=root).name
    place, _, query = draft.url.partition("://")[2].partition("?")
    own = {
        "PGHOST": dict(parse_qsl(query))["host"],
        "PGPORT": _PORT,
        "PGUSER": unquote(place.partition("@")[0]),
    }
    parts = _list_parts(live.url)
    env = {
        variable: _lead(variable, text, live, name, draft.url, own, parts)
        for variable, text in program.env.items()
        if variable not in _ELSEWHERE
    }
    if any(variable in program.env for variable in (*_VARIABLES, *_ELSEWHERE)):
        env |= own
    return replace(program, database=draft, env=env)


def _lead(  # noqa: PLR0913, PLR0917 - one variable, and what it may mean
    variable: str,
    text: str,
    live: Place,
    name: str,
    url: str,
    own: Mapping[str, str],
    parts: Mapping[str, str],
) -> str:
    """Return what a variable is to be."""
    pointed = _point(variable, text, live, name)
    found = _PARTS.fullmatch(variable)
    if pointed is None:
        is_part = found is not None and parts.get(found[1]) == text
        return own[f"PG{found[1]}"] if found is not None and is_part else text
    if _SYSTEMS.match(text):
        return f"{text.partition('://')[0]}://{url.partition('://')[2]}"
    if _PAIR.search(text):
        said = {**own, "PGDATABASE": name}
        return " ".join(f"{_KEYWORDS[key]}={value}" for key, value in said.items())
    return pointed


def _list_parts(url: str) -> dict[str, str]:
    """Return host, port and user of an address, as variables may have them."""
    try:
        parts = urlsplit(url)
        port = str(parts.port or _PORT)
    except ValueError:
        return {}
    asked = dict(parse_qsl(parts.query))
    found = {
        "HOST": asked.get("host") or parts.hostname or "",
        "PORT": asked.get("port") or port,
    }
    return {key: text for key, text in found.items() if text}


def complete(url: str, values: Mapping[str, Value]) -> str:
    """Return an address that says what libpq's own variables say besides.

    They need not be those of this process: an env file may have them.

    Args:
        url: An address.
        values: The variables of its environment.
    """
    said = {name: values[name].text for name in _VARIABLES if name in values}
    head, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    server, mark, name = place.partition("/")
    who, at, host = server.rpartition("@")
    options = dict(parse_qsl(query, keep_blank_values=True))
    missing = _list_missing(said, {*options}, has_host=bool(host))
    if not who and "user" not in options and "PGUSER" in said:
        secret = quote(said.get("PGPASSWORD", ""), safe="")
        who, at = quote(said["PGUSER"], safe="") + (f":{secret}" if secret else ""), "@"
    if missing:
        added = urlencode(missing, quote_via=quote)
        query = f"{query}&{added}" if query else added
    end = f"?{query}" if query else ""
    return f"{head}://{who}{at}{host}{mark}{name}{end}"


def _list_missing(
    said: Mapping[str, str], known: set[str], *, has_host: bool
) -> dict[str, str]:
    """Return the options that variables give, and an address does not."""
    if has_host:
        known |= {"host", "port"}
    return {
        option: said[name]
        for name, option in _VARIABLES.items()
        if option and name in said and option not in known
    }


def rename(url: str, name: str) -> str:
    """Return the address of another database of the server.

    Args:
        url: An address.
        name: The other's name, which is plain.
    """
    head, _, rest = url.partition("://")
    place, mark, query = rest.partition("?")
    server = place.partition("/")[0]
    options = parse_qsl(query, keep_blank_values=True)
    if any(key == "dbname" for key, _ in options):
        options = [pair for pair in options if pair[0] != "dbname"]
        query = urlencode(options, quote_via=quote)
        mark = "?" if query else ""
    return f"{head}://{server}/{name}{mark}{query}"


def _point(variable: str, text: str, live: Place, name: str) -> str | None:
    """Return what a variable is to be; None where it stays."""
    if _SYSTEMS.match(text):
        other = Place(url=text, root=live.root)
        is_it = other.name == live.name and _find_server(text) == _find_server(live.url)
        return rename(text, name) if is_it else None
    if text == live.name:
        return name if _NAMES.fullmatch(variable) else None
    found = _PAIR.search(text)
    if found is None or _unquote(found[2]) != live.name:
        return None
    return f"{text[: found.start(2)]}{name}{text[found.end(2) :]}"


def _find_server(url: str) -> object:
    """Return what two addresses of one server have in common."""
    try:
        parts = urlsplit(url)
        asked: Mapping[str, str] = dict(parse_qsl(parts.query))
        host = asked.get("hostaddr") or asked.get("host") or parts.hostname or ""
        port = asked.get("port") or str(parts.port or _PORT)
    except ValueError:  # several hosts with ports, for one
        return url.partition("://")[2].partition("?")[0].rpartition("/")[0]
    is_near = not host or host.startswith("/") or host.lower() in _NEAR
    return ("" if is_near else host.lower(), port)


def _unquote(text: str) -> str:
    if not text.startswith("'"):
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1])
