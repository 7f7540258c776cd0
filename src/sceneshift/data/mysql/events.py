"""Events of MariaDB and MySQL, which are not to run in a draft.

There they are disabled, and which of them are enabled otherwise is noted in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sceneshift.data.mysql.names import NOTE, read_note
from sceneshift.data.mysql.session import MISSING_TABLE, StatementError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.data.mysql.session import Session

_EVENTS = """\
SELECT event_name, status = 'DISABLED' FROM information_schema.events
WHERE event_schema = {name} ORDER BY event_name
"""
_HEAD = r"(.*? ON COMPLETION (?:NOT )?PRESERVE ){}(?= COMMENT | DO )"
_ENABLED, _DISABLED = (
    re.compile(_HEAD.format(each), re.DOTALL) for each in ("ENABLE", "DISABLE")
)


def list_events(session: Session, database: str) -> Iterator[tuple[str, bool]]:
    """Yield the events of a database, and whether each is only asleep in it.

    Raises:
        StatementError: It cannot be read.
    """
    rows = session.ask(_EVENTS, name=database)
    asleep = _read_asleep(session) if any(is_off for _, is_off in rows) else ()
    for name, is_off in rows:
        yield str(name), bool(is_off) and name in asleep


def _read_asleep(session: Session) -> tuple[str, ...]:
    try:
        rows = session.ask(f"SELECT note FROM {NOTE}")  # noqa: S608
    except StatementError as error:
        if error.code == MISSING_TABLE:  # it is no database of ours
            return ()
        raise
    note = read_note(str(rows[0][0]))
    return () if note is None else note.asleep


def put_to_sleep(statement: str) -> str | None:
    """Return what makes an event that does not run; None where it does not anyway."""
    text, count = _ENABLED.subn(r"\1DISABLE", statement, count=1)
    return text if count else None


def wake(statement: str) -> str:
    """Return what makes the event that one was which is asleep."""
    return _DISABLED.sub(r"\1ENABLE", statement, count=1)
