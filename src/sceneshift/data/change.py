"""Changing a database of any system, so that it can be taken back where that can be."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.data.system import find_system
from sceneshift.data.undo import Changed, HalfwayError, UnkeptError, change_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.core.databases import Database
    from sceneshift.data.target import Target


def change_database(  # noqa: PLR0913 - a change, and how
    target: Target,
    act: str,
    what: str,
    change: Callable[[Database], None],
    *,
    is_insisting: bool = False,
    revisions: tuple[str, ...] | None = None,
) -> Changed:
    """Have a database changed, and keep what was there where that can be.

    Args:
        target: The database, whose locks are held.
        act: See `Entry.act`.
        what: See `Entry.what`.
        change: Changes the database that it is given, this one or a copy of it.
        is_insisting: Whether it is not to be changed where it cannot be taken back.
        revisions: See `Entry.revisions`.

    Raises:
        UnkeptError: It could not be taken back, and that was insisted on.
        HalfwayError: What was cut off before cannot go on; nothing was done.
        SceneshiftError: What `change` raises.
    """
    with ExitStack() as stack:
        try:
            system = find_system(target)
            stack.enter_context(system.hold())
            system.sweep()
        except HalfwayError:  # as it is, it is no state that fits the change
            raise
        except SceneshiftError as error:
            if is_insisting:
                raise UnkeptError(error.message, hint=error.hint) from error
            change(target.database)
            return Changed(obstacle=error.message)
        return change_state(
            target,
            system,
            act,
            what,
            change,
            is_insisting=is_insisting,
            revisions=revisions,
        )
