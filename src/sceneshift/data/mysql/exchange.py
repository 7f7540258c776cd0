"""Putting another state in the place of a database of MariaDB or MySQL.

One RENAME TABLE moves all tables that are there to the database that keeps them, and
those of the state that comes to theirs. Both servers do all of it or nothing, even if
they are killed meanwhile, and whoever is connected sees the one or the other. It is
refused where a table has a trigger, and views, routines and events do not move. So
triggers are removed before, and all of those made after it, see `handover`.

What is done is written down before, in a table that is moved along: where that is tells
whether it has happened. The next command reads it there, and goes on, or goes back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.mysql.code import (
    load_code,
    read_code,
    remove_code,
    store_code,
)
from sceneshift.data.mysql.content import read_marker, write_marker
from sceneshift.data.mysql.copying import list_tables
from sceneshift.data.mysql.handover import (
    hand_over,
    list_hindering,
    restore_code,
    tell_missed,
)
from sceneshift.data.mysql.journal import (
    Journal,
    find_pending,
    read_journal,
    read_pending,
    write_journal,
)
from sceneshift.data.mysql.names import JOURNAL, REVERTING, Kind
from sceneshift.data.mysql.session import (
    MISSING_TABLE,
    WAITED,
    StatementError,
    open_session,
    quote_name,
)
from sceneshift.data.mysql.waiting import explain_waiting, wait_for_tables
from sceneshift.data.undo import HalfwayError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.data.marker import Marker
    from sceneshift.data.mysql.beside import Beside
    from sceneshift.data.mysql.code import Code
    from sceneshift.data.mysql.session import Session

_ATTEMPTS = 3
_HASTE_S = 3


def exchange(
    beside: Beside,
    session: Session,
    coming: str,
    *,
    marker: Marker | None,
    kept: str,
) -> None:
    """Put a state in place, and keep what is there.

    Args:
        beside: What is beside the database.
        session: Which holds the lock.
        coming: The database with the state, which is gone afterwards.
        marker: What the one that is there says of itself then.
        kept: What the former state is known under.

    Raises:
        BusyError: Somebody works with a table all the time; all is as it was.
        SceneshiftError: The server refused it; all is as it was.
    """
    resume(beside, session)
    live = beside.place.name
    try:
        journal = _prepare(beside, session, coming, marker=marker, kept=kept)
        write_journal(session, journal)
        codes = load_code(session, journal.kept)
        hindering = list_hindering(codes, journal.others)
        remove_code(session, live, hindering)
        _move(beside, journal, is_hasty=bool(hindering))
    except BaseException as error:
        is_done, problem = _settle(beside, session)
        if not isinstance(error, SceneshiftError):
            raise
        if is_done:
            _tell_unfinished(live, problem)
        elif problem is not None:
            raise problem from error
        elif isinstance(error, StatementError) and error.code in WAITED:
            raise explain_waiting(session, live) from error
        else:
            raise
    else:
        _finish_patiently(beside, session, journal)


def _prepare(
    beside: Beside, session: Session, coming: str, *, marker: Marker | None, kept: str
) -> Journal:
    """Make what keeps the state that is there, and return what is to be done."""
    live = beside.place.name
    tables = tuple(each.name for each in list_tables(session, live))
    others = tuple(each.name for each in list_tables(session, coming))
    codes = read_code(beside.place, live)
    if tables and list_hindering(codes, others):
        wait_for_tables(beside, tables)  # and only then is anything removed
        codes = read_code(beside.place, live)
    place = beside.make(session)
    store_code(session, place, codes)
    language = beside.find_language(session, coming)
    assert language is not None
    return Journal(
        live=live,
        kept=place,
        coming=coming,
        id=kept,
        marker=marker,
        present=read_marker(session, live),
        tables=tables,
        others=others,
        language=language,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _finish_patiently(beside: Beside, session: Session, journal: Journal) -> None:
    """Go on as long as that may do it: the other state is there by now."""
    problem: SceneshiftError | None = None
    for _ in range(_ATTEMPTS):
        try:
            _finish(beside, session, journal)
        except SceneshiftError as error:
            problem = error
            if not (isinstance(error, StatementError) and error.code in WAITED):
                break
        else:
            return
    _tell_unfinished(journal.live, problem)


def _tell_unfinished(live: str, problem: SceneshiftError | None) -> None:
    if problem is not None:
        StreamConsole().note(
            f"{live} has no triggers yet, and views of before: {problem.message}; the "
            "next command makes them, inv data.undo --dry-run for one"
        )


def read_present(beside: Beside, session: Session) -> Marker | None:
    """Return whose the database says it is, whatever was cut off.

    Raises:
        StatementError: It cannot be read.
    """
    pending = read_pending(beside, session)
    if pending is None:
        return read_marker(session, beside.place.name)
    journal, is_done = pending
    return journal.marker if is_done else journal.present


def resume(beside: Beside, session: Session) -> bool:
    """Do an exchange to the end that was cut off, or take it back.

    Returns:
        Whether one was done to the end.

    Raises:
        HalfwayError: The server refused it, or somebody has to be waited for.
    """
    is_done = False
    while (found := find_pending(beside, session)) is not None:
        try:
            is_done = _resume(beside, session, *found)
        except SceneshiftError as error:
            name = quote(beside.place.name)
            raise HalfwayError(
                f"{name} is between two states, and cannot go on: {error.message}",
                hint=f"end what works with its tables, inv dev.stop; {error.hint}",
            ) from error
    return is_done


def _resume(beside: Beside, session: Session, name: str, table: str) -> bool:
    journal = read_journal(session, name, table)
    if journal is None:  # it was cut off before anything was done
        session.run(f"DROP TABLE {quote_name(name)}.{table}")
    elif name == journal.kept:
        tell_missed(journal, _finish(beside, session, journal))
        return True
    else:
        _revert(beside, session, journal, table)
    return False


def _move(beside: Beside, journal: Journal, *, is_hasty: bool) -> None:
    """Move the tables: that is the moment from which on the other state is there."""
    settings = "SET foreign_key_checks = 0"
    if is_hasty:  # triggers are away, and everybody was waited for before
        settings += f", lock_wait_timeout = LEAST(@@lock_wait_timeout, {_HASTE_S})"
    moves = [
        *_list_moves(journal.live, journal.kept, journal.tables),
        *_list_moves(journal.coming, journal.live, journal.others),
        *_list_moves(journal.coming, journal.kept, [JOURNAL]),  # the last one
    ]
    # By a session of its own: if this program is interrupted, its answer is lost.
    with open_session(beside.place, "") as mover:
        mover.run(settings, f"RENAME TABLE {', '.join(moves)}")


def _list_moves(origin: str, name: str, tables: Sequence[str]) -> list[str]:
    return [
        f"{quote_name(origin)}.{quote_name(each)} TO "
        f"{quote_name(name)}.{quote_name(each)}"
        for each in tables
    ]


def _settle(beside: Beside, session: Session) -> tuple[bool, SceneshiftError | None]:
    """Go on or back after an error.

    Returns:
        Whether the other state is in place now, and why the next command has to go on.
    """
    is_done = False
    try:
        pending = read_pending(beside, session)
        is_done = pending is not None and pending[1]
        # The server may have done it after this program had its error.
        is_done = resume(beside, session) or is_done
        beside.sweep(session)
    except HalfwayError as error:
        return is_done, error
    except SceneshiftError:  # of what is of no use any more
        return is_done, None
    return is_done, None


def _revert(beside: Beside, session: Session, journal: Journal, table: str) -> None:
    """Have all as it was."""
    coming, kept = journal.coming, journal.kept
    if table == JOURNAL:
        # A program that was killed may have left a statement that waits: it finds no
        # journal any more, and fails; or was the first, and this fails.
        place = quote_name(coming)
        try:
            session.run(f"RENAME TABLE {place}.{JOURNAL} TO {place}.{REVERTING}")
        except StatementError as error:
            if error.code == MISSING_TABLE:
                return
            raise
    _move_back(session, journal)
    restore_code(beside, session, journal)
    # Without what is written down, nothing is needed any more.
    beside.note(session, kept, Kind.DOOMED)
    session.run(f"DROP TABLE {quote_name(coming)}.{REVERTING}")
    beside.drop(session, kept)


def _move_back(session: Session, journal: Journal) -> None:
    """Undo the part that a server may have done that was killed, if it is an old one.

    They move in their order: what is missing where it came from has been moved.
    """
    coming, kept, live = journal.coming, journal.kept, journal.live
    here = {each.name for each in list_tables(session, coming)}
    there = {each.name for each in list_tables(session, kept)}
    others = [each for each in journal.others if each not in here]
    tables = [each for each in journal.tables if each in there]
    moves = [*_list_moves(live, coming, others), *_list_moves(kept, live, tables)]
    if moves:
        session.run("SET foreign_key_checks = 0", f"RENAME TABLE {', '.join(moves)}")


def _finish(beside: Beside, session: Session, journal: Journal) -> list[Code]:
    """Make what did not move with the tables, and know of both states; return it."""
    coming, kept, live = journal.coming, journal.kept, journal.live
    if beside.find_language(session, live) != journal.language:
        # What is made after that is made in it.
        charset, collation = journal.language
        session.run(
            f"ALTER DATABASE {quote_name(live)} CHARACTER SET {charset} "
            f"COLLATE {collation}"
        )
    codes = hand_over(beside, session, journal)
    write_marker(session, live, journal.marker)
    beside.note(session, kept, Kind.FORMER, journal.id)
    beside.note(session, coming, Kind.DOOMED)
    session.run(f"DROP TABLE {quote_name(kept)}.{JOURNAL}")
    beside.drop(session, coming)
    return codes
