"""References between the rows of a SQLite file, which it does not look at by itself."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.sqlite.files import reading

if TYPE_CHECKING:
    from pathlib import Path

_HINT = "mend the migration: PRAGMA foreign_key_check lists such rows"
_UNIQUE_HINT = "what a key refers to has to be a primary key or UNIQUE"
_MISMATCH = "foreign key mismatch"
_REFERRING = """\
SELECT DISTINCT m.name FROM sqlite_master m, pragma_foreign_key_list(m.name) k
WHERE m.type = 'table'
"""
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


class Broken(Struct, frozen=True, kw_only=True):
    """References that are not in order.

    Attributes:
        rows: Those that refer to nothing: table, row, parent and number of the key.
        keys: What SQLite says of each table whose rows cannot be looked at, for nothing
            makes what they refer to unique.
    """

    rows: tuple[tuple[str, int | None, str, int], ...] = ()
    keys: frozenset[str] = frozenset()

    def count_more(self, before: Broken, gone: frozenset[str]) -> int:
        """Return how many more rows refer to nothing than did before.

        They are counted by what they refer to: tables that are written anew may number
        their rows anew. What was in tables that are gone may be in others now.

        Args:
            before: What was not in order before.
            gone: Tables that were there then, and are not now.
        """
        now, then = _count(self), _count(before)
        moved = sum(number for pair, number in then.items() if gone & {*pair})
        return sum((now - then).values()) - moved


def check_references(draft: Path, before: Path) -> None:
    """Make sure that a changed copy has no more rows that refer to nothing.

    Those that were there before are no migration's fault. They are looked for only
    where there are some now: that takes long in a large file.

    Args:
        draft: The copy.
        before: What it is a copy of.

    Raises:
        SceneshiftError: It has more.
    """
    found, tables = _look(draft)
    if found == Broken():
        return
    known, former = _look(before)
    fresh = found.keys - known.keys
    if fresh and len(found.keys) > len(known.keys):
        raise SceneshiftError(
            f"rows could not be written: {min(fresh)}", hint=_UNIQUE_HINT
        )
    if found.count_more(known, former - tables) <= 0:
        return
    more = _count(found) - _count(known)
    table, row, parent, _ = next(
        each for each in reversed(found.rows) if (each[0], each[2]) in more
    )
    raise SceneshiftError(
        f"row {row} of {quote(table)} would refer to a row that {quote(parent)} lacks",
        hint=_HINT,
    )


def check_built(connection: sqlite3.Connection) -> None:
    """Make sure that what was built has no row that refers to nothing.

    Raises:
        SceneshiftError: It has one, or a key that refers to what is not unique.
    """
    found = find_broken(connection)
    for table, row, parent, _ in found.rows[:1]:
        raise SceneshiftError(
            f"row {row} of {quote(table)} refers to a row that {quote(parent)} lacks",
            hint="mend the migration or the dataset that has made it",
        )
    for said in sorted(found.keys)[:1]:
        raise SceneshiftError(f"rows could not be written: {said}", hint=_UNIQUE_HINT)


def find_broken(connection: sqlite3.Connection) -> Broken:
    """Return the references of a file that are not in order."""
    try:
        return Broken(rows=_list_rows(connection))
    except sqlite3.OperationalError as error:
        if not _is_mismatch(error):
            raise
    rows: list[tuple[str, int | None, str, int]] = []
    keys: set[str] = set()
    for (table,) in connection.execute(_REFERRING).fetchall():
        try:
            rows += _list_rows(connection, table)
        except sqlite3.OperationalError as error:
            if not _is_mismatch(error):
                raise
            keys.add(str(error))
    return Broken(rows=tuple(rows), keys=frozenset(keys))


def _list_rows(
    connection: sqlite3.Connection, table: str | None = None
) -> tuple[tuple[str, int | None, str, int], ...]:
    look = "PRAGMA foreign_key_check"
    if table is not None:
        quoted = table.replace('"', '""')
        look = f'{look}("{quoted}")'
    return tuple(connection.execute(look))


def _is_mismatch(error: sqlite3.OperationalError) -> bool:
    return str(error).startswith(_MISMATCH)


def _look(path: Path) -> tuple[Broken, frozenset[str]]:
    """Return what is not in order in a file, and its tables."""
    with reading(path) as connection:
        if connection is None:
            return Broken(), frozenset()
        tables = frozenset(name for (name,) in connection.execute(_TABLES))
        return find_broken(connection), tables


def _count(broken: Broken) -> Counter[tuple[str, str]]:
    return Counter((table, parent) for table, _, parent, _ in broken.rows)
