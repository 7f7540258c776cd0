"""A lock of a server of MariaDB or MySQL: whoever changes a database holds it."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from sceneshift.core.blake2 import blake2b
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.mysql.session import Place, open_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sceneshift.data.mysql.session import Session

_INTERVAL_S = 0.1
# What this program's threads hold: each with the server's session for it.
_HELD: set[tuple[int, str, int]] = set()


@contextlib.contextmanager
def hold_mysql_lock(url: str, root: Path) -> Iterator[None]:
    """Hold the lock of a database by a session of its own; wait for it.

    Args:
        url: The database's address.
        root: The project's folder.

    Raises:
        SceneshiftError: Its server cannot be reached.
    """
    place = Place(url=url, root=root)
    with open_session(place, "") as session, holding_lock(session, place.name):
        yield


@contextlib.contextmanager
def holding_lock(session: Session, name: str) -> Iterator[None]:
    """Hold the lock of a database by a session, which is closed after it; wait for it.

    Two addresses of one database do not wait for each other.

    Args:
        session: Nothing else is done by it that would take it for itself.
        name: The database.

    Raises:
        StatementError: The server is gone.
        SceneshiftError: It gives no lock to anybody.
    """
    key, thread = _make_key(name), threading.get_ident()
    ((own,),) = session.ask("SELECT connection_id()")
    while (answer := session.ask("SELECT get_lock({key}, 0)", key=key)) != [(1,)]:
        if answer == [(None,)]:
            raise SceneshiftError(
                f"the server gives no lock of {quote(name)}: it cannot, or was told to "
                "end this session",
                hint="has it memory left? look at its log",
            )
        ((holder,),) = session.ask("SELECT is_used_lock({key})", key=key)
        if (thread, name, holder) in _HELD:
            yield
            return
        time.sleep(_INTERVAL_S)
    _HELD.add((thread, name, own))
    try:
        yield
    finally:
        _HELD.discard((thread, name, own))


def _make_key(name: str) -> str:
    """Return the name of a lock, of which MySQL takes 64 characters."""
    digest = blake2b(name.lower().encode(), digest_size=16).hexdigest()
    return f"sceneshift_{digest}"
