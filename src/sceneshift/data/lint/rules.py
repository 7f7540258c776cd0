"""What is dangerous, why, and what to do instead.

The facts are those that squawk and strong_migrations have collected. Neither is used:
they read texts, and there is no telling by a text whether a change of a type rewrites
a table, or whether a check is there already; a run aside tells both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from sceneshift.data.lint import myrules
from sceneshift.data.lint.statements import NAME, list_changes, trim
from sceneshift.data.sqltext import split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sceneshift.data.lint.statements import Change, Record

_CREATED = re.compile(
    r"CREATE (?:(?:GLOBAL |LOCAL )?TEMP(?:ORARY)? |UNLOGGED )?"
    rf"(?:TABLE|MATERIALIZED VIEW) (?:IF NOT EXISTS )?{NAME.format('table')}",
    re.IGNORECASE,
)
_INDEX = re.compile(
    r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)(?:.*? )?ON (?:ONLY )?"
    + NAME.format("table"),
    re.IGNORECASE | re.DOTALL,
)
_DROPPED = re.compile(
    r"DROP TABLE (?:IF EXISTS )?(?P<tables>.+?)(?: CASCADE| RESTRICT)?$", re.IGNORECASE
)
_ADD_COLUMN = re.compile(
    r"ADD (?!CONSTRAINT\b|PRIMARY\b|UNIQUE\b|FOREIGN\b|CHECK\b|EXCLUDE\b)"
    rf"(?:COLUMN )?(?:IF NOT EXISTS )?{NAME.format('column')} (?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_FILLED = re.compile(r"\b(?:DEFAULT|GENERATED|\w*SERIAL\d?)\b", re.IGNORECASE)
_NOT_NULL = re.compile(
    rf"ALTER (?:COLUMN )?{NAME.format('column')} SET NOT NULL", re.IGNORECASE
)
_CONSTRAINT = re.compile(
    r"ADD (?:CONSTRAINT \S+ )?(?P<kind>FOREIGN KEY|CHECK|UNIQUE|PRIMARY KEY)\b",
    re.IGNORECASE,
)
_RENAMED_TABLE = re.compile(rf"RENAME TO {NAME.format('other')}", re.IGNORECASE)
_RENAMED_COLUMN = re.compile(
    rf"RENAME (?!TO |CONSTRAINT )(?:COLUMN )?{NAME.format('column')} TO ", re.IGNORECASE
)
_DROP_COLUMN = re.compile(
    rf"DROP (?!CONSTRAINT\b)(?:COLUMN )?(?:IF EXISTS )?{NAME.format('column')}",
    re.IGNORECASE,
)
# What SQLite says of what it has no statement for.
_BATCH = re.compile(
    r'No support for ALTER|near "(?:ALTER|CONSTRAINT|DROP|ADD|TYPE)"|Cannot add a '
    r"(?:PRIMARY KEY|UNIQUE|REFERENCES)|unknown column .* in foreign key"
)
_ENUM = "unsafe use of new value"

# Why, and what to do instead, by rule.
RULES = {
    "index-locks": (
        "nobody can write to the table until it is built",
        "use postgresql_concurrently=True, in op.get_context().autocommit_block()",
    ),
    "concurrently-in-transaction": (
        "PostgreSQL refuses that within a transaction",
        "do it in op.get_context().autocommit_block()",
    ),
    "not-null-without-default": (
        "it fails where the table has rows",
        "give it a server_default, or fill it before it becomes NOT NULL",
    ),
    "rewrite": (
        "all rows are written anew, and nobody reads them meanwhile",
        "add another column, fill it in parts, and take the old one out later",
    ),
    "set-not-null": (
        "all rows are read while nobody else may",
        "add a CHECK (… IS NOT NULL) as NOT VALID, validate it, then do this",
    ),
    "foreign-key": (
        "all rows are looked at while nobody writes to either table",
        "add it with postgresql_not_valid=True, and VALIDATE CONSTRAINT afterwards",
    ),
    "check-constraint": (
        "all rows are looked at while nobody else may",
        "add it with postgresql_not_valid=True, and VALIDATE CONSTRAINT afterwards",
    ),
    "unique-constraint": (
        "its index is built while nobody else may",
        "build the index concurrently, then ADD CONSTRAINT … USING INDEX",
    ),
    "drop-column": (
        "code that runs still asks for it, and its data is gone",
        "let a release go without it first, then ignore this line",
    ),
    "drop-table": (
        "code that runs still asks for it, and its data is gone",
        "let a release go without it first, then ignore this line",
    ),
    "rename-column": (
        "code that runs asks for it by its old name",
        "add another column, write to both, and take the old one out later",
    ),
    "rename-table": (
        "code that runs asks for it by its old name",
        "leave a view of the old name, or the name as it is",
    ),
    "enum-value": (
        "a value that ADD VALUE has added is not there before a commit",
        "add it in op.get_context().autocommit_block(), or a revision before",
    ),
    "needs-batch": (
        "SQLite has no statement for it",
        "do it within op.batch_alter_table()",
    ),
    "batch-deletes-children": (
        "the old table is dropped, and foreign keys are enforced: their rows go too",
        "have env.py switch foreign_keys off, and PRAGMA foreign_key_check at the end",
    ),
    "fails": ("it fails", "mend it"),
} | myrules.RULES


class Finding(Struct, frozen=True, kw_only=True):
    """Something dangerous.

    Attributes:
        rule: One of `RULES`.
        file: The revision.
        line: Where in it.
        what: What is done there.
    """

    rule: str
    file: str
    line: int
    what: str

    @property
    def why(self) -> str:
        """What makes it dangerous."""
        return RULES[self.rule][0]

    @property
    def instead(self) -> str:
        """What to do instead."""
        return RULES[self.rule][1]


class Judge:
    """Knows which tables are new, and judges what is done to the others.

    Args:
        system: The system's name: `sqlite`, `postgresql` or `mysql`.
        is_each: Whether a table is new to the revision alone that has made it; else to
            all of them.
    """

    def __init__(self, system: str, *, is_each: bool = False) -> None:
        self._is_server = system == "postgresql"
        self._is_mysql = system == "mysql"
        self._steps = myrules.Steps()
        self._is_each = is_each
        self._created: dict[str, str] = {}

    def judge(self, records: Iterable[Record]) -> list[Finding]:
        """Return what is dangerous of all that was done, each once."""
        found = {
            Finding(rule=rule, file=record.file, line=record.line, what=what): None
            for record in records
            for rule, what in self._judge(record)
        }
        return list(found)

    def _judge(self, record: Record) -> Iterator[tuple[str, str]]:
        for statement in split(record.statement or ""):
            yield from self._judge_statement(record, statement)
            self._note(record, statement)
        if record.error is not None:
            yield self._judge_error(record, record.error), record.error

    def _judge_statement(
        self, record: Record, statement: str
    ) -> Iterator[tuple[str, str]]:
        for change in list_changes(statement):
            if self._is_old(change.table, record):
                yield from self._judge_change(record, change)
        if record.children:
            names = ", ".join(record.children)
            yield "batch-deletes-children", f"a table that {names} refers to, anew"
        if self._is_mysql:
            yield from self._judge_mysql(record, statement)
        if self._is_server:
            index = _INDEX.match(statement)
            if index is not None and self._is_old(trim(index["table"]), record):
                yield "index-locks", f"an index on {trim(index['table'])}"
        if self._is_server or self._is_mysql:
            yield from self._judge_dropped(record, statement)

    def _judge_mysql(self, record: Record, statement: str) -> Iterator[tuple[str, str]]:
        table = myrules.find_touched(statement)
        is_old = table is not None and self._is_old(table, record)
        if record.locks and is_old:
            yield "blocks-writes", f"{table}: {record.locks}"
        renamed = myrules.find_renamed(statement)
        if renamed is not None and is_old:
            yield "rename-table", f"renames {renamed}"
        if self._steps.add(record.file, statement, is_old=is_old):
            yield "half-done", "several changes, none of which is taken back"

    def _judge_dropped(
        self, record: Record, statement: str
    ) -> Iterator[tuple[str, str]]:
        dropped = _DROPPED.match(statement)
        for name in dropped["tables"].split(",") if dropped is not None else ():
            if self._is_old(trim(name.strip()), record):
                yield "drop-table", f"drops {trim(name.strip())}"

    def _judge_change(
        self, record: Record, change: Change
    ) -> Iterator[tuple[str, str]]:
        if self._is_mysql:
            yield from myrules.judge_change(record, change)
            return
        table, action = change.table, change.action
        column = _ADD_COLUMN.match(action)
        if column is not None:
            rest = column["rest"]
            if "NOT NULL" in rest.upper() and not _FILLED.search(rest):
                name = f"{table}.{trim(column['column'])}"
                yield "not-null-without-default", f"adds {name} as NOT NULL"
        if self._is_server:
            yield from _judge_locks(record, table, action)

    def _judge_error(self, record: Record, error: str) -> str:
        if _ENUM in error:
            return "enum-value"
        if not (self._is_server or self._is_mysql) and _BATCH.search(error):
            return "needs-batch"
        is_concurrent = "CONCURRENTLY" in (record.statement or "").upper()
        return "concurrently-in-transaction" if is_concurrent else "fails"

    def _is_old(self, table: str, record: Record) -> bool:
        made_by = self._created.get(table)
        return made_by is None or (self._is_each and made_by != record.file)

    def _note(self, record: Record, statement: str) -> None:
        made = _CREATED.match(statement)
        if made is not None:
            self._created[trim(made["table"])] = record.file
        for change in list_changes(statement):
            renamed = _RENAMED_TABLE.match(change.action)
            if renamed is not None and change.table in self._created:
                self._created[trim(renamed["other"])] = self._created[change.table]


def _judge_locks(record: Record, table: str, action: str) -> Iterator[tuple[str, str]]:
    """Judge a change of a table that others are at work with."""
    if table in map(trim, record.rewritten):
        yield "rewrite", f"{table}: {action}"
    required = _NOT_NULL.match(action)
    if required is not None and not _is_checked(trim(required["column"]), record):
        yield "set-not-null", f"makes {table}.{trim(required['column'])} NOT NULL"
    constraint = _CONSTRAINT.match(action)
    if constraint is not None:
        kind, upper = constraint["kind"].upper(), action.upper()
        if kind == "FOREIGN KEY" and "NOT VALID" not in upper:
            yield "foreign-key", f"a foreign key of {table}"
        if kind == "CHECK" and "NOT VALID" not in upper:
            yield "check-constraint", f"a check of {table}"
        if kind in {"UNIQUE", "PRIMARY KEY"} and "USING INDEX" not in upper:
            yield "unique-constraint", f"a {kind.lower()} constraint of {table}"
    dropped = _DROP_COLUMN.match(action)
    if dropped is not None:
        yield "drop-column", f"drops {table}.{trim(dropped['column'])}"
    renamed = _RENAMED_COLUMN.match(action)
    if renamed is not None:
        yield "rename-column", f"renames {table}.{trim(renamed['column'])}"
    if _RENAMED_TABLE.match(action):
        yield "rename-table", f"renames {table}"


def _is_checked(column: str, record: Record) -> bool:
    wanted = re.compile(rf'\(+"?{re.escape(column)}"? IS NOT NULL\)', re.IGNORECASE)
    return any(wanted.search(each) for each in record.checks)
