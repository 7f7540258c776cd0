"""Views, triggers and so on of two states of MariaDB or MySQL that are exchanged.

What somebody else has made meanwhile is in neither of them. It stays, and where it has
a name that is needed, its text does; so does that of what the server refuses to make.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sceneshift.core.console import StreamConsole
from sceneshift.core.wording import name_few
from sceneshift.data.mysql.code import load_code, make_code, read_code, remove_code
from sceneshift.data.mysql.session import (
    MISSING_DATABASE,
    MISSING_TABLE,
    StatementError,
    quote_name,
    quote_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sceneshift.data.mysql.beside import Beside
    from sceneshift.data.mysql.code import Code
    from sceneshift.data.mysql.journal import Journal
    from sceneshift.data.mysql.session import Session

_FEW = 3
_DELIMITER = "$$$"


def list_hindering(codes: Sequence[Code], tables: Sequence[str]) -> list[Code]:
    """Return what tables cannot be moved with: triggers, and views that have a name.

    Args:
        codes: What is there.
        tables: What comes.
    """
    names = {each.lower() for each in tables}
    return [
        each
        for each in codes
        if each.kind == "TRIGGER"
        or (each.kind == "VIEW" and each.name.lower() in names)
    ]


def restore_code(beside: Beside, session: Session, journal: Journal) -> None:
    """Make again what was removed from a state that stays in place.

    Raises:
        SceneshiftError: It has to be waited for, or cannot be written down.
    """
    live = journal.live
    present = {_key(each) for each in read_code(beside.place, live)}
    missing = [
        each
        for each in list_hindering(_load(session, journal.kept), journal.others)
        if _key(each) not in present
    ]
    _make(beside, journal, missing)
    tell_missed(journal, missing)


def hand_over(beside: Beside, session: Session, journal: Journal) -> list[Code]:
    """Have in place what belongs to the tables that have come; return that.

    Raises:
        SceneshiftError: It has to be waited for, or cannot be written down.
    """
    live = journal.live
    wanted = {_key(each): each for each in _load(session, journal.coming)}
    former = {_key(each): each for each in _load(session, journal.kept)}
    present = read_code(beside.place, live)
    foreign = [
        each
        for each in present
        if each not in (wanted.get(_key(each)), former.get(_key(each)))
    ]
    in_the_way = [
        each
        for each in foreign
        if _key(each) in {*wanted, *former} and not _is_broken(session, live, each)
    ]
    _write_down(beside, journal, in_the_way, "somebody made it meanwhile")
    for each in foreign:
        if _key(each) not in {*wanted, *former}:
            _tell(f"{_name(each)} was made meanwhile, and stays")
    gone = [each for each in present if _key(each) in former.keys() - wanted.keys()]
    remove_code(session, live, gone)
    _make(beside, journal, list(wanted.values()))
    return list(wanted.values())


def tell_missed(journal: Journal, codes: Sequence[Code]) -> None:
    """Say what was written while triggers were not there."""
    names = [each.name for each in codes if each.kind == "TRIGGER"]
    if names and journal.at:
        when = datetime.fromisoformat(journal.at).astimezone()
        _tell(
            f"what was written to {journal.live} since {when:%Y-%m-%d %H:%M:%S} has "
            f"not gone through its triggers: {name_few(names, _FEW)}"
        )


def _make(beside: Beside, journal: Journal, codes: Sequence[Code]) -> None:
    problems = make_code(beside.place, journal.live, codes)
    for each in problems:
        _tell(f"not kept: {each}")
    lost = [
        each
        for each in codes
        if any(one.startswith(f"{_name(each)}: ") for one in problems)
    ]
    _write_down(beside, journal, lost, "it cannot be made")


def _is_broken(session: Session, live: str, code: Code) -> bool:
    """Tell whether it is a view of tables that went: its text may be another one now.

    MariaDB shows `GROUP BY 1` as `group by ''` then. Nobody can have made it since.
    """
    if code.kind != "VIEW":
        return False
    place = f"{quote_name(live)}.{quote_name(code.name)}"
    try:
        session.ask(f"SELECT 1 FROM {place} LIMIT 0")  # noqa: S608
    except StatementError as error:
        return not error.is_passing
    return False


def _write_down(
    beside: Beside, journal: Journal, codes: Sequence[Code], why: str
) -> None:
    """Keep the text of what is no more in any database."""
    if codes:
        texts = (_describe(each, why) for each in codes)
        place = beside.write_down(f"{journal.id}.sql", "\n".join(texts))
        names = name_few([_name(each) for each in codes], _FEW)
        _tell(f"the text of {names} is in {place}: {why}")


def _describe(code: Code, why: str) -> str:
    """Return code as the clients of both servers read it."""
    return (
        f"-- {_name(code)}: {why}\n"
        f"SET sql_mode = {quote_text(code.mode)};\n"
        f"DELIMITER {_DELIMITER}\n{code.statement}\n{_DELIMITER}\nDELIMITER ;\n"
    )


def _load(session: Session, name: str) -> list[Code]:
    """Return the code of a state; of one that somebody has removed, none."""
    try:
        return load_code(session, name)
    except StatementError as error:
        if error.code not in {MISSING_DATABASE, MISSING_TABLE}:
            raise
    _tell(f"not kept: views, triggers and so on of {name}, which somebody has removed")
    return []


def _key(code: Code) -> tuple[str, str]:
    return code.kind, code.name


def _name(code: Code) -> str:
    return f"{code.kind.lower()} {code.name}"


def _tell(text: str) -> None:
    StreamConsole().note(text)
