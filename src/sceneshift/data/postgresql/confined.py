"""Whether a PostgreSQL database is all that its user may change on the server.

Who may make databases has states beside this one. That is asked once for a checkout and
then written down, so that a command has nothing more to wait for.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.parting import PARTED
from sceneshift.data.postgresql import aim as pgaim
from sceneshift.data.postgresql.names import Kind, Names
from sceneshift.data.postgresql.session import Place, open_locking

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.data.postgresql.session import Session
    from sceneshift.data.target import Target

FORMERS = "dumps"  # the folder of states that are kept as files
_RIGHTS = """\
SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user
"""
_BESIDE = "SELECT datname FROM pg_database WHERE starts_with(datname, {start})"


def is_confined(target: Target) -> bool:
    """Tell whether states of a database can be kept in files alone.

    That is so as well where some are: what they lead back to would be lost. For the
    same reason it is not where some are databases beside this one, though the right
    was taken from the user; nor where the server does not answer. Who goes on will say
    so.
    """
    if any((target.folder / FORMERS).glob("*.json")):
        return True
    mark = _locate(target)
    if mark.exists():
        return False
    url = pgaim.complete(target.database.url, target.project.environment.values)
    place = Place(url=url, root=target.root)
    try:
        with open_locking(place) as session:
            is_free = session.ask(_RIGHTS) == [(True,)]
            has_beside = not is_free and _has_beside(target, place, session)
    except SceneshiftError:
        return False
    if is_free and target.folder.is_dir():
        with contextlib.suppress(OSError):
            mark.touch()
    return not is_free and not has_beside


def _has_beside(target: Target, place: Place, session: Session) -> bool:
    """Tell whether a database is one that a change leads back to."""
    names = Names(place.name)
    found = [names.parse(name) for (name,) in session.ask(_BESIDE, start=names.start)]
    return any(
        (target.folder / folder / f"{each[1]}.json").exists()
        for each in found
        if each is not None and each[0] in {Kind.FORMER, Kind.LATER}
        for folder in ("undo", PARTED)
    )


def forget_right(target: Target) -> None:
    """Have the next command ask: the right was taken from the user."""
    with contextlib.suppress(OSError):
        _locate(target).unlink(missing_ok=True)


def _locate(target: Target) -> Path:
    return target.folder / "makes-databases"
