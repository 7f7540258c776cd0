"""Changing a database of MariaDB or MySQL where it is, with a copy of what it was.

No change of the schema can be taken back by the server. So there is a copy before, and
where a change fails that has done a part of it, the copy is put in place. A copy that
is changed and then put in place would lose what others write meanwhile; here that is in
the database afterwards, or in what is kept of it after a failure.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.guards import list_foreign_hosts
from sceneshift.data.mysql.content import read_marker, read_schema, write_marker
from sceneshift.data.mysql.digest import digest_rows
from sceneshift.data.mysql.exchange import exchange
from sceneshift.data.mysql.names import Kind
from sceneshift.data.mysql.session import WAITED, StatementError
from sceneshift.data.mysql.waiting import explain_waiting
from sceneshift.data.undo import UnkeptError
from sceneshift.data.versions import read_usual_versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from sceneshift.core.databases import Database
    from sceneshift.data.marker import Marker
    from sceneshift.data.mysql.beside import Beside
    from sceneshift.data.mysql.session import Session
    from sceneshift.data.target import Target


def change_in_place(
    target: Target,
    beside: Beside,
    change: Callable[[Database], None],
    marker: Marker,
    former: str,
) -> None:
    """Have a database changed, and keep a copy of what it was.

    It says what it will be before it is changed: wherever that is cut off, the copy is
    what undoing leads to.

    Args:
        target: The database.
        beside: What is beside it.
        change: See `System.change`.
        marker: See there.
        former: See there.

    Raises:
        UnkeptError: No copy can be kept; nothing was done.
        BusyError: Somebody writes to a table all the time; nothing was done.
        SceneshiftError: What `change` raises.
    """
    live = beside.place.name
    _keep(target, beside, former)
    with beside.asking() as session:
        present = read_marker(session, live)
        try:
            write_marker(session, live, marker)
        except SceneshiftError as error:  # another user may have written it
            said = f"its mark cannot be written: {error.message}"
            raise UnkeptError(said) from error
    before = _take_stamp(target, beside)
    try:
        change(target.database)
    except BaseException as error:
        left = _take_back(target, beside, before, present, former)
        if left is None or not isinstance(error, SceneshiftError):
            raise
        raise SceneshiftError(f"{error.message}; {left}", hint=error.hint) from error


def _keep(target: Target, beside: Beside, former: str) -> None:
    """Keep a copy of what is there."""
    if target.project.environment.protected:
        raise UnkeptError(f"{quote(target.environment)} is protected")
    if hosts := list_foreign_hosts(target):
        raise UnkeptError(f"it is on {', '.join(hosts)}")
    with beside.asking() as session:
        try:
            draft = beside.make(session)
            beside.copy_live(session, draft)
            beside.note(session, draft, Kind.FORMER, former)
        except BaseException as error:
            with contextlib.suppress(SceneshiftError):
                beside.sweep(session)
            if not isinstance(error, SceneshiftError):
                raise
            if isinstance(error, StatementError) and error.code in WAITED:
                raise explain_waiting(session, beside.place.name) from error
            raise UnkeptError(f"{error.message} ({error.hint})") from error


def _take_back(
    target: Target,
    beside: Beside,
    before: object,
    present: Marker | None,
    former: str,
) -> str | None:
    """Have all as it was after a failure; return what there is to be said of that."""
    live = beside.place.name
    try:
        with beside.asking() as session:
            coming = beside.get(session, Kind.FORMER, former)
            is_same = _take_stamp(target, beside) == before
            if is_same and _has_same_rows(session, live, coming):
                write_marker(session, live, present)
                return None
            kept = f"{former}-later"
            exchange(beside, session, coming, marker=present, kept=kept)
    except SceneshiftError as error:
        return (
            f"a part of it is done, and could not be taken back ({error.message}): "
            "inv data.undo does it"
        )
    return (
        "what was there before is in place again, and what others have written "
        "meanwhile is kept: inv data.undo --redo leads there"
    )


def _has_same_rows(session: Session, live: str, former: str) -> bool:
    """Tell whether it is certain that no row is another one.

    A part of what fails may be committed: by each statement that changes a schema, in
    tables that know no transactions, and by a migration itself.
    """
    try:
        return digest_rows(session, live) == digest_rows(session, former)
    except SceneshiftError:
        return False


def _take_stamp(target: Target, beside: Beside) -> object:
    """Return what is another where a part of a migration is done."""
    schema = read_schema(beside.place, beside.place.name)
    return schema, read_usual_versions(target)
