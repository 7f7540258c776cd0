"""Putting another state in the place of a database of MariaDB or MySQL.

One RENAME TABLE moves all tables that are there to the database that keeps them, and
those of the state that comes to theirs. Both servers do all of it or nothing, even if
they are killed meanwhile, and whoever is connected sees the one or the other. It is
refused where a table has a trigger, and views, routines and events do not move. So
triggers are removed before, and all of those made after it.

What is done is written down before, in a table that is moved along: where that is tells
whether it has happened. The next command reads it there, and goes on, or goes back.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole
from sceneshift.core.errors import BusyError, SceneshiftError
from sceneshift.core.wording import name_few, quote
from sceneshift.data.mysql.code import (
    load_code,
    make_code,
    read_code,
    remove_code,
    store_code,
)
from sceneshift.data.mysql.content import read_marker, write_marker
from sceneshift.data.mysql.copying import list_tables
from sceneshift.data.mysql.journal import (
    Journal,
    find_pending,
    read_journal,
    read_pending,
    write_journal,
)
from sceneshift.data.mysql.names import JOURNAL, REVERTING, Kind
from sceneshift.data.mysql.session import (
    MISSING_DATABASE,
    MISSING_TABLE,
    WAITED,
    StatementError,
    open_session,
    quote_name,
)
from sceneshift.data.undo import HalfwayError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.data.marker import Marker
    from sceneshift.data.mysql.beside import Beside
    from sceneshift.data.mysql.code import Code
    from sceneshift.data.mysql.session import Session

_FEW = 3
_ATTEMPTS = 3
_HOLDERS = """\
SELECT p.id, p.user, p.host, p.command, t.trx_id IS NOT NULL
FROM information_schema.processlist p
LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id
WHERE p.id <> connection_id() AND (p.db = {name} OR t.trx_id IS NOT NULL)
ORDER BY t.trx_id IS NULL, p.id
"""


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
    place = beside.make(session)
    codes = read_code(beside.place, live)
    store_code(session, place, codes)
    language = beside.find_language(session, coming)
    assert language is not None
    others = tuple(each.name for each in list_tables(session, coming))
    tables = tuple(each.name for each in list_tables(session, live))
    try:
        journal = Journal(
            live=live,
            kept=place,
            coming=coming,
            id=kept,
            marker=marker,
            present=read_marker(session, live),
            tables=tables,
            others=others,
            language=language,
        )
        write_journal(session, journal)
        triggers = [each for each in codes if each.kind == "TRIGGER"]
        remove_code(session, live, triggers)
        _move(beside, journal)
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


def resume(beside: Beside, session: Session) -> None:
    """Do an exchange to the end that was cut off, or take it back.

    Raises:
        HalfwayError: The server refused it, or somebody has to be waited for.
    """
    while (found := find_pending(beside, session)) is not None:
        try:
            _resume(beside, session, *found)
        except SceneshiftError as error:
            name = quote(beside.place.name)
            raise HalfwayError(
                f"{name} is between two states, and cannot go on: {error.message}",
                hint=f"end what works with its tables, inv dev.stop; {error.hint}",
            ) from error


def _resume(beside: Beside, session: Session, name: str, table: str) -> None:
    journal = read_journal(session, name, table)
    if journal is None:  # it was cut off before anything was done
        session.run(f"DROP TABLE {quote_name(name)}.{table}")
    elif name == journal.kept:
        _finish(beside, session, journal)
    else:
        _revert(beside, session, journal, table)


def _move(beside: Beside, journal: Journal) -> None:
    """Move the tables: that is the moment from which on the other state is there."""
    moves = [
        *_list_moves(journal.live, journal.kept, journal.tables),
        *_list_moves(journal.coming, journal.live, journal.others),
        *_list_moves(journal.coming, journal.kept, [JOURNAL]),  # the last one
    ]
    # By a session of its own: if this program is interrupted, its answer is lost.
    with open_session(beside.place, "") as mover:
        mover.run("SET foreign_key_checks = 0", f"RENAME TABLE {', '.join(moves)}")


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
        resume(beside, session)
        beside.sweep(session)
    except HalfwayError as error:
        return is_done, error
    except SceneshiftError:  # of what is of no use any more
        return is_done, None
    return is_done, None


def _revert(beside: Beside, session: Session, journal: Journal, table: str) -> None:
    """Have all as it was."""
    coming, kept, live = journal.coming, journal.kept, journal.live
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
    codes = _load(session, kept)
    present = read_code(beside.place, live)
    triggers = [each for each in codes if each.kind == "TRIGGER"]
    missing = [each for each in triggers if each not in present]
    _tell(make_code(beside.place, live, missing))
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


def _finish(beside: Beside, session: Session, journal: Journal) -> None:
    """Make what did not move with the tables, and know of both states."""
    coming, kept, live = journal.coming, journal.kept, journal.live
    if beside.find_language(session, live) != journal.language:
        # What is made after that is made in it.
        charset, collation = journal.language
        session.run(
            f"ALTER DATABASE {quote_name(live)} CHARACTER SET {charset} "
            f"COLLATE {collation}"
        )
    codes = _load(session, coming)
    wanted = {(each.kind, each.name) for each in codes}
    gone = [
        each
        for each in read_code(beside.place, live)
        if (each.kind, each.name) not in wanted
    ]
    remove_code(session, live, gone)
    _tell(make_code(beside.place, live, codes))
    write_marker(session, live, journal.marker)
    beside.note(session, kept, Kind.FORMER, journal.id)
    beside.note(session, coming, Kind.DOOMED)
    session.run(f"DROP TABLE {quote_name(kept)}.{JOURNAL}")
    beside.drop(session, coming)


def _load(session: Session, name: str) -> list[Code]:
    """Return the code of a state; of one that somebody has removed, none."""
    try:
        return load_code(session, name)
    except StatementError as error:
        if error.code not in {MISSING_DATABASE, MISSING_TABLE}:
            raise
    _tell([f"views, triggers and so on of {name}, which somebody has removed"])
    return []


def _tell(problems: Sequence[str]) -> None:
    for each in problems:
        StreamConsole().note(f"not kept: {each}")


def explain_waiting(session: Session, live: str) -> BusyError:
    """Return what says who has been waited for in vain, and that nothing changed."""
    said: list[str] = []
    first: object = None
    with contextlib.suppress(SceneshiftError):  # a user may not see others
        for number, user, host, command, is_writing in session.ask(_HOLDERS, name=live):
            first = number if first is None else first
            what = "in a transaction" if is_writing else str(command).lower()
            said.append(f"{user}@{host} (connection {number}, {what})")
    who = name_few(said, _FEW) if said else "a session that this user may not see"
    return BusyError(
        f"{quote(live)} is as it was, for its tables are in use all the time: {who}",
        hint="end its transaction, or stop it: inv dev.stop"
        + ("" if first is None else f"; or as its administrator: KILL {first}"),
    )
