"""What nobody has to wait for, done by a program of its own after a command.

A server writes all that it has in memory to the disk before it drops a database. That
takes a second where much was written. And the copy of a snapshot that the next reset
will put in place can be made ahead.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.postgresql.names import Kind, Names
from sceneshift.data.postgresql.server import (
    StatementError,
    make_key,
    quote_name,
    quote_text,
)
from sceneshift.data.postgresql.session import (
    Place,
    Session,
    open_maintenance,
    open_session,
)
from sceneshift.data.postgresql.statistics import gather_statistics

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT = frozenset({"42501", "55006"})  # another user's, or in use
_MOST = 1024**3  # bytes: a disk has room for one more of these
_LOOK = """\
SELECT datname FROM pg_database WHERE starts_with(datname, {start}) ORDER BY datname
"""


class Spare(Struct, frozen=True, kw_only=True):
    """A copy that is made ahead, so that the next command need not wait for it.

    Attributes:
        origin: What it is a copy of.
        name: What it is called.
        note: What is written on it.
        is_rough: Whether the database itself has rough statistics for now: it was made
            when somebody waited for it.
    """

    origin: str
    name: str
    note: str
    is_rough: bool = False


class _Chores(Struct, frozen=True, kw_only=True):
    url: str
    spare: Spare | None


def start_chores(place: Place, spare: Spare | None) -> None:
    """Have a spare made, and what is doomed dropped, by a program that then ends.

    Where it is killed, the databases' names say what they are: the next one goes on.
    """
    # Nobody waits for it: what it works for is over and told when this program ends.
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=place.root,
        start_new_session=True,
    )
    assert process.stdin is not None
    with contextlib.suppress(OSError), process.stdin as pipe:
        # The password is in it, and `ps` shows arguments.
        pipe.write(msgspec.json.encode(_Chores(url=place.url, spare=spare)))
    process.returncode = 0  # nor is it asked how it has ended


def drop(session: Session, name: str) -> None:
    """Drop a database, whoever is in it.

    Raises:
        StatementError: The server refused it.
    """
    session.run(f"DROP DATABASE IF EXISTS {quote_name(name)} WITH (FORCE)")


def try_to_drop(session: Session, name: str) -> str | None:
    """Drop a database, or return why the server keeps it.

    Prepared transactions and subscriptions are stronger than FORCE, and so is another
    user's right.

    Raises:
        StatementError: The server could not do it.
    """
    try:
        drop(session, name)
    except StatementError as error:
        if error.code not in _KEPT:
            raise
        return error.message
    return None


def make_spare(session: Session, place: Place, spare: Spare) -> None:
    """Make a spare, unless there is one, somebody is at work, or it would be big.

    Args:
        session: In another database.
        place: The database that it is for.
        spare: What it is.

    Raises:
        StatementError: The server refused it.
    """
    with _holding(session, place.name) as is_alone:
        if is_alone and not _list(session, place.name, Kind.SPARE):
            ((size,),) = session.ask(
                "SELECT pg_database_size({name})", name=spare.origin
            )
            if size <= _MOST:
                name = quote_name(spare.name)
                origin = quote_name(spare.origin)
                session.run(f"CREATE DATABASE {name} TEMPLATE {origin}")
                # The first one has the server read its catalogue, for all.
                with open_session(place, spare.name) as inside:
                    gather_statistics(inside)
                session.run(f"COMMENT ON DATABASE {name} IS {quote_text(spare.note)}")


def drop_doomed(session: Session, base: str) -> None:
    """Drop all doomed databases beside one, unless another program does.

    Raises:
        StatementError: The server refused it.
    """
    kept: set[str] = set()  # by the server, see `try_to_drop`
    # Once more in the end: another program may have come, and left it to this one.
    while not kept.issuperset(_list(session, base, Kind.DOOMED)):
        with _holding(session, f"{base} chores") as is_alone:
            if not is_alone:
                return
            for name in _list(session, base, Kind.DOOMED):
                if try_to_drop(session, name) is not None:
                    kept.add(name)


@contextlib.contextmanager
def _holding(session: Session, name: str) -> Iterator[bool]:
    """Hold a lock where nobody else does; tell whether that is so."""
    key = make_key(name)
    is_alone = session.ask("SELECT pg_try_advisory_lock({key})", key=key) == [(True,)]
    yield is_alone
    if is_alone:
        session.ask("SELECT pg_advisory_unlock({key})", key=key)


def _list(session: Session, base: str, kind: Kind) -> list[str]:
    names = Names(base)
    found = [name for (name,) in session.ask(_LOOK, start=names.start)]
    parsed = [(name, names.parse(name)) for name in found]
    return [name for name, one in parsed if one and one[0] is kind]


def main() -> None:
    """Do what standard input says."""
    chores = msgspec.json.decode(sys.stdin.buffer.read(), type=_Chores)
    place = Place(url=chores.url, root=Path.cwd())
    with contextlib.suppress(SceneshiftError), open_maintenance(place) as session:
        if chores.spare is not None:
            with contextlib.suppress(SceneshiftError):
                make_spare(session, place, chores.spare)
            if chores.spare.is_rough:
                with contextlib.suppress(SceneshiftError), open_session(place) as live:
                    gather_statistics(live)
        drop_doomed(session, place.name)


if __name__ == "__main__":
    main()
