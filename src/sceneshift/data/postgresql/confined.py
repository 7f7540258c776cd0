"""Whether a PostgreSQL database is all that its user may change on the server.

Who may make databases has states beside this one. That is asked once for a checkout and
then written down, so that a command has nothing more to wait for.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.postgresql import aim as pgaim
from sceneshift.data.postgresql.session import Place, open_locking

if TYPE_CHECKING:
    from pathlib import Path

    from sceneshift.data.target import Target

FORMERS = "dumps"  # the folder of states that are kept as files
_RIGHTS = """\
SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user
"""


def is_confined(target: Target) -> bool:
    """Tell whether states of a database can be kept in files alone.

    That is so as well where some are: what they lead back to would be lost. Where the
    server does not answer, it is not: who goes on will say so.
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
    except SceneshiftError:
        return False
    if is_free and target.folder.is_dir():
        with contextlib.suppress(OSError):
            mark.touch()
    return not is_free


def ask_again(target: Target) -> None:
    """Have the next command ask: the right was taken from the user."""
    with contextlib.suppress(OSError):
        _locate(target).unlink(missing_ok=True)


def _locate(target: Target) -> Path:
    return target.folder / "makes-databases"
