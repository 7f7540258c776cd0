"""What is dangerous in MariaDB and MySQL.

Whether others can write to a table meanwhile is asked of the server itself, for that is
another in each of its versions; see `capturing`.
https://mariadb.com/kb/en/innodb-online-ddl-overview/ and
https://dev.mysql.com/doc/refman/8.4/en/innodb-online-ddl-operations.html have the rest.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sceneshift.data.lint.statements import NAME, trim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sceneshift.data.lint.statements import Change, Record

_ADD_COLUMN = re.compile(
    r"ADD (?:COLUMN )?(?:IF NOT EXISTS )?"
    r"(?!(?:CONSTRAINT|PRIMARY|UNIQUE|FOREIGN|CHECK|INDEX|KEY|FULLTEXT|SPATIAL"
    rf"|PARTITION|PERIOD|SYSTEM)\b){NAME.format('column')} (?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_FILLED = re.compile(
    r"\b(?:DEFAULT|GENERATED|AUTO_INCREMENT|SERIAL)\b|\bAS \(", re.IGNORECASE
)
_NOT_NULL = re.compile(r"\bNOT NULL\b", re.IGNORECASE)
_CHANGED = re.compile(
    rf"(?:MODIFY (?:COLUMN )?(?:IF EXISTS )?{NAME.format('column')}"
    rf"|CHANGE (?:COLUMN )?(?:IF EXISTS )?{NAME.format('former')} "
    rf"{NAME.format('other')}) (?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_RENAMED_COLUMN = re.compile(
    rf"RENAME COLUMN {NAME.format('column')} TO ", re.IGNORECASE
)
_RENAMED_TABLE = re.compile(
    rf"RENAME (?!COLUMN\b|INDEX\b|KEY\b)(?:TO |AS )?{NAME.format('other')}$",
    re.IGNORECASE,
)
_RENAMED = re.compile(rf"RENAME TABLES? {NAME.format('table')} ", re.IGNORECASE)
_DROP_COLUMN = re.compile(
    r"DROP (?:COLUMN |(?!(?:CONSTRAINT|FOREIGN|PRIMARY|INDEX|KEY|CHECK|PARTITION"
    rf"|PERIOD|SYSTEM)\b))(?:IF EXISTS )?{NAME.format('column')}",
    re.IGNORECASE,
)
_SCHEMA = re.compile(
    r"(?:CREATE|ALTER|DROP|RENAME|TRUNCATE) (?!TEMPORARY\b)", re.IGNORECASE
)
_TOUCHED = re.compile(
    r"(?:ALTER TABLE|DROP TABLE|RENAME TABLE|TRUNCATE(?: TABLE)?|UPDATE|DELETE FROM"
    r"|INSERT(?: IGNORE)? INTO|REPLACE INTO"
    r"|(?:CREATE|DROP) (?:UNIQUE |FULLTEXT |SPATIAL )?INDEX .*? ON)"
    rf"(?: IF EXISTS)? {NAME.format('table')}",
    re.IGNORECASE | re.DOTALL,
)

# Why, and what to do instead, by rule.
RULES = {
    "blocks-writes": (
        "nobody can write to the table until it is done",
        "add another column and fill it in parts, or use pt-online-schema-change",
    ),
    "empty-values": (
        "rows that are there get 0 or an empty text, and code that runs inserts none",
        "give it a server_default, or fill it before it becomes NOT NULL",
    ),
    "null-rows-fail": (
        "it fails where a row has NULL, or makes 0 or an empty text of it",
        "let a release go that writes it, and fill what is left, then ignore this line",
    ),
    "half-done": (
        "each is committed: where one fails, those before it stay done",
        "have one ALTER TABLE do all of it, or give each a revision of its own",
    ),
}


def judge_change(record: Record, change: Change) -> Iterator[tuple[str, str]]:
    """Yield what is dangerous of a change of a table that was there, by rule."""
    table, action = change.table, change.action
    added = _ADD_COLUMN.match(action)
    if added and _NOT_NULL.search(added["rest"]) and not _FILLED.search(added["rest"]):
        yield "empty-values", f"adds {table}.{trim(added['column'])} as NOT NULL"
    changed = _CHANGED.match(action)
    if changed is not None:
        column = trim(changed["column"] or changed["former"])
        if _NOT_NULL.search(changed["rest"]) and column in record.nullable:
            yield "null-rows-fail", f"makes {table}.{column} NOT NULL"
        if changed["other"] and trim(changed["other"]) != column:
            yield "rename-column", f"renames {table}.{column}"
    renamed = _RENAMED_COLUMN.match(action)
    if renamed is not None:
        yield "rename-column", f"renames {table}.{trim(renamed['column'])}"
    if _RENAMED_TABLE.match(action):
        yield "rename-table", f"renames {table}"
    dropped = _DROP_COLUMN.match(action)
    if dropped is not None:
        yield "drop-column", f"drops {table}.{trim(dropped['column'])}"


def find_renamed(statement: str) -> str | None:
    """Return the table that a statement of its own gives another name."""
    found = _RENAMED.match(statement)
    return None if found is None else trim(found["table"])


def find_touched(statement: str) -> str | None:
    """Return the table whose rows, or which itself, a statement changes."""
    found = _TOUCHED.match(statement)
    return None if found is None else trim(found["table"])


class Steps:
    """Knows which revisions do in several steps what nobody takes back."""

    def __init__(self) -> None:
        self._seen: dict[str, list[tuple[bool, bool]]] = {}
        self._told: set[str] = set()

    def add(self, file: str, statement: str, *, is_old: bool) -> bool:
        """Tell whether it is the one by which a revision becomes one of them.

        Args:
            file: The revision.
            statement: What it runs.
            is_old: Whether that changes a table which was there before.
        """
        is_schema = _SCHEMA.match(statement) is not None
        if not (is_schema or is_old) or file in self._told:
            return False
        seen = self._seen.setdefault(file, [])
        seen.append((is_schema, is_old))
        is_one = (
            len(seen) > 1
            and any(schema for schema, _ in seen)
            and any(old for _, old in seen)
        )
        if is_one:
            self._told.add(file)
        return is_one
