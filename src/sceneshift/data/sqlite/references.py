"""References between the rows of a SQLite file, which it does not look at by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sceneshift.core.errors import SceneshiftError
from sceneshift.core.wording import quote
from sceneshift.data.sqlite.files import reading

if TYPE_CHECKING:
    from pathlib import Path


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
    found = _find_broken(draft)
    if len(found) <= len(_find_broken(before) if found else ()):
        return
    table, row, parent, _ = found[-1]
    raise SceneshiftError(
        f"row {row} of {quote(str(table))} would refer to a row that "
        f"{quote(str(parent))} lacks",
        hint="mend the migration: PRAGMA foreign_key_check lists such rows",
    )


def _find_broken(path: Path) -> list[tuple[object, ...]]:
    with reading(path) as connection:
        if connection is None:
            return []
        return connection.execute("PRAGMA foreign_key_check").fetchall()
