"""What an exchange of states writes down before, on a server of MariaDB or MySQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from sceneshift.data.marker import Marker  # noqa: TC001 - msgspec reads it
from sceneshift.data.mysql.again import ask_again
from sceneshift.data.mysql.names import JOURNAL, REVERTING
from sceneshift.data.mysql.session import (
    quote_name,
)

if TYPE_CHECKING:
    from sceneshift.data.mysql.beside import Beside
    from sceneshift.data.mysql.session import Session

_PENDING = """\
SELECT table_schema, table_name FROM information_schema.tables
WHERE table_schema LIKE {start} AND table_name IN ({one}, {other})
"""


class Journal(Struct, frozen=True, kw_only=True):
    """What an exchange does.

    Attributes:
        live: The database.
        kept: The database that gets what is there.
        coming: The one that has what comes.
        id: What the former state is known under.
        marker: What the database says of itself then.
        present: What it says until then.
        tables: What is there.
        others: What comes.
        language: The character set and the collation that come.
        at: When it was begun, in ISO format.
    """

    live: str
    kept: str
    coming: str
    id: str
    marker: Marker | None
    present: Marker | None
    tables: tuple[str, ...]
    others: tuple[str, ...]
    language: tuple[str, str]
    at: str = ""


def find_pending(beside: Beside, session: Session) -> tuple[str, str] | None:
    """Return where the journal of an exchange is that was cut off, and its name."""
    start = beside.names.start.replace("_", "\\_") + "%"
    rows = session.ask(_PENDING, start=start, one=JOURNAL, other=REVERTING)
    found = [(str(name), str(table)) for name, table in rows]
    return next((one for one in found if beside.names.has(one[0])), None)


def read_pending(beside: Beside, session: Session) -> tuple[Journal, bool] | None:
    """Return what was cut off, and whether the other state is in place already.

    Raises:
        StatementError: It cannot be read.
    """
    return ask_again(lambda: _read_pending(beside, session))


def _read_pending(beside: Beside, session: Session) -> tuple[Journal, bool] | None:
    found = find_pending(beside, session)
    journal = None if found is None else read_journal(session, *found)
    if found is None or journal is None:
        return None
    return journal, found[0] == journal.kept


def write_journal(session: Session, journal: Journal) -> None:
    """Write down what is about to be done, in the database of what comes.

    Raises:
        StatementError: The server refused it.
    """
    table = f"{quote_name(journal.coming)}.{JOURNAL}"
    session.run(
        f"CREATE TABLE {table} (number INT PRIMARY KEY, text LONGTEXT) "
        "CHARACTER SET utf8mb4"
    )
    text = msgspec.json.encode(journal).decode()
    session.ask(f"INSERT INTO {table} VALUES (1, {{text}})", text=text)  # noqa: S608


def read_journal(session: Session, name: str, table: str) -> Journal | None:
    """Return what is written down in a database; None where it was cut off.

    Raises:
        StatementError: It cannot be read.
    """
    rows = session.ask(f"SELECT text FROM {quote_name(name)}.{table}")  # noqa: S608
    return msgspec.json.decode(rows[0][0], type=Journal) if rows else None
