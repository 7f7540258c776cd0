"""Files of SQL, one statement after the other."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sceneshift.data.seeding.child.failure import SeedError, explain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

# What a `;` may stand in, and what ends a statement.
_TOKEN = re.compile(
    r"""
    --[^\n]*                              # a comment
  | /\*.*?\*/
  | (?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'    # a text of PostgreSQL's with escapes
  | '(?:[^']|'')*'
  | "(?:[^"]|"")*"
  | `[^`]*`
  | (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
  | ;
    """,
    re.VERBOSE | re.DOTALL,
)
# In MariaDB and MySQL a backslash escapes, and `#` begins a comment.
_MYSQL_TOKEN = re.compile(
    r"""
    (?:--(?=\s|$)|\#)[^\n]*
  | /\*.*?\*/
  | '(?:[^'\\]|\\.|'')*'
  | "(?:[^"\\]|\\.|"")*"
  | `[^`]*`
  | ;
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"(?:\s+|--[^\n]*|/\*.*?\*/)+", re.DOTALL)
_MYSQL_COMMENT = re.compile(r"(?:\s+|(?:--(?=\s|$)|\#)[^\n]*|/\*.*?\*/)+", re.DOTALL)
_WORD = re.compile(r"\\?[A-Za-z]+")
# All of a dataset is one transaction: those that dumps write around theirs are left
# out, and what would take something back is refused.
_NOTHING = re.compile(
    r"(?:begin|commit|end|start)(?:\s+(?:transaction|work|deferred|immediate|exclusive))*",
    re.IGNORECASE,
)
_REFUSED = frozenset({"abort", "release", "rollback", "savepoint"})
# What MariaDB and MySQL commit for, and what dumps have around their rows.
_MYSQL_ENDS = re.compile(
    r"(?:truncate|alter|rename"
    r"|(?:create|drop)(?!(?:\s+or\s+replace)?\s+temporary\b)"
    r"|(?:analyze|check|optimize|repair)(?=\s+(?:\w+\s+)?tables?\b)"
    r"|flush|grant|revoke|install|uninstall)\b",
    re.IGNORECASE,
)
_MYSQL_NOTHING = re.compile(
    r"lock\s+tables?\b.*|unlock\s+tables?", re.IGNORECASE | re.DOTALL
)


_MYSQL = frozenset({"mariadb", "mysql"})


class Statement(NamedTuple):
    """A statement of a file.

    Attributes:
        line: Where it begins.
        text: What it says, without the `;`.
    """

    line: int
    text: str


def run_file(connection: Connection, path: str, place: str) -> None:
    """Run the statements of a file.

    Raises:
        SeedError: One fails, or would end the transaction.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SeedError("it is not UTF-8", place=place) from error
    system = connection.dialect.name
    driver: Any = connection.connection
    for statement in split_statements(text, system):
        at = f"{place}:{statement.line}"
        if system in _MYSQL and _is_nothing_to_mysql(statement.text, at):
            continue
        if _is_nothing(statement.text, at):
            continue
        cursor = driver.cursor()
        try:
            # Not by SQLAlchemy: it would take `%` and `:x` for parameters.
            cursor.execute(statement.text)
        except Exception as error:
            raise SeedError(explain(error), place=at) from error
        finally:
            cursor.close()


def split_statements(text: str, system: str = "") -> Iterator[Statement]:
    """Yield the statements of a text.

    Args:
        text: SQL.
        system: Of which. SQLite itself says what a statement is: those that make a
            trigger have others in them.
    """
    is_sqlite = system == "sqlite"
    is_mysql = system in _MYSQL
    comment = _MYSQL_COMMENT if is_mysql else _COMMENT
    start = 0
    for token in (_MYSQL_TOKEN if is_mysql else _TOKEN).finditer(text):
        if token.group() != ";":
            continue
        if is_sqlite and not sqlite3.complete_statement(text[start : token.end()]):
            continue
        yield from _cut(text, start, token.start(), comment)
        start = token.end()
    yield from _cut(text, start, len(text), comment)


def find_end(text: str) -> str | None:
    """Return the word that MariaDB and MySQL would commit for, if one begins a text."""
    found = _MYSQL_ENDS.match(text)
    return found.group().split()[0].upper() if found else None


def _cut(
    text: str, start: int, end: int, comment: re.Pattern[str]
) -> Iterator[Statement]:
    blank = comment.match(text, start, end)
    begin = blank.end() if blank else start
    if begin < end:
        yield Statement(text.count("\n", 0, begin) + 1, text[begin:end].rstrip())


def _is_nothing_to_mysql(text: str, place: str) -> bool:
    if (word := find_end(text)) is not None:
        instead = "write DELETE FROM" if word == "TRUNCATE" else "let a migration do it"
        raise SeedError(
            f"`{word}` in a seed would end its transaction: {instead}", place=place
        )
    found = _WORD.match(text)
    if found and found.group().lower() == "delimiter":
        raise SeedError("only the client itself knows this", place=place)
    return _MYSQL_NOTHING.fullmatch(text) is not None


def _is_nothing(text: str, place: str) -> bool:
    found = _WORD.match(text)
    word = found.group().lower() if found else ""
    if word in _REFUSED:
        raise SeedError(
            f"`{word.upper()}` in a seed: all of a dataset is one transaction",
            place=place,
        )
    if word.startswith("\\") or (
        word == "copy" and text.lower().endswith("from stdin")
    ):
        raise SeedError(
            "only psql itself knows this: write INSERT, or a CSV beside it", place=place
        )
    return _NOTHING.fullmatch(text) is not None
