"""Removing all rows of a SQLite file, and nothing else of it."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from typing import TYPE_CHECKING

from sceneshift.data.sqlite.schema import OWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VIRTUAL = re.compile(r"\s*CREATE\s+VIRTUAL\s+TABLE", re.IGNORECASE)
# An index of texts that are elsewhere: a row of it cannot be removed without them.
_OF_OTHERS = re.compile(r"\bfts5\b.*\bcontent\s*=", re.IGNORECASE | re.DOTALL)
# The tables behind those of FTS and R*Tree, which keep them in order themselves.
_BEHIND = re.compile(
    "_(?:config|content|data|docsize|idx|node|parent|rowid|segdir|segments|stat)"
)
_NUMBERS = "sqlite_sequence"


def remove_rows(path: Path, *, but: str) -> None:
    """Remove all rows, in one transaction; numbers begin anew.

    Args:
        path: The file, which nobody else has open.
        but: The table whose rows stay.

    Raises:
        sqlite3.Error: It cannot be written.
    """
    opened = sqlite3.connect(path, isolation_level=None)
    with contextlib.closing(opened) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN")
        # There is no way to have them rest, and an audit would write of each row.
        look = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        triggers = connection.execute(look).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {_quote(name)}")
        for statement in _list_statements(connection, but):
            connection.execute(statement)
        for _, text in triggers:
            connection.execute(text)
        connection.execute("COMMIT")
        connection.execute("VACUUM")


def _list_statements(connection: sqlite3.Connection, but: str) -> Iterator[str]:
    look = "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
    tables = {str(name): str(text) for name, text in connection.execute(look)}
    virtual = [name for name, text in tables.items() if _VIRTUAL.match(text)]
    for name in virtual:
        quoted = _quote(name)
        if _OF_OTHERS.search(tables[name]):
            yield f"INSERT INTO {quoted} ({quoted}) VALUES ('delete-all')"  # noqa: S608
        else:
            yield f"DELETE FROM {quoted}"  # noqa: S608
    for name in tables:
        is_behind = any(
            name.startswith(each) and _BEHIND.fullmatch(name, len(each))
            for each in virtual
        )
        is_kept = name.lower() == but.lower() or name.startswith(OWN)
        if not (is_behind or is_kept or name in virtual):
            yield f"DELETE FROM {_quote(name)}"  # noqa: S608
    if _NUMBERS in tables:
        yield f"DELETE FROM {_NUMBERS}"  # noqa: S608


def _quote(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))
