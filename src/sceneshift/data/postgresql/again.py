"""Looks at a database that others may be exchanging: no lock is held for a look.

Whoever exchanges a database ends the sessions in it, and for a moment its name leads
to none.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.postgresql.server import StatementError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_MOST = 6
_FEW = 3  # of what may just as well be so: there is no such database
_PAUSE_S = 0.03  # an exchange takes some 20 ms; each pause is longer than the last
# The session was ended, or the table or the database was another one by the time.
_PASSING = frozenset({"57P01", "42P01", "3D000"})
# A server that lets nobody in says no more than this by libpq, in most languages.
_SAID = ("FATAL", "server closed the connection")


def ask_again(ask: Callable[[], T]) -> T:
    """Return an answer, asking anew where the session was ended meanwhile.

    Args:
        ask: Opens a session, and looks.

    Raises:
        SceneshiftError: It is so each time, or something else is wrong.
    """
    for count in range(1, _MOST):
        try:
            return ask()
        except SceneshiftError as error:
            if count >= _count_tries(error):
                raise
        time.sleep(count * _PAUSE_S)
    return ask()


def _count_tries(error: SceneshiftError) -> int:
    if isinstance(error, StatementError) and error.code in _PASSING:
        return _MOST
    return _FEW if any(text in error.message for text in _SAID) else 1
