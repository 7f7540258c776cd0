"""Dropping the databases that removed worktrees have left.

Only what was made for them, bears the mark of that, and is used by nobody.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sceneshift.core.drop import Drop
from sceneshift.core.errors import SceneshiftError
from sceneshift.data.engine import parse_url
from sceneshift.data.sqlite.files import list_sidecars, remove

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.core.made import Made
    from sceneshift.data.postgresql.server import Server

_SUFFIX = "__wt_"


def find_drops(
    made: Sequence[Made], root: Path, urls: Sequence[str]
) -> tuple[Drop, ...]:
    """Return what is to become of each database.

    Args:
        made: What was made for worktrees that are gone.
        root: The project's folder, in a checkout that is there.
        urls: Addresses of its databases: by one of them a server is reached.
    """
    servers: dict[str, list[str]] = {}
    for url in dict.fromkeys(urls):
        servers.setdefault(_name(url, root), []).append(url)
    return tuple(_choose(each, root, servers.get(each.server, [""])) for each in made)


def apply_drops(drops: Sequence[Drop], root: Path) -> tuple[Drop, ...]:
    """Drop what may be; return what became of each.

    Args:
        drops: What `find_drops` returned; each is looked at once more.
        root: As there.
    """
    return tuple(
        each if each.problem else _look(each.made, root, each.url, is_doing=True)
        for each in drops
    )


def _name(url: str, root: Path) -> str:
    from sceneshift.data.postgresql.server import name_server  # noqa: PLC0415 - one of two

    try:
        parsed = parse_url(url, root)
    except SceneshiftError:
        return url  # no server of any that was made
    is_one = parsed.get_backend_name() == "postgresql"
    return name_server(parsed) if is_one else url


def _choose(made: Made, root: Path, urls: Sequence[str]) -> Drop:
    """Return what is to become of a database by the first user who may drop it."""
    looked = []
    for url in urls:
        looked.append(_look(made, root, url))
        if looked[-1].problem is None:
            return looked[-1]
    return looked[0]


def _look(made: Made, root: Path, url: str, *, is_doing: bool = False) -> Drop:
    drop = Drop(made=made, url=url)
    try:
        if made.system == "sqlite":
            problem = _look_at_file(Path(made.place), is_doing=is_doing)
        elif not url:
            problem = f"no database of this project is at {made.server}"
        else:
            problem = _look_at_server(made, root, url, is_doing=is_doing)
    except SceneshiftError as error:
        problem = error.message
    return replace(drop, problem=problem)


# -- files


def _look_at_file(path: Path, *, is_doing: bool) -> str | None:
    if _SUFFIX not in path.name:
        if not os.path.lexists(path):
            return None
        return "its name is none that a worktree's database has"
    if (user := _find_user(path)) is not None:
        return f"process {user} has it open"
    if is_doing:
        _remove(path)
    return None


def _find_user(path: Path) -> int | None:
    """Return a process that has a file open; SQLite itself does not tell of others."""
    import psutil  # noqa: PLC0415 - 30 ms

    real = path.resolve()
    wanted = {*map(str, (real, *list_sidecars(real)))}
    for process in psutil.process_iter():
        try:
            if wanted & {each.path for each in process.open_files()}:
                return int(process.pid)
        except (psutil.Error, OSError):  # another user's, or gone
            continue
    return None


def _remove(path: Path) -> None:
    from sceneshift.data.sqlite.copying import sweep_drafts  # noqa: PLC0415 - one of two

    try:
        remove(path)
        sweep_drafts(path)
    except OSError as exc:
        raise SceneshiftError(
            f"{path} cannot be removed: {(exc.strerror or '').lower()}",
            hint=f"ls -ld {path.parent}",
        ) from exc


# -- servers


def _look_at_server(made: Made, root: Path, url: str, *, is_doing: bool) -> str | None:
    from sceneshift.data.postgresql.server import open_server  # noqa: PLC0415 - one of two

    with open_server(url, root) as server:
        if is_doing:
            server.lock(made.place)
        problem = _judge(server, made)
        if problem is None and is_doing:
            _drop(server, made)
    return problem


def _judge(server: Server, made: Made) -> str | None:
    from sceneshift.data.postgresql.copying import read_mark  # noqa: PLC0415 - one of two
    from sceneshift.data.postgresql.settings import find_database  # noqa: PLC0415

    found = find_database(server.ask, made.place)
    if found is None:
        return None  # gone already; what a copy has left may be there
    owners = read_mark(found["comment"])
    if made.root not in owners:
        return "it does not bear the mark of what was made for that worktree"
    if other := next((each for each in owners if Path(each).is_dir()), None):
        return f"it is that of {other} too"
    if sessions := server.count_sessions(made.place):
        return f"clients are connected to it: {sessions}"
    return None if found["mine"] else f"it belongs to the user {found['owner']}"


def _drop(server: Server, made: Made) -> None:
    from sceneshift.data.postgresql.copying import sweep_drafts  # noqa: PLC0415 - one of two
    from sceneshift.data.postgresql.names import Names  # noqa: PLC0415

    sweep_drafts(server, made.place)
    names = Names(made.place)
    for name in server.list_names(names.start):
        if names.parse(name) is not None:  # what resets have kept of it
            server.drop(name, is_forced=True)
    server.drop(made.place)
