"""Questions whose ground others may take away: `inv data.status` holds no lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sceneshift.data.mysql.session import (
    MISSING_DATABASE,
    MISSING_TABLE,
    StatementError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_GONE = frozenset({MISSING_DATABASE, MISSING_TABLE})
_MOST = 5


def ask_again(ask: Callable[[], T]) -> T:
    """Return an answer, asking anew where something was gone by the time.

    Args:
        ask: Looks at what there is, and then into that.

    Raises:
        StatementError: It is so each time, or the server refused it.
    """
    for _ in range(_MOST - 1):
        try:
            return ask()
        except StatementError as error:
            if error.code not in _GONE:
                raise
    return ask()
