"""Making a worktree's own databases, when they are first used.

A program, `python -m sceneshift.data.firstuse`, which gets what it is to make by a
variable. It says a line for each database, and what it waits for.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import ComponentError, SceneshiftError
from sceneshift.core.firstuse import (
    Order,
    get_file,
    get_mark,
    list_missing,
    list_unsure,
    make_folder,
    read_order,
)
from sceneshift.core.made import Made, keep_made
from sceneshift.core.paths import StateFolder, write_whole
from sceneshift.core.wording import describe_seconds, quote
from sceneshift.core.worktree import find_worktree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sceneshift.core.project import Project
    from sceneshift.core.separation import OwnDatabase
    from sceneshift.data.postgresql.copying import Copied
    from sceneshift.data.target import Target

    Say = Callable[[str], None]

_FIRST_S, _NEXT_S = 2.0, 10.0  # who waits longer is told for what


def main() -> int:
    """Make what is asked for; return the exit code."""
    is_done = make_databases(read_order(os.environ), StreamConsole().data)
    return 0 if is_done else 1


def make_missing(project: Project) -> bool:
    """Make what a worktree lacks; tell whether all is there.

    For commands of this room: what they print stays theirs. In the main checkout it
    costs nothing.
    """
    state = StateFolder(project.root)
    wanted = list_unsure(project.environment.separation.own, state)
    if not wanted or project.worktree is None:
        return True
    order = Order(
        root=str(project.root),
        worktree=project.worktree.name,
        common=str(project.worktree.common),
        databases=wanted,
        environment=project.environment.name,
    )
    return make_databases(order, StreamConsole().note)


def insist_on_missing(project: Project) -> None:
    """Make what a worktree lacks, or say that it cannot be.

    Raises:
        SceneshiftError: One cannot be made; it is told why by then.
    """
    if not make_missing(project):
        raise SceneshiftError(
            "a database of this worktree cannot be made",
            hint="mend what the lines above say",
        )


def make_databases(order: Order, say: Say) -> bool:
    """Make databases, each unless it is there; tell whether all are.

    Args:
        order: What is to be made.
        say: Takes a line for people.
    """
    state = StateFolder(Path(order.root))
    are_made = [_make(each, order, state, say) for each in order.databases]
    return all(are_made)


def _make(database: OwnDatabase, order: Order, state: StateFolder, say: Say) -> bool:
    began = time.monotonic()
    try:
        with state.being_written(), _saying(database, say), _locked(state):
            if not list_missing([database], state) and _is_there(database, state):
                return True
            if database.system == "sqlite":
                said = _make_file(database, order)
            else:
                said = _make_on_server(database, order, state)
    except SceneshiftError as error:
        say(f"{_name(database)} is not there: {error.message}")
        say(f"hint: {_advise(database, error)}")
        return False
    took = describe_seconds(time.monotonic() - began)
    say(f"{_name(database)} {said} ({took})")
    return True


def _is_there(database: OwnDatabase, state: StateFolder) -> bool:
    """Tell whether what is marked still is there; else take the mark off.

    Where that cannot be told, it is.
    """
    from sceneshift.data.postgresql.address import connect, find_address  # noqa: PLC0415

    address = None if database.system == "sqlite" else find_address(database.url)
    if address is None:
        return True
    try:
        with connect(address):
            return True
    except ImportError:
        return True
    except SceneshiftError as error:
        is_gone = f'database "{database.place}" does not exist' in error.message
    if is_gone:
        get_mark(database, state).unlink(missing_ok=True)
    return not is_gone


def _make_file(database: OwnDatabase, order: Order) -> str:
    from sceneshift.data.sqlite.copying import copy_sqlite  # noqa: PLC0415 - one of two

    root = Path(order.root)
    origin, target = get_file(database.origin, root), get_file(database.url, root)
    worktree = find_worktree(root)
    top = root if worktree is None else worktree.top
    if not target.is_relative_to(top):  # else it goes with the worktree
        made = _describe_made(database, order, str(target))
        keep_made(Path(order.common), made)
    unfit = _find_unfit(database, order)
    if unfit is not None:
        return f"{_make_fit(unfit, database)}: {_say_unfit(database)}"
    copy_sqlite(origin, target)
    return f"is a copy of {origin}"


def _find_unfit(database: OwnDatabase, order: Order) -> Target | None:
    """Return the database where a copy would be at revisions that no file here has."""
    from sceneshift.data.beginning import find_target, is_unfit  # noqa: PLC0415

    target = find_target(Path(order.root), os.environ, order.environment, database)
    is_one = target is not None and is_unfit(target, database.origin)
    return target if is_one else None


def _make_fit(target: Target, database: OwnDatabase) -> str:
    from sceneshift.data.beginning import make  # noqa: PLC0415 - 50 ms, seldom

    return make(target, database.origin)


def _say_unfit(database: OwnDatabase) -> str:
    origin = quote(database.origin_place)
    return f"{origin} is at revisions that this branch does not know"


def _make_on_server(database: OwnDatabase, order: Order, state: StateFolder) -> str:
    from sceneshift.data.engine import parse_url  # noqa: PLC0415 - one of two
    from sceneshift.data.nearness import refuse_far  # noqa: PLC0415
    from sceneshift.data.postgresql.copying import make_copy  # noqa: PLC0415
    from sceneshift.data.postgresql.server import name_server, open_server  # noqa: PLC0415

    root = Path(order.root)
    refuse_far(parse_url(database.origin, root), os.environ)
    unfit = _find_unfit(database, order)
    with open_server(database.origin, root) as server:
        where = name_server(server.url)
        made = _describe_made(database, order, database.place, server=where)
        copied = make_copy(
            server,
            database.origin_place if unfit is None else "",
            database.place,
            root=order.root,
            keep=lambda: keep_made(Path(order.common), made),
        )
    said = _fill(database, order, copied, unfit)
    write_whole(get_mark(database, state), f"{database.place}\n")
    return said


def _fill(
    database: OwnDatabase, order: Order, copied: Copied, unfit: Target | None
) -> str:
    """Fill a database that is no copy as its branch makes it; say what it is."""
    if copied.problem is None and copied.owner in {None, order.root}:
        from sceneshift.data.beginning import find_target, is_empty  # noqa: PLC0415

        root = Path(order.root)
        target = unfit or find_target(root, os.environ, order.environment, database)
        is_ours = copied.is_new or copied.owner == order.root
        if target is not None and is_ours and is_empty(target):
            said = _make_fit(target, database)
            if unfit is not None:
                return f"{said}: {_say_unfit(database)}"
            return f"{said}: there is no {quote(database.origin_place)} to copy"
    return _describe(database, copied, order.root)


def _describe_made(
    database: OwnDatabase, order: Order, place: str, *, server: str = ""
) -> Made:
    return Made(
        root=order.root,
        worktree=order.worktree,
        name=database.name,
        system=database.system,
        place=place,
        server=server,
    )


def _describe(database: OwnDatabase, copied: Copied, root: str) -> str:
    """Say in a line what there is now, and what is to be done about it."""
    if not copied.is_new:
        return _describe_former(copied, root)
    if copied.problem is not None:
        origin = quote(database.origin_place)
        again = f"dropdb {shlex.quote(database.place)}; inv dev"
        # Its server copies by itself what pg_restore may not, as some extensions.
        return (
            f"is empty: {origin} could not be copied: {copied.problem}; when that is "
            f"mended, or nobody is connected to {origin}, have it made anew: {again}"
        )
    if not copied.is_copy:
        return f"is empty: there is no {quote(database.origin_place)} to copy"
    said = f"is a copy of {quote(database.origin_place)}"
    return f"{said}, without: {'; '.join(copied.lost)}" if copied.lost else said


def _describe_former(copied: Copied, root: str) -> str:
    if copied.owner is None:
        return "is there already"
    if copied.owner == root:
        return "is there already: it was made for this folder before"
    if not Path(copied.owner).is_dir():
        return f"is there already: {copied.owner}, which is gone, has left it"
    return f"is there already, and is that of {copied.owner} too"


def _name(database: OwnDatabase) -> str:
    return f"database {database.name}: `{database.place}`"  # whole, it may be long


def _advise(database: OwnDatabase, error: SceneshiftError) -> str:
    """Say what to do; the database of the main checkout is never used instead."""
    share = f'to use that of the main checkout: share_databases = ["{database.name}"]'
    if isinstance(error, ComponentError):
        return f"{error.hint}; {share}"
    if "permission denied to create database" in error.message:
        return f"ALTER ROLE its user CREATEDB; {share}"
    return f"mend that, and start again; {share}"


@contextmanager
def _locked(state: StateFolder) -> Iterator[None]:
    """Be the only one that makes databases for this checkout."""
    with (make_folder(state) / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _saying(database: OwnDatabase, say: Say) -> Iterator[None]:
    """Say from time to time that it still goes on."""
    done = threading.Event()
    thread = threading.Thread(target=_tick, args=(database, done, say), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _tick(database: OwnDatabase, done: threading.Event, say: Say) -> None:
    began, wait_s = time.monotonic(), _FIRST_S
    while not done.wait(wait_s):
        took = describe_seconds(time.monotonic() - began)
        what = f"{_name(database)} is being made from {quote(database.origin_place)}"
        say(f"{what}: {took}")
        wait_s = _NEXT_S


if __name__ == "__main__":
    raise SystemExit(main())
