"""What a revision has run, taken apart as far as the rules ask."""

from __future__ import annotations

import re

from msgspec import Struct, field

from sceneshift.data.sqltext import split

_WORD = r'(?:"[^"]+"|`[^`]+`|[\w$]+)'
NAME = rf"(?P<{{}}>{_WORD}(?:\.{_WORD})?)"
_ALTER = re.compile(
    rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{NAME.format('table')} (?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)


class Record(Struct, frozen=True, kw_only=True):
    """What a revision has run, and what the database said of it.

    Attributes:
        file: The revision.
        line: Where in it.
        statement: What was run; None where it did not come to that.
        rewritten: Tables whose rows were all written anew by it.
        checks: Constraints that held for the table before.
        locks: Why nobody can write to a table meanwhile, as MariaDB or MySQL says;
            empty where everybody can.
        nullable: Columns that may be NULL before, of the same.
        children: Tables whose rows refer to one that is dropped to be made anew, while
            foreign keys are enforced.
        error: Why it failed; None where it did not.
    """

    file: str
    line: int
    statement: str | None = None
    rewritten: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    locks: str = ""
    nullable: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    error: str | None = None


class Change(Struct, frozen=True, kw_only=True):
    """One change of a table.

    Attributes:
        table: Its name, as `trim` has it.
        action: What is done, as in `DROP COLUMN a`.
    """

    table: str
    action: str


def list_changes(statement: str) -> list[Change]:
    """Return what a statement does to a table, one after another."""
    found = _ALTER.match(statement)
    if found is None:
        return []
    return [
        Change(table=trim(found["table"]), action=action)
        for action in split(found["rest"], ",")
    ]


def trim(name: str) -> str:
    """Return a name without quotes, and without the schema that need not be said."""
    bare = name.replace('"', "").replace("`", "")
    if not name.startswith('"'):
        bare = bare.lower()
    return bare.removeprefix("public.")
