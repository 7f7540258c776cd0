"""Which databases a worktree has for itself, and how they are called.

What the main checkout uses is never used by a worktree, unless that is asked for: its
branch may have other migrations, and its tests empty tables.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.blake2 import blake2b
from sceneshift.core.databases import Database, list_databases
from sceneshift.core.value import SourceKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sceneshift.core.value import Value
    from sceneshift.core.worktree import Worktree

_POSTGRESQL = frozenset({"pgsql", "postgis", "postgres", "postgresql", "psql"})
_POSTGRESQL_PORT = 5432
_LOOPBACK = frozenset({"", "localhost", "127.0.0.1", "::1"})
_LONGEST = 63  # bytes of an identifier, PostgreSQL cuts the rest off in silence
_LONGEST_FILE = 200  # of 255, for what SQLite and we put behind it
# Compiled where they are used: most checkouts are no worktrees.
_UNFIT = r"[^A-Za-z0-9_-]+"
# As SQLAlchemy reads it: a password may hold a slash.
_NAMED = (
    r"(?P<head>[^:]+://(?:[^:/]*(?::[^@]*)?@)?"
    r"(?P<host>\[[^\]]*\]|[^/?@:]*)(?::(?P<port>[^/?@]*))?/)"
    r"(?P<name>[^/?#]+)(?P<tail>.*)"
)
_FILE = r"(?P<head>sqlite[^:]*:///)(?!:memory:|file:)(?P<path>[^?]+)(?P<tail>.*)"
_URI = r"sqlite[^:]*:///file:(//[^/]*)?/(?!.*[?&]mode=memory).*"  # an absolute path


class OwnDatabase(Struct, frozen=True, kw_only=True):
    """A database of a worktree alone.

    Attributes:
        name: What the configuration calls it.
        url: Its address, the password included.
        origin: The address of what it begins as a copy of.
        system: `postgresql` or `sqlite`.
    """

    name: str
    url: str
    origin: str
    system: str

    @property
    def place(self) -> str:
        """What people know it by: its name on the server, or its file."""
        return find_place(self.url) or ""

    @property
    def origin_place(self) -> str:
        """The same of what it begins as a copy of."""
        return find_place(self.origin) or ""


def find_place(url: str) -> str | None:
    """Return a database's name on its server, or its file; None where it has none."""
    file = re.fullmatch(_FILE, url)
    named = None if url.startswith("sqlite") else re.fullmatch(_NAMED, url)
    return file["path"] if file else _decode(named["name"]) if named else None


class Separation(Struct, frozen=True):
    """How the databases of a worktree are apart from those of the main checkout.

    Attributes:
        own: Those that it has for itself.
        common: Those that it has not, each with the reason.
    """

    own: tuple[OwnDatabase, ...] = ()
    common: tuple[tuple[str, str], ...] = ()


class Rules(Struct, frozen=True, kw_only=True):
    """What decides on a database.

    Attributes:
        worktree: The worktree.
        root: The project's folder in it.
        shared: Variables of databases that are to be those of the main checkout.
        ports: Ports of servers that the worktree runs itself.
        is_chosen: Tells whether a variable with a text was chosen for here alone.
    """

    worktree: Worktree
    root: Path
    shared: Collection[str]
    ports: Collection[int]
    is_chosen: Callable[[str, str], bool]


def separate(values: Mapping[str, Value], rules: Rules) -> Separation:
    """Return which databases of an environment are to be the worktree's own."""
    own, common = [], []
    for database in list_databases(values):
        found = _judge(database, values, rules)
        if isinstance(found, OwnDatabase):
            own.append(found)
        elif found is not None:
            common.append((database.name, found))
    return Separation(tuple(own), tuple(common))


def name_apart(base: str, worktree: str, *, most: int = _LONGEST) -> str:
    """Return the name of a worktree's own database, or file without its suffix.

    Args:
        base: That of the main checkout.
        worktree: The worktree's name.
        most: Bytes that it may have; what is longer is cut, and gets a hash.
    """
    fit = re.sub(_UNFIT, "-", worktree)
    if fit != worktree:  # else two would have one
        fit += f"_{_digest(worktree, 2)}"
    name = f"{base}__wt_{fit}"
    if len(name.encode()) <= most:
        return name
    digest = _digest(name, 5)
    return f"{name.encode()[: most - 11].decode(errors='ignore')}_{digest}"


def _digest(text: str, size: int) -> str:
    return blake2b(text.encode(), digest_size=size).hexdigest()


def _decode(name: str) -> str:
    """Return a database's name as its server has it."""
    if "%" not in name:
        return name
    from urllib.parse import unquote  # noqa: PLC0415 - 3 ms, seldom

    return unquote(name)


def _judge(
    database: Database, values: Mapping[str, Value], rules: Rules
) -> OwnDatabase | str | None:
    """Return the own database, why it is none, or None where there is nothing to do."""
    value = values[database.variable]
    if database.variable in rules.shared:
        return "it is shared"
    is_plain = value.source.kind in (SourceKind.ENV_FILE, SourceKind.PROCESS)
    is_chosen = is_plain and rules.is_chosen(database.variable, value.text)
    if database.system == "sqlite":
        return _judge_file(database, rules, is_chosen=is_chosen)
    if is_chosen:
        return None
    if database.system not in _POSTGRESQL:
        return f"{database.system} is not copied"
    return _judge_server(database, values, rules)


def _judge_file(
    database: Database, rules: Rules, *, is_chosen: bool
) -> OwnDatabase | str | None:
    found = re.fullmatch(_FILE, database.url)
    if found is None:
        is_common = re.fullmatch(_URI, database.url) and not is_chosen
        return "it is named by a URI" if is_common else None
    path = _find_path(rules.root / found["path"], rules.worktree)
    is_below = path.is_relative_to(rules.worktree.top)
    main = rules.worktree.find_main(path) if is_below else None
    if is_below and (real := _follow_out(path, main, rules.worktree)) is not None:
        if main is not None and real.is_relative_to(rules.worktree.common.parent):
            return "a link leads to that of the main checkout"
        path, is_below = real, False
    if is_below:
        if main is None:
            return None
        url, origin = database.url, f"{found['head']}{main}{found['tail']}"
    elif is_chosen:
        return None
    else:
        name = name_apart(path.stem, rules.worktree.name, most=_LONGEST_FILE)
        aside = path.with_name(name + path.suffix)
        url, origin = (
            f"{found['head']}{each}{found['tail']}" for each in (aside, path)
        )
    return OwnDatabase(name=database.name, url=url, origin=origin, system="sqlite")


def _find_path(path: Path, worktree: Worktree) -> Path:
    """Return the file of a path; what is above the top is above the main checkout's."""
    plain = Path(os.path.normpath(path))
    is_above = path.is_relative_to(worktree.top) > plain.is_relative_to(worktree.top)
    main = worktree.find_main(path) if is_above else None
    return plain if main is None else Path(os.path.normpath(main))


def _follow_out(path: Path, main: Path | None, worktree: Worktree) -> Path | None:
    """Return where links lead to what the main checkout, or any other, uses as well.

    git brings links, so that one to a folder of data leads there from every worktree.
    """
    real = Path(os.path.realpath(path))
    if main is None:  # a bare repository
        return None if real.is_relative_to(worktree.top.resolve()) else real
    return real if os.path.realpath(main) == str(real) else None


def _judge_server(
    database: Database, values: Mapping[str, Value], rules: Rules
) -> OwnDatabase | str | None:
    found = re.fullmatch(_NAMED, database.url)
    if found is None:
        return "its URL names no database"
    try:
        hosts, port = _find_server(found, values)
    except ValueError:
        return "its URL cannot be read"
    if hosts is None:
        return "a service names its server"
    if not all(map(is_near, hosts)):
        return "it is on another machine"
    if _LOOPBACK.issuperset(hosts) and port in rules.ports:
        return None  # a server of the worktree's own
    name = name_apart(_decode(found["name"]), rules.worktree.name)
    if "%" in found["name"]:
        from urllib.parse import quote  # noqa: PLC0415 - as in _decode

        name = quote(name, safe="")
    return OwnDatabase(
        name=database.name,
        url=f"{found['head']}{name}{found['tail']}",
        origin=database.url,
        system="postgresql",
    )


def _find_server(
    found: re.Match[str], values: Mapping[str, Value]
) -> tuple[list[str] | None, int]:
    """Return the hosts, None where a file says them, and the port, as libpq has them.

    What an address leaves out is taken from variables:
    https://www.postgresql.org/docs/current/libpq-envars.html
    """
    from urllib.parse import parse_qs  # noqa: PLC0415 - 3 ms, in worktrees alone

    given = parse_qs(found["tail"].removeprefix("?"))
    said = {key: value.text for key, value in values.items() if key.startswith("PG")}
    named = found["host"].strip("[]")
    ports = given.get("port", [found["port"] or said.get("PGPORT") or _POSTGRESQL_PORT])
    hosts = given.get("hostaddr") or [said.get("PGHOSTADDR", "")]
    if not any(hosts):
        hosts = given.get("host") or [named]
    if not any(hosts):
        if "service" in given or said.get("PGSERVICE"):
            return None, int(ports[0])
        hosts = [said.get("PGHOST", "")]
    return [host for each in hosts for host in each.split(",")], int(ports[0])


def is_near(host: str) -> bool:
    """Tell whether a server is on this machine, or in a network of containers."""
    if host in _LOOPBACK or host.startswith("/") or host.endswith(".localhost"):
        return True
    return not set(".:") & set(host)
